# One binary, made by the Bun that the lock file was made with, in an image that holds nothing else.
FROM oven/bun:1.4.5 AS build
WORKDIR /emaki
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile --ignore-scripts
COPY . .
RUN bun run build && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="marketplace" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /
COPY --from=build /emaki/dist/marketplace /marketplace
COPY --from=build --chown=nonroot:nonroot /data /data
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    SQLITE_FILE=/data/emaki.db
USER nonroot
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s CMD ["/marketplace", "health"]
ENTRYPOINT ["/marketplace"]
