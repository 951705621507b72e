# Everything one does with this repository. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -o errexit -o nounset -o pipefail -c
.DEFAULT_GOAL := help

# The chart holds the version; a release overrides nothing but the chart's two lines.
VERSION ?= $(shell sed -n 's/^appVersion: *//p' charts/spark-operator/Chart.yaml)
# Images of the local build. Nothing pushes them.
OPERATOR_IMAGE ?= localhost/spark-operator:$(VERSION)
LOG_ARCHIVER_IMAGE ?= localhost/log-archiver:$(VERSION)
ARCHIVER_TAGS ?=
SPARK_VERSION ?= 4.3.0
SPARK_IMAGE ?= localhost/spark:$(SPARK_VERSION)
KUBECTL_IMAGE ?= localhost/kubectl:$(VERSION)
# The end-to-end tests run some applications with the last line before 4.0 and with 4.1 as well.
SPARK35_VERSION ?= 3.5.9
SPARK35_IMAGE ?= localhost/spark:$(SPARK35_VERSION)
SPARK41_VERSION ?= 4.1.4
SPARK41_IMAGE ?= localhost/spark:$(SPARK41_VERSION)
# An existing cluster for `make demo`, instead of one that is started on this machine.
KUBE_CONTEXT ?=
IMAGE ?=
# More flags of Helm for `make demo`, such as --set=webhook.enable=true.
DEMO_FLAGS ?=

# More flags of `go test` for `make e2e`, such as -run=TestSparkPi.
E2E_FLAGS ?=
# How long `make fuzz` runs each target.
FUZZ_TIME ?= 1m
# More flags of the benchmark, such as -scenarios=burst-0; docs/performance.md has them.
BENCH_FLAGS ?=

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/spark-operator
# hack/prerequisites.sh puts a Go toolchain there if the machine has none; Debian has some programs where only root looks.
export PATH := $(CACHE)/go/bin:$(PATH):/usr/sbin:/sbin
# Modules besides the operator's own that have tests without a cluster.
MODULES := hack/localcluster hack/images hack/tools/code-generator bench
# All modules, for what concerns every line of Go.
ALL_MODULES := . $(MODULES) test

# The log archiver links the SDKs of three clouds, which build for minutes. Only a release needs all of them.
ARCHIVER := cmd/log-archiver

