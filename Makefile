# Every target is one line; `make help` lists them with their sentences.
export PATH := $(CURDIR)/.tools/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help tools build test check demo rules golden bench release reproducible format vet lint deadcode unit generated vulnerabilities mixin

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

tools: ## promtool, prometheus, alertmanager, amtool and the linters in .tools/bin (built once, or taken from PATH)
	@tools/install

build: ## bin/promrulegen and bin/rollback-agent
	go build -ldflags "-X github.com/prometheus/common/version.Version=$(shell git describe --tags --always --dirty)" -o bin/ ./cmd/...

test: tools check unit generated vulnerabilities ## everything that must hold before a commit

check: tools format vet lint deadcode ## the quick part of it: gofmt, go vet, staticcheck, deadcode

demo: ## the whole story on this machine: two cutovers, the first of a bad release (Ctrl-C ends it)
	@tools/install programs && go build -o bin/demo ./deploy/demo && exec bin/demo

rules: ## compile rules/ into rules/generated, and write the schema of its bindings
	go run ./cmd/promrulegen schema > rules/.schema && mv rules/.schema rules/promrulegen.schema.json && go run ./cmd/promrulegen generate --config rules/promrulegen.yaml

golden: rules mixin ## write all generated files anew; read the diff before you commit it

mixin: tools # the agent's alerts and dashboard in deploy/mixin from their sources
	@tools/mixin deploy/mixin

bench: ## the benchmarks, some of them long (SLOTH=path of sloth 0.16 puts it beside ours)
	go test -run '^$$' -bench . -benchmem -timeout 4h ./...

release: ## archives, container image, lists of parts and checksums in dist/, the same bytes from the same commit (PLATFORMS, VERSION, DIST)
	@tools/release/build

reproducible: # builds a release twice, each time from nothing, and compares
	@tools/release/twice

format: # gofmt
	@tools/expect-nothing 'not formatted (run gofmt -w)' gofmt -l cmd generator agent deploy

vet:
	go vet ./...

lint: tools
	staticcheck ./...

deadcode: tools
	@tools/expect-nothing 'reached by no program and no test' deadcode -test ./...

unit: tools # a package's tests in the order of its files, all packages; the demo's whole story is one of them
	go test -timeout 20m ./...

generated: tools # what rules/ and deploy/mixin give is what stands beside them, and its users accept it
	@tools/check-rules

vulnerabilities: tools # skipped, saying so, where the database cannot be reached and GOVULNDB does not require it
	@tools/vulnerabilities
