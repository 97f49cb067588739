# Everything a newcomer needs: `make demo` and `make test`. Both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= workspace
DEMO ?= demo-workspace
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help install demo ui worker check test test-all bench clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "expected Python 3.11 or newer, got " + sys.version.split()[0] + "; run: make PYTHON=/path/to/newer/python3 demo")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing rl-tsad into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing rl-tsad and what its tests need into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt TSB-AD  # its metrics run with NumPy 2
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed ## make .venv with the rl-tsad command in it
	@echo "Done: $(BIN)/rl-tsad --help"

demo: $(VENV)/.installed ## simulate a plant, train, label, retrain, report (SQLite, no account, no network)
	@$(BIN)/rl-tsad --workspace $(DEMO) demo

ui: $(VENV)/.installed ## open the labeling page of WORKSPACE
	@$(BIN)/rl-tsad --workspace $(WORKSPACE) ui

worker: $(VENV)/.installed ## run the retraining worker of WORKSPACE
	@$(BIN)/rl-tsad --workspace $(WORKSPACE) worker

check: $(VENV)/.installed-dev ## ruff, mypy (strict), import contracts, doctests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q --doctest-modules rl_tsad envs db labeling_ui

test: check ## check, then every test but the slow learning ones
	@$(BIN)/pytest -q -n 2 --dist worksteal tests

test-all: check ## test, and the learning tests (minutes each)
	@$(BIN)/pytest -q -m "" tests

bench: $(VENV)/.installed-dev ## run every benchmark; the last line of each is its JSON claim
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean: ## remove .venv and caches; workspaces stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
