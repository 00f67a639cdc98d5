# Two commands do everything on a machine with only python3.11 and make:
#   make quickstart   raw code and seed tasks -> a tuned, scored model and its report, offline
#   make test         the test suite
# The rest: make test-all (heavier proofs), make check (lint, types, layers, docs), make clean.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
READY := $(VENV)/.ready
TESTABLE := $(VENV)/.testable
TYPED := $(VENV)/.typed

.PHONY: quickstart test test-all check docs clean

quickstart: $(READY)
	@$(BIN)/tunesmith run starter

test: $(TESTABLE) $(TYPED)
	@$(BIN)/pytest -m "not slow" -n 2 --dist worksteal

test-all: $(TESTABLE) $(TYPED)
	@$(BIN)/pytest -n 2 --dist worksteal

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/mkdocs build --strict --quiet

docs: $(READY)
	$(BIN)/mkdocs build --strict

# PyTorch first and alone, the CPU build where one can be had: the default build brings gigabytes of CUDA.
# What runs behind the sandbox's walls cannot write down that it was compiled; pip does it for a wheel.
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: needs $(PYTHON); or say PYTHON=python3.12 make ..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV): PyTorch (CPU), then tunesmith with its tools"
	@$(PIP) torch --index-url https://download.pytorch.org/whl/cpu --retries 0 --timeout 15 2>/dev/null || $(PIP) torch
	@$(PIP) -e ".[train,languages,dev]"
	@$(BIN)/python -m compileall -q src/tunesmith/sandbox/box
	@touch $@

# What only tests need beside: the hub's data sets.
$(TESTABLE): $(READY)
	@$(PIP) -e ".[hub]"
	@touch $@

# TypeScript's compiler, beside the tests' Python; without npm or network its tests are skipped.
$(TYPED): $(READY)
	@if command -v npm >/dev/null; then npm install --prefix $(VENV) --silent --no-audit --no-fund \
	  --fetch-retries=0 typescript@5.9 >/dev/null 2>&1 || echo "no TypeScript: its tests will be skipped"; fi
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache site build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
