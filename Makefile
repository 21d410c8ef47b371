# Thin on purpose: what a target does is in scripts/, which works without make too.
.DEFAULT_GOAL := help
.PHONY: help demo build test test-kernel lint format bench setup clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\): ## /\1|/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

demo: ## watch Patronus do its job: three sites, real tunnels, on this machine (ARGS=--keep leaves it running)
	@scripts/run-demo $(ARGS)

build: ## build the three programs, optimised, in target/release
	cargo build --release --locked

test: ## everything that must hold: style, lints, documents, tests, tunnels in namespaces
	@scripts/test

test-kernel: ## the kernel's own WireGuard, in a virtual machine
	@scripts/test-kernel

lint: ## the checks of 'make test' that run no test
	@scripts/test format tree shell clippy doc generated

format: ## format the code
	cargo fmt --all

bench: ## the figures that Patronus promises, measured here
	@scripts/run-benches

setup: ## install what demo and tests need, from Debian's packages
	@scripts/setup

clean: ## remove what was built
	cargo clean