GIT_COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
VERSION_PACKAGE := k8s.io/component-base/version
# The time of the commit, so that the same sources give the same program.
GIT_DATE := $(shell TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
LDFLAGS := -s -w -X $(VERSION_PACKAGE).gitVersion=v$(VERSION) -X $(VERSION_PACKAGE).gitCommit=$(GIT_COMMIT) \
  -X $(VERSION_PACKAGE).buildDate=$(GIT_DATE)
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'
# The whole operator image is this program.
MAX_BYTES := 60000000
# A repository that git refuses to read (another owner) must not keep Go from building.
export GOFLAGS := $(GOFLAGS) $(if $(GIT_COMMIT),,-buildvcs=false)

##@ Develop

.PHONY: help
help: ## Print this list.
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nVariables (make TARGET NAME=value)\n'
	@printf '  %-19s %s\n' VERSION '$(VERSION)' OPERATOR_IMAGE '$(OPERATOR_IMAGE)' SPARK_VERSION '$(SPARK_VERSION)' \
	  SPARK_IMAGE '$(SPARK_IMAGE)' KUBE_CONTEXT 'kubectl context of an existing cluster, for demo' \
	  IMAGE 'operator image that this cluster can pull, for demo' \
	  DEMO_FLAGS 'flags of Helm for demo, such as --set=webhook.enable=true' E2E_FLAGS 'flags of go test, such as -run=TestSparkPi' \
	  FUZZ_TIME 'how long fuzz runs each target, such as 10s' \
	  BENCH_FLAGS 'flags of the benchmark, such as -scenarios=burst-0' \
	  BENCH_BASE 'file of an earlier run of bench-go, to compare with'

.PHONY: build
build: go-toolchain ## Build the programs into bin/.
	$(BUILD) -o bin/ ./cmd/...

.PHONY: generate
generate: go-toolchain ## Generate deep copies, defaults, clients and CRDs from pkg/apis, and what generate-chart does.
	hack/update-codegen.sh
	hack/update-chart.sh

.PHONY: generate-chart
generate-chart: go-toolchain ## Generate the chart's README and schema from values.yaml.
	hack/update-chart.sh

.PHONY: lint
lint: go-toolchain ## Run the linters on every module, script and workflow.
	hack/prerequisites.sh lint
	hack/tool.sh golangci-lint
	hack/tool.sh actionlint
	bin/actionlint
	shellcheck $$(git ls-files '*.sh' .ci/run)
	for module in $(ALL_MODULES); do (cd $$module && $(CURDIR)/bin/golangci-lint run --allow-serial-runners ./...); done
	cd $(ARCHIVER) && CGO_ENABLED=0 $(CURDIR)/bin/golangci-lint run --allow-serial-runners --build-tags s3only ./...

.PHONY: verify
verify: build ## Check generated files, imports, unreachable functions, modules and the size of the program.
	hack/verify-codegen.sh
	hack/verify-imports.sh
	hack/deadcode.sh $(ALL_MODULES)
	go run ./hack/mutants -check
	for module in $(sort $(ALL_MODULES) $(patsubst %/,%,$(wildcard hack/tools/*/))); do (cd $$module && go mod tidy -diff); done
	@size=$$(stat --format %s bin/spark-operator); echo "bin/spark-operator: $$size bytes"; \
	  [ $$size -le $(MAX_BYTES) ] || { echo "more than $(MAX_BYTES) bytes: what does it link that it does not need?" >&2; exit 1; }

.PHONY: clean
clean: ## Remove build results. The user's caches stay.
	rm -rf bin dist .out

##@ Test

.PHONY: test
test: test-unit test-tools test-chart test-integration ## Run every test that needs no node.

.PHONY: fuzz
fuzz: go-toolchain ## Run every fuzz target for FUZZ_TIME (1m). Inputs that fail are kept in testdata/fuzz.
	FUZZ_TIME=$(FUZZ_TIME) hack/fuzz.sh $(ALL_MODULES)

# Tests of concurrency are only worth something with both detectors.
GO_TEST := KUBE_CACHE_MUTATION_DETECTOR=true CGO_ENABLED=1 go test -race

.PHONY: test-unit
test-unit: go-toolchain
	hack/prerequisites.sh race
	$(GO_TEST) ./...
	# Times and memory mean nothing under the race detector.
	go test -run '^Test(LargestApplications|WorkIsLinear|KnownAttacksAreCheap)$$' ./pkg/validation
	$(MAKE) --no-print-directory goldens-built

# What a comparison with recordings counted, and what failed.
COUNTS = awk '/^(--- FAIL|FAIL|panic)/ || /_test.go:[0-9]+: (operator )?goldens: / { sub(/^ *[a-z_]+_test.go:[0-9]+: /, ""); print }'

.PHONY: goldens
goldens: goldens-built bin/localcluster ## Compare with the recordings of spark-submit and of kubeflow/spark-operator; print the counts.
	@bin/localcluster env true
	@cd test && go test -v -count=1 -run '^TestStoredAsRecorded$$' ./goldens | $(COUNTS)

.PHONY: goldens-built
goldens-built: go-toolchain
	@go test -v -run '^Test(Operator)?Goldens$$' ./pkg/submit ./pkg/translate | $(COUNTS)

.PHONY: mutants
mutants: bin/localcluster ## Plant known faults, one at a time, and check that a test fails for each; 10 minutes.
	@bin/localcluster env true
	go run ./hack/mutants

.PHONY: test-tools
test-tools: go-toolchain
	hack/prerequisites.sh race
	for module in $(MODULES); do (cd $$module && $(GO_TEST) ./...); done
	cd $(ARCHIVER) && $(GO_TEST) ./archive
	@# As test-integration and e2e build it, so that the SDK is compiled once.
	cd $(ARCHIVER) && CGO_ENABLED=0 go test -trimpath -tags s3only .

.PHONY: test-chart
test-chart: build bin/crane bin/helm bin/images bin/kustomize bin/prometheus
	cd test && go test -count=1 ./chart/...

# The packages of test/ that start an API server and nothing else.
API_SERVER_TESTS = $$(go list ./... | grep -vE '/(chart|clients|e2e|migration)(/|$$)')

.PHONY: test-integration
test-integration: bin/localcluster bin/helm bin/otelcol bin/prometheus
	hack/prerequisites.sh race
	bin/localcluster env true
	@# Never from the cache of tests, which does not know what the operator is built from.
	cd test && $(GO_TEST) -count=1 -timeout 30m $(API_SERVER_TESTS)

# What needs Kubernetes 1.36: policies that store defaults, and recordings, which contain the texts of its refusals.
NOT_ON_OLDEST := TestPolicies|TestJobsRunWithoutThePolicies|TestDefaultsAreNoDrift|TestStoredAsRecorded

# Not part of `make test`: building a second API server takes minutes, and what it finds rarely changes.
.PHONY: test-oldest
test-oldest: export LOCALCLUSTER_KUBERNETES := oldest
test-oldest: bin/localcluster bin/helm bin/otelcol bin/prometheus ## Run test-integration on the oldest Kubernetes that the operator supports, 15 minutes.
	hack/prerequisites.sh race
	bin/localcluster env true
	cd test && go test -count=1 -timeout 30m -skip '^($(NOT_ON_OLDEST))' $(API_SERVER_TESTS)

.PHONY: dashboards
dashboards: bin/localcluster bin/helm bin/prometheus ## Draw the dashboards with the metrics of a running operator in .out/dashboards; 1 minute.
	bin/localcluster env true
	cd test && go test -count=1 -run '^TestPrometheus$$' ./integration

.PHONY: restarts
restarts: bin/localcluster ## Restart the API server ten times while 900 applications are submitted; 8 minutes.
	bin/localcluster env true
	cd test && go test -v -count=1 -timeout 1h -run '^TestRestartsOfTheAPIServer$$' ./integration -restart-apps 900 -restarts 10

.PHONY: e2e
e2e: build bin/localcluster bin/images bin/helm bin/prometheus ## Run the tests that need a node and real Spark, on the local cluster, test-clients and test-migration.
	hack/prerequisites.sh images cluster clients browser
	@# Images wait for downloads. Kubernetes, Caddy and the controller of kubeflow/spark-operator wait for processors.
	$(MAKE) --no-print-directory --jobs 3 cluster-node image log-archiver-image older-spark-images bin/jmx-exporter.jar bin/kubeflow-operator bin/caddy \
	  ARCHIVER_TAGS=s3only
	bin/images operator --program kubectl --binary $$(bin/localcluster programs)/kubectl --output bin/kubectl-image.tar --tag $(KUBECTL_IMAGE)
	bin/localcluster load-image bin/operator-image.tar bin/log-archiver-image.tar bin/kubectl-image.tar \
	  bin/spark-image-$(SPARK_VERSION).tar bin/spark-image-$(SPARK35_VERSION).tar bin/spark-image-$(SPARK41_VERSION).tar
	bin/localcluster kubectl apply --server-side --force-conflicts --filename charts/spark-operator/crds/
	@# The others need no node. They are done long before Spark is.
	$(MAKE) --no-print-directory --jobs 2 e2e-node test-clients test-migration

.PHONY: e2e-node
e2e-node:
	cd test && KUBECONFIG=$$(../bin/localcluster kubeconfig) \
	  E2E_OPERATOR_IMAGE=$(OPERATOR_IMAGE) E2E_OPERATOR_BINARY=$(CURDIR)/bin/spark-operator \
	  E2E_LOG_ARCHIVER_IMAGE=$(LOG_ARCHIVER_IMAGE) E2E_KUBECTL_IMAGE=$(KUBECTL_IMAGE) \
	  E2E_SPARK_IMAGE=$(SPARK_IMAGE) E2E_SPARK_VERSION=$(SPARK_VERSION) \
	  E2E_SPARK35_IMAGE=$(SPARK35_IMAGE) E2E_SPARK35_VERSION=$(SPARK35_VERSION) \
	  E2E_SPARK41_IMAGE=$(SPARK41_IMAGE) E2E_SPARK41_VERSION=$(SPARK41_VERSION) \
	  E2E_HELM=$(CURDIR)/bin/helm E2E_CHART=$(CURDIR)/charts/spark-operator \
	  go test -v -count=1 -timeout 60m $(E2E_FLAGS) ./e2e/...

.PHONY: test-clients
test-clients: bin/localcluster ## Run released clients (Airflow, Kubeflow SDK, Argo CD's script) against the operator.
	hack/prerequisites.sh clients
	bin/localcluster env true
	clients=$$(hack/clients.sh) && cd test && CLIENTS=$$clients go test -count=1 -timeout 15m $(E2E_FLAGS) ./clients

.PHONY: test-migration
test-migration: bin/localcluster bin/kubeflow-operator ## Move applications from the real kubeflow/spark-operator to this operator and back.
	bin/localcluster env true
	cd hack/tools/kubeflow-operator && go mod download github.com/kubeflow/spark-operator/v2
	module=$$(go -C hack/tools/kubeflow-operator list -m -f '{{.Dir}}' github.com/kubeflow/spark-operator/v2) && cd test && \
	  KUBEFLOW_OPERATOR=$(CURDIR)/bin/kubeflow-operator KUBEFLOW_CRDS=$$module/config/crd/bases go test -count=1 -timeout 10m ./migration $(E2E_FLAGS)

##@ Measure

.PHONY: bench
bench: build bin/bench bin/localcluster ## Measure the operator on a real API server, 20 minutes. docs/performance.md explains it.
	bin/localcluster env true
	bin/bench $(BENCH_FLAGS)

.PHONY: bench-short
bench-short: build bin/bench bin/localcluster ## Run the checks of the benchmark: nothing is lost, duplicated or written too often.
	bin/localcluster env true
	bin/bench -short $(BENCH_FLAGS)

.PHONY: soak
soak: build bin/bench bin/localcluster ## Run applications for 30 minutes under injected faults. BENCH_FLAGS=-soak=1h for longer.
	bin/localcluster env true
	bin/bench -scenarios soak $(BENCH_FLAGS)

# Where the hot functions are, and a file of an earlier run to compare with.
HOT_PACKAGES := ./pkg/controller ./pkg/controller/lifecycle ./pkg/controller/run ./pkg/informers ./pkg/submit ./pkg/translate
BENCH_BASE ?=

.PHONY: figures
figures: build operator-image bin/localcluster ## Measure takeovers, the memory of idle replicas and the size of the image, 2 minutes.
	bin/localcluster env true
	cd test && go test -v -count=1 -run '^TestTakeover$$' ./integration -operator=$(CURDIR)/bin/spark-operator | \
	  awk '/^(--- FAIL|FAIL|panic)/ || /_test.go:[0-9]+: / { sub(/^ *[a-z_]+_test.go:[0-9]+: /, ""); print } /^FAIL/ { failed = 1 } END { exit failed }'
	@echo "image: $$(stat --format %s bin/operator-image.tar) bytes; program: $$(stat --format %s bin/spark-operator) bytes"

.PHONY: bench-go
bench-go: bin/benchstat ## Run the Go benchmarks ten times, 2 minutes. BENCH_BASE=FILE compares with an earlier run.
	mkdir -p .out
	go test -run '^$$' -bench . -benchmem -benchtime 200ms -count 10 $(HOT_PACKAGES) > .out/bench-go.txt
	bin/benchstat $(BENCH_BASE) .out/bench-go.txt

.PHONY: bench-figures
bench-figures: go-toolchain ## Draw the figures of docs/performance.md from bench/results/reference.jsonl.
	cd bench && go run ./plot results/reference.jsonl ../docs/performance

##@ Run

.PHONY: demo
demo: ## Start a cluster, install the operator, run SparkPi. With KUBE_CONTEXT: use that cluster.
	@hack/demo.sh

.PHONY: cluster-up
cluster-up: image bin/localcluster ## Start a one-node Kubernetes cluster on this machine and load the images (root).
	hack/prerequisites.sh cluster
	bin/localcluster up
	bin/localcluster load-image bin/operator-image.tar bin/spark-image-$(SPARK_VERSION).tar

.PHONY: cluster-node
cluster-node: bin/localcluster
	bin/localcluster up

.PHONY: cluster-down
cluster-down: bin/localcluster ## Stop the cluster. Its images are kept.
	bin/localcluster down

##@ Release

.PHONY: image
image: operator-image spark-image ## Build the operator image and a Spark image as archives in bin/, without docker.

.PHONY: bin/log-archiver
bin/log-archiver: go-toolchain
	cd $(ARCHIVER) && CGO_ENABLED=0 go build -trimpath -tags '$(ARCHIVER_TAGS)' -ldflags '$(LDFLAGS)' -o $(CURDIR)/bin/log-archiver .

.PHONY: log-archiver-image
log-archiver-image: bin/log-archiver bin/images ## Build the image of the log archiver, minutes. ARCHIVER_TAGS=s3only: only for S3 and folders.
	bin/images operator --program log-archiver --binary bin/log-archiver --output bin/log-archiver-image.tar --tag $(LOG_ARCHIVER_IMAGE)

.PHONY: operator-image
operator-image: build bin/images
	bin/images operator --binary bin/spark-operator --output bin/operator-image.tar --tag $(OPERATOR_IMAGE)

.PHONY: spark-image
spark-image: bin/images
	hack/prerequisites.sh images
	bin/images spark --version $(SPARK_VERSION) --output bin/spark-image-$(SPARK_VERSION).tar --tag $(SPARK_IMAGE)

.PHONY: older-spark-images
older-spark-images: bin/images
	hack/prerequisites.sh images
	bin/images spark --version $(SPARK35_VERSION) --output bin/spark-image-$(SPARK35_VERSION).tar --tag $(SPARK35_IMAGE)
	bin/images spark --version $(SPARK41_VERSION) --output bin/spark-image-$(SPARK41_VERSION).tar --tag $(SPARK41_IMAGE)

.PHONY: chart
chart: bin/helm ## Package the chart into bin/.
	bin/helm package charts/spark-operator --version $(VERSION) --app-version $(VERSION) --destination bin

# Where a release is made, and where its Helm repository will be.
DIST := dist
CHART_URL ?= https://spark-operator.github.io/spark-operator
# The registry to which `make push` pushes image and chart, and where repo-serve listens.
REGISTRY ?= ghcr.io/spark-operator
# More flags of `helm push`, such as --plain-http for a registry without TLS. crane needs no flag for one on this machine.
HELM_PUSH_FLAGS ?=
REPO_ADDRESS ?= 127.0.0.1:8879

.PHONY: package
package: go-toolchain bin/helm bin/images bin/cyclonedx-gomod bin/kustomize ## Make a release in dist/: Helm repository, images for amd64 and arm64, manifests, SBOM, licences, checksums.
	cd $(ARCHIVER) && go mod tidy -diff
	VERSION='$(VERSION)' LDFLAGS='$(LDFLAGS)' CHART_URL='$(CHART_URL)' hack/package.sh $(DIST)

.PHONY: release-check
release-check: package bin/govulncheck ## Check a release: SBOM, licences, checksums, known vulnerabilities. VULN_DB names another database than Go's.
	cd $(DIST) && sha256sum --check --quiet SHA256SUMS
	go run ./hack/releasecheck $(DIST)

.PHONY: repo-serve
repo-serve: bin/helm ## Serve the Helm repository of `make package` on this machine (REPO_ADDRESS).
	@[ -f $(DIST)/repo/index.yaml ] || { echo "run make package first" >&2; exit 1; }
	@# A copy, whose index has no address: the release's own leads to where the release will be.
	@rm -rf .out/repo && mkdir -p .out && cp -r $(DIST)/repo .out/repo && bin/helm repo index .out/repo
	@go run ./hack/reposerve .out/repo $(REPO_ADDRESS)

.PHONY: push
push: bin/crane bin/helm ## Push images and chart of `make package` to REGISTRY. Needs a login there.
	@[ -f $(DIST)/repo/spark-operator-$(VERSION).tgz ] || { echo "$(DIST) has no version $(VERSION): run make package first" >&2; exit 1; }
	for image in image log-archiver-image; do \
	  rm -rf $(DIST)/$$image && mkdir $(DIST)/$$image && tar --extract --file $(DIST)/$$image.tar --directory $(DIST)/$$image; done
	bin/crane push --index $(DIST)/image $(REGISTRY)/spark-operator:$(VERSION)
	bin/crane push --index $(DIST)/log-archiver-image $(REGISTRY)/log-archiver:$(VERSION)
	bin/helm push $(DIST)/repo/spark-operator-$(VERSION).tgz oci://$(REGISTRY)/charts $(HELM_PUSH_FLAGS)
	rm -rf $(DIST)/image $(DIST)/log-archiver-image

# Programs that the targets above use. Go knows whether there is something to do.

.PHONY: go-toolchain
go-toolchain:
	@hack/prerequisites.sh build

.PHONY: bin/helm
bin/helm: go-toolchain
	@hack/tool.sh helm

.PHONY: bin/actionlint bin/caddy bin/crane bin/cyclonedx-gomod bin/govulncheck bin/kustomize bin/otelcol bin/prometheus
bin/actionlint bin/caddy bin/crane bin/cyclonedx-gomod bin/govulncheck bin/kustomize bin/otelcol bin/prometheus: go-toolchain
	@hack/tool.sh $(notdir $@)

.PHONY: bin/jmx-exporter.jar
bin/jmx-exporter.jar:
	@hack/jmx-exporter.sh

.PHONY: bin/kubeflow-operator
bin/kubeflow-operator: go-toolchain
	@hack/tool.sh kubeflow-operator

.PHONY: bin/benchstat
bin/benchstat: go-toolchain
	@hack/tool.sh benchstat

.PHONY: bin/localcluster
bin/localcluster: go-toolchain
	@cd hack/localcluster && CGO_ENABLED=0 go build -o ../../bin/localcluster .

.PHONY: bin/bench
bin/bench: go-toolchain
	@cd bench && CGO_ENABLED=0 go build -o ../bin/bench .

.PHONY: bin/images
bin/images: go-toolchain
	@cd hack/images && CGO_ENABLED=0 go build -o ../../bin/images .

export VERSION OPERATOR_IMAGE SPARK_VERSION SPARK_IMAGE KUBE_CONTEXT IMAGE DEMO_FLAGS
