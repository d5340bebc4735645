# A small image of the server. The database is outside: set DATABASE_URL, or mount a volume at /data.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package todo-server

FROM debian:bookworm-slim
RUN useradd --system --no-create-home todo && install --directory --owner todo /data
COPY --from=build /src/target/release/todo-server /usr/local/bin/
USER todo
ENV PORT=8000 DATABASE_URL=sqlite:///data/todo.db LOG_FORMAT=json
EXPOSE 8000
VOLUME /data
ENTRYPOINT ["todo-server"]
