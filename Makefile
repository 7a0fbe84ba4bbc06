# The developer's verbs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
CLUSTER := $(shell command -v $(PYTHON) || command -v python3) -m cluster
PACKAGES := core/src models/src streams/src dashboard/src local/src operator/src
KILLS ?= 63
SCRIPTS := $(shell git ls-files '*.sh' .ci/run)

# Every test starts programs; one that may not keep what it compiled compiles all it imports each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev demo test test-cluster verify lint generate lock bench soak bench-streams bench-operator images cluster cluster-parts cluster-down clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## fetch all that a run needs; no root, nothing outside .venv and the user's cache
	@tools/setup.sh run

setup-dev:
	@tools/setup.sh dev
	@tools/setup-tests.sh

demo: setup ## set up, then run examples/nyc.yaml until Ctrl-C
	@exec .venv/bin/meso run examples/nyc.yaml

test: setup-dev verify ## set up, check, and run every test; those in a cluster if one is built
	@tools/test.sh $(PYTEST)

test-cluster: setup-dev ## run the tests that need a Kubernetes, building one first (half an hour the first time)
	@tools/setup-tests.sh cluster
	@$(PYTHON) -m cluster build --tests
	@$(PYTHON) -m pytest tests/cluster $(PYTEST)

verify: lint ## is what is generated up to date, are types, layers and style right?
	@$(PYTHON) tools/generate.py --check

lint:
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else echo '!!! NOT CHECKED: shell scripts (no shellcheck)'; fi

generate: ## write what is generated: CRD, schema, references
	@$(PYTHON) tools/generate.py

lock: ## resolve the Python packages anew into requirements/
	@tools/lock.sh --upgrade

bench: setup-dev ## measure: a table, a plot, and loadtest/results/*.json
	@$(PYTHON) -m loadtest.bench

bench-streams: setup-dev ## measure streams beside other engines (half an hour, 1.5 GB of packages the first time)
	@$(PYTHON) -m loadtest.peers.provide
	@$(PYTHON) -m loadtest.bench streams

soak: setup-dev ## kill stages that remember, and their broker, 63 times (KILLS=63): is anything lost or doubled?
	@MESO_KILLS=$(KILLS) $(PYTHON) -m pytest tests/streams/test_stateful_kills.py $(PYTEST)

bench-operator: setup-dev ## measure the operator in a cluster, beside others, and examples/nyc.yaml there: half an hour
	@$(PYTHON) -m loadtest.bench operator --resume
	@$(PYTHON) -m loadtest.bench nyc-in-cluster

images: ## make the images of the operator and the streams without an engine, into dist/images/ (see images/README.md)
	@$(PYTHON) -m images $(IMAGES)

cluster: ## a Kubernetes to develop against: prints what to export (see cluster/README.md)
	@$(CLUSTER) up

cluster-parts: ## install what the platform drives into it: database, batch, scaling and monitoring operators, Kafka
	@$(CLUSTER) part

cluster-down: ## take it away, all of it
	@$(CLUSTER) down

clean: ## remove .venv, caches and what pipelines keep here
	rm -rf .venv .meso .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
