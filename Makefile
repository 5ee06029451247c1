# Boatyard. Two commands are enough for most people:
#
#   make devnet    a devnet on 127.0.0.1:8545, with everything it needs
#   make test      everything that is checked before a change is taken
#
# Both install what is missing first (as root or with sudo), and do nothing
# where all is there. Everything else is `boatyard --help`.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# rustup's cargo and rustc, also where sudo or a service has another PATH, and
# before a system compiler that only builds the Wasm.
export PATH := $(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

CLIENTS := tests/clients
# npm writes this file at the end of a complete installation.
CLIENTS_INSTALLED := $(CLIENTS)/node_modules/.package-lock.json
HARDHAT3_INSTALLED := $(CLIENTS)/hardhat3/node_modules/.package-lock.json

BOATYARD := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)/debug/boatyard

# Options for the node, as in: make devnet ARGS="--block-time 4"
ARGS ?=

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: devnet
devnet: build ## set up, build, and run a devnet with funded accounts and a storage provider (ARGS="…" for the node)
	@exec $(BOATYARD) node --providers 1 $(ARGS)

.PHONY: test
test: ## set up, and run all checks and tests
	@scripts/test

.PHONY: setup
setup: system clients ## install what is missing: compilers, Wasm toolchain, npm packages

.PHONY: system
system:
	@scripts/setup

.PHONY: clients
clients: $(CLIENTS_INSTALLED) $(HARDHAT3_INSTALLED)

# Scripts of packages are not run: the tools come as ready binaries.
$(CLIENTS_INSTALLED): $(CLIENTS)/package.json $(CLIENTS)/package-lock.json | system
	cd $(CLIENTS) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# With the Node that came with the packages above: under an older one npm leaves
# out parts that Hardhat 3 cannot do without. Not `npm ci`, which wants the parts of
# every platform, published or not; the versions are those of the lock file.
$(HARDHAT3_INSTALLED): $(CLIENTS)/hardhat3/package.json $(CLIENTS)/hardhat3/package-lock.json | $(CLIENTS_INSTALLED)
	cd $(CLIENTS)/hardhat3 && PATH="$(CURDIR)/$(CLIENTS)/node_modules/.bin:$$PATH" \
		npm install --no-save --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: build
build: system ## build the `boatyard` command and the actors
	@cargo build --workspace --bins

.PHONY: lint
lint: system ## formatting and clippy, as `make test` checks them
	@scripts/lint

.PHONY: bench
bench: system ## run the benchmarks (criterion), in the profile that the node runs in
	@cargo bench --workspace --profile dev
