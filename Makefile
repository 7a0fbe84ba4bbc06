# The developer's verbs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PACKAGES := core/src streams/src dashboard/src local/src operator/src
SCRIPTS := $(shell git ls-files '*.sh' .ci/run)

.PHONY: help setup setup-dev demo test verify lint generate lock bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## fetch all that a run needs; no root, nothing outside .venv and the user's cache
	@tools/setup.sh run

setup-dev:
	@tools/setup.sh dev
	@tools/setup-tests.sh

demo: setup ## set up, then run examples/nyc.yaml until Ctrl-C
	@exec .venv/bin/meso run examples/nyc.yaml

test: setup-dev verify ## set up, check, and run every test
	@$(PYTHON) -m pytest $(PYTEST)

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

clean: ## remove .venv, caches and what pipelines keep here
	rm -rf .venv .meso .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
