# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
    && cp target/release/docspace-courier /docspace-courier \
    && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /docspace-courier /usr/local/bin/docspace-courier
COPY --from=build --chown=nonroot:nonroot /data /data
# The store: keep it in a volume. Secrets come as variables or, better, as X_FILE, never in a layer.
WORKDIR /data
VOLUME /data
EXPOSE 3000
ENTRYPOINT ["docspace-courier"]
CMD ["serve"]
