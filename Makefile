# What one does here, by name. `make` lists it.

CARGO ?= cargo
TOOLS := target/tools
DENY := $(TOOLS)/cargo-deny@0.20.2/bin/cargo-deny
MACHETE := $(TOOLS)/cargo-machete@0.9.2/bin/cargo-machete
# What is built for production is laid out by what the load takes of it; plain cargo builds it without. This form of the
# flags survives a path with spaces; it replaces RUSTFLAGS of one's own.
PRODUCTION := CARGO_ENCODED_RUSTFLAGS="--codegen=profile-use=$(CURDIR)/server/load.profdata"

.DEFAULT_GOAL := help
# With -j, tests that measure time would run beside others; and all of it waits for cargo's locks anyway.
.NOTPARALLEL:
.PHONY: help run build profile token test test-plain test-release chaos soak bench bench-http instructions check format lint doc deny \
  advisories machete document drift postgres interop release clean

help: ## List what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .env ## Build and serve, on the embedded database unless .env says otherwise
	$(CARGO) run --locked --package todo-server

.env:
	@umask 077; secret=$$(head -c 32 /dev/urandom | base64); \
	  sed "s|^BETTER_AUTH_SECRET=.*|BETTER_AUTH_SECRET=$$secret|" .env.example > .env
	@echo "wrote .env, with a fresh secret"

build: ## Build the server for production: target/release/todo-server
	$(PRODUCTION) $(CARGO) build --quiet --locked --release --package todo-server

profile: postgres ## Learn anew what the load takes of the server, for the builds to come
	@contract-tests/bring.sh wrk libluajit-5.1-2 libluajit-5.1-common
	@contract-tests/profile.sh

token: .env ## Print a token for trying the API: make token USER=demo
	@$(CARGO) run --quiet --locked --package todo-server -- token --user "$(USER)"

test: postgres ## Run all tests, on SQLite and on PostgreSQL
	$(CARGO) test --workspace --locked

SOME := $(CARGO) test --locked --package todo-contract-tests --test contract --
# Fails where no test has such a name.
THERE = @for tests in $(1); do \
  $(SOME) --list $$tests | grep -q ': test$$' || { echo "no test is called $$tests" >&2; exit 1; }; done

test-plain: postgres ## The tests of tasks once more, a statement for each request and no list remembered
	$(call THERE,tasks:: ownership::)
	TEST_VARIABLES="DATABASE_BATCH_SIZE=1 LIST_CACHE=0 WORKERS=1" $(SOME) tasks:: ownership::

test-release: build postgres ## The tests of the server as a process once more, of the build for production
	$(call THERE,memory:: process::)
	TEST_SERVER="$(CURDIR)/target/release/todo-server" $(SOME) memory:: process::

chaos: postgres ## Cause faults for real, and see that nothing acknowledged is lost: make chaos LONG=1 FAULT=disk-full
	$(CARGO) run --quiet --locked --package todo-contract-tests --bin chaos -- $(if $(LONG),--long) $(FAULT)

soak: postgres ## Load the server for MINUTES (10) on each database, and see that it holds no more than before
	$(PRODUCTION) $(CARGO) run --quiet --release --locked --package todo-contract-tests --bin soak -- $(or $(MINUTES),10) $(DATABASE)

check: format lint doc deny machete drift test test-plain test-release chaos interop ## Run all that has to pass before a change lands

# Rustfmt leaves comments as wide as they are. The first look fails where there are none to look at; the second passes
# by status 1 alone, which is git's for no such line: any other is an error.
format: ## Fail where rustfmt would change something, or a comment has more than 120 columns
	$(CARGO) fmt --all --check
	$(CARGO) fmt --all --check --manifest-path contract-tests/bench/Cargo.toml
	$(CARGO) fmt --all --check --manifest-path contract-tests/interop/progenitor/Cargo.toml
	@git grep --quiet -E '^ *//' -- '*.rs' || { echo "there are no comments to check" >&2; exit 1; }
	@LC_ALL=C.UTF-8 git grep --line-number -E -e '^ *//' --and -e '.{121}' -- '*.rs'; \
	  [ $$? -eq 1 ] || { echo "comments have more than 120 columns" >&2; exit 1; }

