# Tutti: every target that begins with "##" on its line is shown by plain `make`.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

.PHONY: help
help: ## show this list
	@echo 'Tutti runs ML workflow and job files on this machine. Start with: make demo'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: setup-go ## build the static binary bin/tutti
	@$(GOBUILD) -o bin/tutti ./cmd/tutti

.PHONY: demo
demo: setup-demo build ## set up, then train, evaluate and report a small model on this machine
	@scripts/demo

.PHONY: test
test: setup-test ## set up, then run all tests but the heavy ones (under 10 minutes on two cores)
	@go test -timeout 9m ./...

.PHONY: test-demo
test-demo: setup-demo build ## run the demo twice and kill its parts with -9 in the middle (needs PyTorch)
	@scripts/demo && scripts/demo
	@go test -count=1 -timeout 20m -tags e2e_demo -run '^TestDemo' -v ./test/e2e

.PHONY: test-root
test-root: setup-go ## run the tests that act as two users (needs root)
	@go test -count=1 -timeout 10m -tags e2e_root -run '^TestTwoUsers$$' -v ./test/e2e

.PHONY: test-oracle
test-oracle: setup-oracle ## hold our JSONata and JSONPath against jsonata.js and Jayway's (needs Node.js and Java)
	@go test -count=1 -timeout 10m -tags oracle -v ./test/oracle

.PHONY: test-aws
test-aws: setup-aws ## replay what was recorded on AWS, and drive the server with the AWS command line
	@go test -count=1 -timeout 15m -tags e2e_aws -run '^(TestConformance|TestVerdicts|TestAWS)' -v ./test/e2e

.PHONY: test-s3
test-s3: setup-s3 ## call a real S3 server, and run a distributed Map over 100,000 rows on it, killed in the middle
	@go test -count=1 -timeout 10m -tags e2e_s3 -run '^Test(DistributedMap|S3Actions|RemoteTask)$$' -v ./test/e2e

.PHONY: fuzz
fuzz: setup-go ## run every fuzz target for FUZZTIME (10s)
	@scripts/fuzz

.PHONY: bench
bench: setup-oracle ## measure, and print a table and JSON (build/bench.json)
	@mkdir -p build
	@go run ./test/bench -json build/bench.json

.PHONY: lint
lint: setup-go ## gofmt, vet, staticcheck and the table of who may import whom
	@scripts/lint

.PHONY: clean
clean: ## remove what make built
	@rm -rf bin build

.PHONY: setup-go setup-test setup-demo setup-oracle setup-aws setup-s3
setup-go:
	@scripts/setup go
setup-test:
	@scripts/setup test
setup-demo:
	@scripts/setup demo
setup-aws: setup-go
	@scripts/setup aws
setup-s3: setup-go
	@scripts/setup s3
setup-oracle: setup-go
	@scripts/setup oracle
