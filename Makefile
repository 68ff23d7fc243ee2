# make alone lists the targets. On a machine with Go and make, dev, check and
# test each install what else they need.
GO       ?= go
fuzz     ?= 30s
shared   ?= ../shared
tool     := scripts/tool
version   = $(shell git describe --tags --dirty 2>/dev/null)
commit    = $(shell git rev-parse HEAD 2>/dev/null)
fuzzdirs  = $(shell grep -rlE '^func Fuzz' --include=*_test.go . | xargs -r -n1 dirname | sort -u)
# SQLite's code, translated from C, is another's: watched too, it takes most of
# the time of most tests.
race      = -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false
# Packages whose tests drive whole processes: the race detector watches the
# parts in the packages of their own, and these in their short form in check.
whole     = ./chaos ./examples ./e2e ./cmd/... . ./bench/...
parts     = $(shell $(GO) list ./... | grep -vE '/mintage(/(cmd|chaos|examples|e2e|bench)(/.*)?)?$$')
# Tests that wait for processes and databases leave the cores half idle.
beside    = $(shell echo $$(($$(nproc) + 1)))
stored    = ./internal/issue ./internal/admin ./internal/manage ./internal/directory ./internal/keys ./internal/requestlog ./internal/server
golden    = $(shell grep -rlE 'flag\.Bool\("update"' --include=*_test.go . | xargs -r -n1 dirname | sort -u)

.DEFAULT_GOAL := help

##@ Every day

dev: build ## start everything on this machine and print a curl line that gets a token
	bin/mintage dev

build: ## build bin/mintage
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(version) -X main.commit=$(commit)' -o bin/ ./cmd/mintage

kms: ## build bin/mintage-kms, which keeps the master key in a KMS
	cd kms && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o ../bin/mintage-kms .

check: lint short generated ## what a commit must pass: linters, short tests with the race detector, generated files
	@echo "check: all passed"

test: setup lint generated vuln gates vectors ## what CI runs: the above with every test in full, and real clients against a real server
	scripts/with-postgres $(GO) test $(race) -timeout 25m $(parts)
	scripts/with-postgres $(GO) test -p $(beside) -timeout 25m $(whole)
	cd kms && $(GO) test -tags withoutclouds -timeout 10m .
	TEST_ENGINE=postgres scripts/with-postgres $(GO) test -p $(beside) -timeout 25m $(stored) ./internal/people ./internal/console
	@scripts/fuzz $(fuzz)

vectors: ## print how many of the published test vectors come out right
	@mkdir -p .tools
	@$(GO) test -v -run 'Wycheproof|Cookbook|RFC|Suite|Transform|Thumb' ./internal/jose ./internal/strictjson > .tools/vectors.log || { cat .tools/vectors.log; exit 1; }
	@grep -oE '[A-Za-z].*: .*[0-9]+ of [0-9]+.*' .tools/vectors.log | sed 's/^[a-z_]*_test.go:[0-9]*: //'

gates: setup ## fail when a hot path allocates more, or takes more instructions, than it may, where time tells a secret, a verified token is not cheap, or tenants or slow callers cost; the race detector would count too
	$(GO) test -count=1 -run '^TestAllocations$$' ./internal/issue ./enforce ./consume
	$(GO) test -count=1 -run '^TestVerifySpeed$$' ./enforce
	$(GO) test -count=1 -run '^TestTimingTellsNothing$$' ./internal/clientauth
	$(GO) test -count=1 -run '^TestManyTenants$$' ./internal/server
	$(GO) test -count=1 -run '^TestSlowCallers$$' ./chaos
	$(GO) test -count=1 -run '^(TestPowerLoss|TestPowerLossIsFelt|TestEveryCallFails)$$' ./internal/store/sqlstore
	$(GO) build -o .tools/hotpath ./bench/hotpath # go run would strip the symbols that valgrind needs
	.tools/hotpath gate

fmt: ## format the code
	$(tool) golangci-lint fmt

##@ Parts of check and test

setup: ## install what the tests need and this machine lacks
	@scripts/setup

lint: ## run the linters
	$(tool) golangci-lint run --timeout 15m

short: ## run the tests in short form with the race detector
	@scripts/setup race
	$(GO) test $(race) -short -timeout 5m ./...

generated: ## fail when go.mod is not tidy or a module was changed
	$(GO) mod tidy -diff
	$(GO) mod verify

vuln: ## look for known vulnerabilities, without the network when $(shared) has the database
	@scripts/vuln $(shared)

##@ Now and then

update: ## rewrite the golden files and the generated reference; read the diff before you commit it
	@if [ -z '$(golden)' ]; then echo 'no test has an -update flag'; else $(GO) test -count=1 $(golden) -update; fi

fuzz: ## run each fuzz target for $(fuzz)
	@for d in $(fuzzdirs); do \
	  for f in $$($(GO) test -run '^$$' -list '^Fuzz' $$d | grep '^Fuzz'); do \
	    echo "fuzz $$d $$f for $(fuzz)"; \
	    $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(fuzz) $$d || exit 1; \
	  done; \
	done

bench: ## measure beside a bare net/http server and peers, into bench/results (30 minutes, with those below)
	$(GO) run ./bench -o bench/results/latest.md $(benchflags)
	cd bench/peers/consume && $(GO) run . -o ../../results/consume.md
	{ git log -1 --format='commit %h'; $(GO) version; uptime; $(GO) run ./bench/hotpath -n 20000 -rounds 5; } > bench/results/hotpath.txt
	{ git log -1 --format='commit %h'; $(GO) version; uptime; $(GO) test -count=1 -v -run '^TestVerifySpeed$$' ./enforce; } > bench/results/verify.txt

chaos: ## the long form of the proofs under load: 1,000 kills, rotations with real cache ages, 10 million clients, the agent under load (75 minutes)
	MINTAGE_CHAOS=long $(GO) test -count=1 -timeout 120m -v ./chaos
	cd deploy/helm/test && $(GO) test -count=1 . # Helm's own engine takes minutes to compile
	MINTAGE_CHAOS=long $(GO) test -count=1 -timeout 60m -v -run '^(TestPowerLoss|TestEveryCallFails|TestDamage)$$' ./internal/store/sqlstore
	MINTAGE_CHAOS=long $(GO) test -count=1 -timeout 60m -v -run "^TestHostileIssuer$$" ./internal/agent
	MINTAGE_CHAOS=long $(GO) test -count=1 -timeout 60m -v -run "^TestAgentSteady$$" ./examples

bench-agent: ## measure the agent beside nginx and a bare ReverseProxy, into bench/results/agent.md
	$(GO) run ./bench/agent -o bench/results/agent.md

bench-gateway: ## measure the gateway beside nginx with auth_request and a bare ReverseProxy, into bench/results/gateway.md
	$(GO) run ./bench/gateway -o bench/results/gateway.md

bench-store: ## measure stored tokens, a million clients and ten million tokens, on SQLite and PostgreSQL, into bench/results/store.md (20 minutes, 4 GB of disk)
	scripts/with-postgres $(GO) run ./bench store -o bench/results/store.md $(benchflags)

bench: bench-agent bench-gateway bench-store
.PHONY: bench-agent bench-gateway bench-store

clean: ## remove what the build made
	rm -rf bin .tools

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: vectors dev build kms check test fmt setup lint short generated vuln gates update fuzz bench chaos clean help
