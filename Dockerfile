# syntax=docker/dockerfile:1

# The program, built with exactly what Cargo.lock names. The caches stay outside the layers.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
    && install -D target/release/docspace-courier /image/usr/local/bin/docspace-courier \
    && install -d -m 700 /image/data

# glibc, certificates and nothing else: no shell, no package manager. The user is 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/usr/local/bin/docspace-courier /usr/local/bin/docspace-courier
# The store: keep it in a volume. Secrets come as files (X_FILE) or variables, never in a layer.
COPY --from=build --chown=nonroot:nonroot /image/data /data
WORKDIR /data
VOLUME /data
# Deliveries. The operator's listener is on loopback, within the container, unless ADMIN_ADDR says more.
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["docspace-courier", "health"]
ENTRYPOINT ["docspace-courier"]
CMD ["serve"]
