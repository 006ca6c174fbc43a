# syntax=docker/dockerfile:1

# The program, built with exactly what Cargo.lock names. The caches stay outside the layers.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
    && install -D -t /programs target/release/docspace-courier \
    && install -d /programs/data

# glibc, certificates and nothing else: no shell, no package manager. The user is 65532.
FROM gcr.io/distroless/cc-debian12:nonroot AS base
LABEL org.opencontainers.image.title="docspace-courier" \
    org.opencontainers.image.description="Receives ONLYOFFICE DocSpace webhooks and does the file work of your rules" \
    org.opencontainers.image.licenses="Apache-2.0"
# Deliveries. The operator's listener is on loopback, within the container, unless ADMIN_ADDR says more.
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["docspace-courier", "health"]
ENTRYPOINT ["docspace-courier"]
CMD ["serve"]

# A release, from the programs that release/build made for each architecture.
FROM base AS release
ARG TARGETARCH
# hadolint ignore=DL3022
COPY --from=programs --chmod=755 ${TARGETARCH}/docspace-courier /usr/local/bin/
# hadolint ignore=DL3022
COPY --from=programs --chown=nonroot:nonroot --chmod=700 data /data
WORKDIR /data
VOLUME /data

# What `docker build` makes of this repository.
FROM base
COPY --from=build /programs/docspace-courier /usr/local/bin/
# The store: keep it in a volume. Secrets come as files (X_FILE) or variables, never in a layer.
COPY --from=build --chown=nonroot:nonroot --chmod=700 /programs/data /data
WORKDIR /data
VOLUME /data
