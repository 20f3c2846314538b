# Stint. `make` alone lists the targets.

CONFIGURATION ?= release
PORT ?= 8080
DATA ?= stint-data
WORKERS ?= 3
JOBS ?= 100000
HOURS ?= 8
SEEDS ?= 100000

.DEFAULT_GOAL := help
.PHONY: help run build test test-all simulate measure soak bench docs web screenshots format dependencies test-dependencies

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: dependencies ## Build a release binary and serve on http://127.0.0.1:8080 (PORT, DATA, WORKERS)
	@echo "==> Building the $(CONFIGURATION) binary (some minutes the first time)"
	swift build -c $(CONFIGURATION) --product stint
	@mkdir -p -m 700 "$(DATA)"
	@echo "==> Serving; jobs are kept in $(DATA)/stint.db"
	@exec "$$(swift build -c $(CONFIGURATION) --show-bin-path)/stint" serve --port $(PORT) --workers $(WORKERS) \
	  --store "sqlite:$(DATA)/stint.db"

build: dependencies ## Build the release binary
	swift build -c release --product stint
	@echo "==> $$(swift build -c release --show-bin-path)/stint"

test: test-dependencies ## Check the format, build with warnings as errors, run every test
	@scripts/test

test-all: test ## The tests, longer requests, simulations and kills, and the sanitizers
	@scripts/test-all

simulate: test-dependencies ## Simulate SEEDS worlds with faults (100000), or show one: SEED=17
	swift build -c release --product StintSimulate
	@"$$(swift build -c release --show-bin-path)/StintSimulate" $(if $(SEED),seed $(SEED),$(SEEDS))

measure: test-dependencies ## Check the promised latencies and the cost of idling, beside a probe of disk and processor
	swift build -c release --product stint
	@scripts/measure "$$(swift build -c release --show-bin-path)/stint"

soak: test-dependencies ## Kill a server again and again for HOURS and look for lost jobs (8)
	swift build -c release --product stint
	@scripts/soak "$$(swift build -c release --show-bin-path)/stint" $(HOURS)

bench: dependencies ## Measure throughput and latency over SQLite (JOBS)
	swift build -c release --product stint
	@mkdir -p -m 700 "$(DATA)"
	@rm -f "$(DATA)"/bench.db*
	"$$(swift build -c release --show-bin-path)/stint" bench --store "sqlite:$(DATA)/bench.db" --jobs $(JOBS)

docs: dependencies ## Write the generated pages of docs/ again
	swift build --product stint
	@for page in commands configuration LIFECYCLE; do \
	  "$$(swift build --show-bin-path)/stint" reference $$page >docs/$$page.md.new && mv docs/$$page.md.new docs/$$page.md && \
	  echo "==> docs/$$page.md"; done

web: ## Embed the dashboard's files of web/ in the binary's sources
	@scripts/embed-web

screenshots: test-dependencies ## Take the dashboard's pictures in docs/images/ again, of a real server
	swift build --product stint
	@scripts/screenshots "$$(swift build --show-bin-path)/stint"

format: ## Format the code
	swift format -i -r Package.swift Sources Tests Examples

dependencies:
	@scripts/install-dependencies build

test-dependencies:
	@scripts/install-dependencies test
