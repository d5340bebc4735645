# syntax=docker/dockerfile:1
# A small image: the program, the C library and the certificates of authorities; no shell, no root, and nothing that has
# to be writable except /data, where the embedded database is unless DATABASE_URL says otherwise.

FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
# The caches are not part of the image, so the program is copied out of them. All builds share them, one after the
# other. Cargo tells by the times of our files, which COPY keeps, whether they have changed: without touch, an older
# checkout built later would get the program of the newer one.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    find api migration server -type f -exec touch {} + \
    && make build \
    && install --strip -D target/release/todo-server /image/usr/local/bin/todo-server \
    && install --directory /image/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/usr/ /usr/
COPY --from=build --chown=65532:65532 /image/data /data
ENV HOST=0.0.0.0 PORT=8000 DATABASE_URL=sqlite:///data/todo.db LOG_FORMAT=json
EXPOSE 8000
# Name the volume (docker run -v todo:/data), or the next container gets another one.
VOLUME /data
# Relative paths, such as .env, start from this folder, which is empty.
WORKDIR /home/nonroot
# The user nonroot, by its number: whoever runs the image may insist on a number that is not 0.
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=40s CMD ["todo-server", "healthcheck"]
ENTRYPOINT ["todo-server"]
