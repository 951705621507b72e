# SPDX-License-Identifier: Apache-2.0
#
# The operator image, built with a container engine. `go run . operator` in hack/images builds the same image without one.
# Cross-building needs no emulation: the compiler runs on the platform of the builder.
ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
ARG TARGETOS
ARG TARGETARCH
# Additional linker flags, such as -X for a version.
ARG LDFLAGS=""
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd/ cmd/
COPY manifests/ manifests/
COPY pkg/ pkg/
RUN CGO_ENABLED=0 GOOS=${TARGETOS:-linux} GOARCH=${TARGETARCH} \
    go build -trimpath -ldflags "-s -w ${LDFLAGS}" -o /image/usr/bin/spark-operator ./cmd/spark-operator \
    && mkdir --mode=1777 /image/tmp

# Nothing but the binary: the cluster's certificates come with the service account, and there is no shell to attack.
FROM scratch
LABEL org.opencontainers.image.title="spark-operator" \
      org.opencontainers.image.description="Kubernetes operator for Apache Spark" \
      org.opencontainers.image.source="https://github.com/spark-operator/spark-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
USER 185:185
ENTRYPOINT ["/usr/bin/spark-operator"]