lint: ## Clippy, with warnings denied, of the peers too
	contract-tests/heed.sh $(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	contract-tests/heed.sh $(CARGO) clippy --workspace --all-targets --locked --manifest-path contract-tests/bench/Cargo.toml --target-dir target -- --deny warnings

doc: ## The documentation of the code, with warnings denied
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --locked

deny: $(DENY) ## Licences, sources, and who may use what
	$(DENY) --locked check bans licenses sources

advisories: $(DENY) ## Known faults of what we use; needs the internet
	$(DENY) --locked check advisories

machete: $(MACHETE) ## Dependencies that nobody uses
	contract-tests/heed.sh $(MACHETE) --skip-target-dir

bench: bench-http ## What requests cost, the road of each, pages, verified tokens and row-level security
	$(PRODUCTION) $(CARGO) bench --locked --package todo-contract-tests --bench hot_path --bench pages --bench row_security --bench tokens

bench-http: build postgres ## Requests a second, beside peers: make bench-http DATABASE=sqlite WORK="W1 W6"
	@contract-tests/bring.sh wrk libluajit-5.1-2 libluajit-5.1-common
	$(CARGO) build --quiet --locked --release --manifest-path contract-tests/bench/Cargo.toml --target-dir target/bench
	@$(CARGO) run --quiet --locked --package todo-contract-tests --bin bench-http -- $(foreach name,$(BENCH),"$(name)=$($(name))")

# What bench-http takes; contract-tests/bench/README.md tells of each.
BENCH := DATABASE WORK CONNECTIONS SERVERS ROUNDS DURATION USERS TASKS IDLE PUBLISH

instructions: ## Instructions that the road of a request takes, counted by valgrind
	@$(PRODUCTION) contract-tests/instructions.sh

# Of what the tests are built of: alone it would be built of other features of the same crates, for a minute.
OPENAPI := $(CARGO) build --quiet --locked --workspace --bin openapi && target/debug/openapi

document: ## Print the document anew; read the difference before it is committed
	@mkdir -p target
	$(OPENAPI) json > target/openapi.json
	$(OPENAPI) yaml > target/openapi.yaml
	mv target/openapi.json target/openapi.yaml openapi/

drift: ## Fail where the committed document is not the one that the code prints
	$(OPENAPI) json | cmp - openapi/openapi.json
	$(OPENAPI) yaml | cmp - openapi/openapi.yaml

postgres: ## Bring PostgreSQL and PgBouncer for the tests, where they are not installed
	@contract-tests/bring-postgres.sh
	@contract-tests/bring.sh pgbouncer libevent-2.1-7 libevent-2.1-7t64 libc-ares2 libcares2

interop: postgres ## Generated clients, judges and other peers: make interop PEER=orval
	@contract-tests/interop/bring.sh
	@$(CARGO) run --quiet --locked --package todo-contract-tests --bin interop -- $(PEER)

release: document ## Freeze the document as released, under its version
	@version=$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1); frozen=openapi/released/$$version.json; \
	  if [ -e "$$frozen" ]; then echo "$$version is released already: raise the version in Cargo.toml" >&2; exit 1; fi; \
	  cp openapi/openapi.json "$$frozen"

clean: ## Remove what was built; the data stays
	$(CARGO) clean

# The tools, pinned by the name of their folder; built once into target/, without optimising, which takes longer than
# what they do.
$(DENY) $(MACHETE): $(TOOLS)/%:
	$(CARGO) install --quiet --locked --debug --root $(TOOLS)/$(*D:/bin=) --target-dir $(TOOLS)/build $(*D:/bin=)
