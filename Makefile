# Everything a newcomer needs. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
MEMBERS := libs/contracts libs/money libs/service_kit services/customers services/rating services/invoicing services/notifications deploy/local
CUSTOMERS ?= 200
CDRS ?= 200000
SEED ?= 1
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo run token test faults bench-rating bench-search bench-billing check lint types imports rules format lock schemas clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Make the virtual environment with exactly the locked versions
$(INSTALLED): requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Farthing needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version). Say which with: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment (on Debian: the package python3-venv)"; exit 1; }
	@awk '/^uv==/ {take = 1} take {print} take && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.lock.txt
	@# Compiled here, once: where Python writes no bytecode itself, every process of the platform would take seconds longer.
	@echo "Installing the locked libraries ..."
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock \
	  || { $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip; $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps $(MEMBERS:%=-e ./%)
	@$(BIN)/python -m compileall -q $(MEMBERS)
	@touch $@

demo: install ## Bill a month of a small carrier, from CDRs to emailed invoices (CUSTOMERS=, CDRS=, SEED=)
	@$(BIN)/python -m examples.demo --customers $(CUSTOMERS) --cdrs $(CDRS) --seed $(SEED) $(ARGS)

run: install ## Keep the platform up until Ctrl-C (WITH=demo loads the demo's carrier first)
ifeq ($(WITH),demo)
	@$(BIN)/python -m examples.demo --customers $(CUSTOMERS) --cdrs $(CDRS) --seed $(SEED) --stay $(ARGS)
else
	@$(BIN)/python -m local_platform run $(ARGS)
endif

token: install ## Print a bearer token for the platform that runs (SCOPE="customers:read ...")
	@$(BIN)/python -m local_platform token $(if $(SCOPE),--scope "$(SCOPE)")

test: install ## Run the tests on real Kafka and Postgres, under 10 minutes on 2 cores
	@$(BIN)/python -m pytest --numprocesses=2 $(ARGS)

faults: install ## Run the long fault tests: kills, crashes, delays
	@$(BIN)/python -m pytest -m faults $(ARGS)

bench-rating: install ## Measure rating beside its null pipeline (ARGS="--quick", "--sweep all" ...; docs/benchmarks.md)
	@$(BIN)/python -m bench.rating $(ARGS)

bench-search: install ## Measure searching 1,000,000 customers and 3,000,000 numbers (ARGS="--customers 10000 ...")
	@$(BIN)/python -m bench.search $(ARGS)

bench-billing: install ## Measure a billing run of 100,000 customers beside its limit (ARGS="--quick", "--sweep" ...)
	@$(BIN)/python -m bench.billing $(ARGS)

check: lint types imports rules ## Lint, types, import rules and the house rules

lint: install ## Ruff: style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: install ## Mypy, strict on contracts, money and every domain
	@$(BIN)/mypy

imports: install ## Which package may import which
	@$(BIN)/lint-imports

rules: install ## Own lints: money, time, subscribers
	@$(BIN)/python -m tools.house_rules

format: install ## Put every file in the one format
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

lock: install ## Resolve the libraries again and export the lock with hashes
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --quiet --no-header --all-packages --all-groups --no-emit-workspace --format requirements-txt -o requirements.lock

schemas: install ## Export the schemas of events that changed
	@$(BIN)/python -m contracts

clean: ## Remove the platform's state (.farthing); the download cache and .venv stay
	@if [ -x $(BIN)/python ] && [ -e $(INSTALLED) ]; then $(BIN)/python -m local_platform clean; else rm -rf .farthing; fi
