# Every target makes what it needs first: after `git clone`, `make demo` or `make test` is enough.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
GUEST := build/roboflow-venv
STATIC := trackwire specs blocks sinks pipeline tests benchmarks examples tools

# Extra arguments: make test PYTEST_ARGS="tests/specs -x"
PYTEST_ARGS ?=
DEMO_ARGS ?=

# Threads that spin while they wait cost a busy machine several times what they gain.
export GOMP_SPINCOUNT ?= 0
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help stage setup demo test test-roboflow check bench gpu soak clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev stage ## Install everything for development into .venv

demo: $(VENV)/.core stage ## Track a synthetic scene and judge the result (no torch, no download)
	$(BIN)/trackwire demo $(DEMO_ARGS)

test: setup ## Run the tests
	$(BIN)/pytest $(PYTEST_ARGS)

test-roboflow: $(GUEST)/.installed ## Test the plug-in inside Roboflow's engine (its own environment, 2.7 GB)
	PYTHONPATH=$(CURDIR) $(GUEST)/bin/python -m pytest -W ignore -p no:anyio tests/roboflow $(PYTEST_ARGS)

check: setup ## Lint, format check, mypy and pyright
	$(BIN)/ruff check $(STATIC)
	$(BIN)/ruff format --check $(STATIC)
	$(BIN)/python tools/stage_types.py --prove
	$(BIN)/python tools/stage_types.py --check

bench: setup ## Run every benchmark; each compares with a reference measured in the same run
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

gpu: setup ## Time SAM 2.1 on a CUDA GPU against transformers (at most 20 minutes)
	$(BIN)/python benchmarks/sam_video.py --gpu

soak: setup ## Run the tests that take minutes
	$(BIN)/pytest -m soak $(PYTEST_ARGS)

clean: ## Remove what was built and cached; .venv stays
	rm -rf build dist .coverage .coverage.* htmlcov .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find $(STATIC) -type d -name __pycache__ -prune -exec rm -rf {} +

# The editable install points at this tree, so it must be there whenever something runs.
stage: $(BIN)/python
	@$(BIN)/python tools/stage_types.py

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Trackwire needs Python 3.11 or newer, found: $$($(or $(PYTHON),false) --version 2>&1 || echo none)."; \
		echo "Install it (Debian: apt-get install python3.11 python3.11-venv) or name one: make PYTHON=/path/to/python"; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: its venv module is not installed."; \
		echo "Debian and Ubuntu: apt-get install python3-venv"; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)

# hatchling comes first and pinned, so that building does not fetch another one.
$(VENV)/.core: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt hatchling
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	@touch $@

# The tests of the Segment Anything trackers need torch. Where the index offers only builds with
# CUDA, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu makes pip take the small CPU one.
$(VENV)/.dev: $(VENV)/.core
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev,sam,openvino]'
	$(PIP) install -c constraints.txt --no-deps trackers trackeval
	@touch $@

# That engine pins older versions of what Trackwire uses, so it never shares an environment with it.
# Trackwire itself is taken from this tree.
$(GUEST)/.installed: tests/roboflow/requirements.txt
	$(PYTHON) -m venv $(GUEST)
	$(GUEST)/bin/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@
