# Two images:
#
#   docker build -t fcgigw .                    the gateway alone, on nothing
#   docker build -t fcgigw-php --target php .   with php-fpm as its child, on Debian
#
# The gateway alone, beside a php-fpm container that sees the same files:
#
#   docker network create web
#   docker run -d --network web --name php -v "$PWD:/var/www/html:ro" php:8.2-fpm
#   docker run -d --network web -p 8080:8080 -v "$PWD:/var/www/html:ro" --read-only --tmpfs /tmp fcgigw
#
# configs/docker/*.toml list the variables that the images take.

FROM golang:1.26-bookworm AS build
ARG GOPROXY=https://proxy.golang.org,direct
ARG GOSUMDB=sum.golang.org
WORKDIR /src
# The modules change less often than the code: they are a layer of their own.
COPY go.mod go.sum ./
RUN go mod download
COPY cmd ./cmd
COPY pkg ./pkg
ARG VERSION=devel
# Same source, version and toolchain, same bytes: no path, no build id.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=${VERSION}" \
    -o /rootfs/fcgigw ./cmd/fcgigw
RUN mkdir -p /rootfs/etc/ssl/certs /rootfs/etc/fcgigw /rootfs/var/www/html \
 && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
 && echo 'nonroot:x:65532:65532:nonroot:/:/fcgigw' > /rootfs/etc/passwd \
 && echo 'nonroot:x:65532:' > /rootfs/etc/group \
 && mkdir -m 1777 /rootfs/tmp
COPY configs/docker/fcgigw.toml /rootfs/etc/fcgigw/fcgigw.toml

FROM debian:bookworm-slim AS php
# More extensions: build FROM this image and install php8.2-mysql and so on.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates php8.2-fpm \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /var/www/html
COPY --from=build /rootfs/fcgigw /fcgigw
COPY configs/docker/php.toml /etc/fcgigw/fcgigw.toml
ARG VERSION=devel
LABEL org.opencontainers.image.title="fcgigw with php-fpm" \
      org.opencontainers.image.description="A web server with php-fpm as its child" \
      org.opencontainers.image.source="https://github.com/fcgigw/fcgigw" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
USER 65532:65532
WORKDIR /
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s \
    CMD ["/fcgigw", "health", "http://127.0.0.1:8080/-/health"]
ENTRYPOINT ["/fcgigw"]
CMD ["run", "--config", "/etc/fcgigw/fcgigw.toml"]

FROM scratch AS gateway
COPY --from=build /rootfs/ /
ARG VERSION=devel
LABEL org.opencontainers.image.title="fcgigw" \
      org.opencontainers.image.description="A web server in front of php-fpm and other FastCGI applications" \
      org.opencontainers.image.source="https://github.com/fcgigw/fcgigw" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
USER 65532:65532
WORKDIR /
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s \
    CMD ["/fcgigw", "health", "http://127.0.0.1:8080/-/health"]
ENTRYPOINT ["/fcgigw"]
CMD ["run", "--config", "/etc/fcgigw/fcgigw.toml"]
