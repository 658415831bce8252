# Everything sets itself up: a bare Debian 12 with Python 3.11 and make is enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
STAMP := .venv/.ready

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## prepare .venv alone
$(STAMP): pyproject.toml uv.lock scripts/setup.py
	@python3 scripts/setup.py
	@touch $(STAMP)

demo: $(STAMP) ## sample legacy systems → unified database, through Airflow, with reports
	@$(PY) -m hopnhat demo

up: $(STAMP) ## serve the Airflow screens with the same DAGs (make down ends it)
	@$(PY) -m hopnhat up

down: $(STAMP) ## end what make up or make demo started
	@$(PY) -m hopnhat down

test: $(STAMP) ## run every check that this machine has the programs for
	@$(PY) scripts/check.py

lint: $(STAMP) ## style, types, architecture
	@$(PY) -m ruff check . && $(PY) -m ruff format --check --quiet . || true
	@$(PY) -m mypy && .venv/bin/lint-imports

services: ## install the optional programs from Debian (as root): MariaDB, Redis, Chromium, mdbtools
	@apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
		mariadb-server redis-server chromium chromium-driver mdbtools

bench: $(STAMP) ## measure against the floor on this machine (minutes)
	@$(PY) -m tests.bench

check-mappings: $(STAMP) ## read every mapping file and say what is wrong with it
	@$(PY) -m hopnhat check-mappings

clean: ## end every process of ours and leave nothing behind
	@if [ -x $(PY) ]; then $(PY) -m hopnhat clean || true; fi
	@rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo up down test lint services bench check-mappings clean
