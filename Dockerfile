# SPDX-License-Identifier: Apache-2.0
#
# The images of the operator and, with --target log-archiver, of the log archiver, built with a container engine.
# `go run . operator` in hack/images builds the same images without one.
# Cross-building needs no emulation: the compiler runs on the platform of the builder.
ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS source
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd/ cmd/
COPY manifests/ manifests/
COPY pkg/ pkg/
RUN mkdir --parents --mode=1777 /image/tmp

FROM source AS build-log-archiver
ARG TARGETOS
ARG TARGETARCH
ARG LDFLAGS=""
# s3only leaves out the SDKs of Google Cloud and Azure.
ARG ARCHIVER_TAGS=""
RUN cd cmd/log-archiver && CGO_ENABLED=0 GOOS=${TARGETOS:-linux} GOARCH=${TARGETARCH} \
    go build -trimpath -tags "${ARCHIVER_TAGS}" -ldflags "-s -w ${LDFLAGS}" -o /image/usr/bin/log-archiver .

FROM scratch AS log-archiver
LABEL org.opencontainers.image.title="log-archiver" \
      org.opencontainers.image.description="Copies the logs of Apache Spark drivers to a bucket" \
      org.opencontainers.image.source="https://github.com/spark-operator/spark-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-log-archiver /image/ /
USER 185:185
ENTRYPOINT ["/usr/bin/log-archiver"]

FROM source AS build-spark-operator
ARG TARGETOS
ARG TARGETARCH
# Additional linker flags, such as -X for a version.
ARG LDFLAGS=""
RUN CGO_ENABLED=0 GOOS=${TARGETOS:-linux} GOARCH=${TARGETARCH} \
    go build -trimpath -ldflags "-s -w ${LDFLAGS}" -o /image/usr/bin/spark-operator ./cmd/spark-operator

# Nothing but the binary: the cluster's certificates come with the service account, and there is no shell to attack.
FROM scratch
LABEL org.opencontainers.image.title="spark-operator" \
      org.opencontainers.image.description="Kubernetes operator for Apache Spark" \
      org.opencontainers.image.source="https://github.com/spark-operator/spark-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-spark-operator /image/ /
USER 185:185
ENTRYPOINT ["/usr/bin/spark-operator"]
