# make help lists the targets.

GO      := scripts/go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BUILD   := -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'

.DEFAULT_GOAL := help
.PHONY: help setup setup-test run build test lint fmt fuzz bench profile image fresh-machine-test clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## install what is missing, build, and serve the example site (PORT=… to choose)
	@scripts/run-example

build: setup ## build the static binary bin/fcgigw
	CGO_ENABLED=0 $(GO) build $(BUILD) -o bin/fcgigw ./cmd/fcgigw

test: setup-test ## run all tests, with the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 10m $(TESTFLAGS) ./pkg/... ./cmd/...
	CGO_ENABLED=1 $(GO) test -race -timeout 15m $(TESTFLAGS) $$($(GO) list ./... | grep -v -E '/(pkg|cmd)/')

lint: setup ## check format (gofumpt), go vet and staticcheck
	@unformatted=$$($(GO) tool gofumpt -l .); if [ -n "$$unformatted" ]; then \
	  echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; fi
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) tool staticcheck ./...

fmt: setup ## format all Go files
	$(GO) tool gofumpt -w .

FUZZTIME ?= 60s
fuzz: setup-test ## run every fuzz target for FUZZTIME (60s) each
	GO=$(GO) scripts/fuzz $(FUZZTIME)

bench: setup-test build ## compare with nginx on this machine; ARGS are the program's
	$(GO) run ./bench $(ARGS)

profile: setup-test build ## profile the build under load and write cmd/fcgigw/default.pgo
	dir=$$(mktemp -d) && $(GO) run ./bench -gateways nginx,fcgigw -rows stub-128,stub-128-mux,php-busy -rounds 2 \
	  -seconds 5 -strace=false -out '' -cpuprofile $$dir && \
	$(GO) tool pprof -proto $$dir/*.pprof > cmd/fcgigw/default.pgo && rm -r $$dir

image: ## build the container image and test it
	scripts/image-test

fresh-machine-test: ## as root: try all this in a new, empty Debian 12
	scripts/fresh-machine-test

setup: ## install what building and running needs and this machine lacks
	@scripts/setup run

setup-test: ## install what the tests need and this machine lacks
	@scripts/setup test

clean: ## remove what was built
	rm -rf bin
