# The same recipes for people and for CI. `make help` lists them.

CARGO ?= cargo
TREE ?= target/registry

.PHONY: help demo run-api example test check fmt lint doc layers deny faults bench clean

help: ## list the recipes
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## build the example registry, host it with its pages, install a pack from it
	$(CARGO) run -- demo

run-api: example ## serve the installation API and the example registry at localhost:8080, with the account test@attune.local
	ATTUNE_ADMIN_EMAIL=test@attune.local ATTUNE_ADMIN_PASSWORD='TestPass123!' ATTUNE__PACKS_BASE_DIR=target/api/packs \
	  $(CARGO) run -- serve --data-dir target/api/data --registry $(TREE)

example: ## build the example registry into $(TREE)
	$(CARGO) run -- registry build registry-example/packs --out $(TREE)

test: ## run all tests
	$(CARGO) test --workspace

check: fmt-check lint doc layers ## everything CI looks at besides the tests

fmt: ## format the sources
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps --document-private-items

layers: ## check that crates depend downwards only
	$(CARGO) test -p attune --test e2e layers

deny: ## check licences, advisories and sources of dependencies (needs cargo-deny)
	cargo deny check

faults: ## cut the power at, and fail, every file-system call of each command; small disks, odd places (root, Linux; tests/faults/run.sh)
	sh tests/faults/run.sh target/release/attune

bench: ## time the program beside its peers (see benches/README.md)
	sh benches/run.sh

clean:
	$(CARGO) clean
