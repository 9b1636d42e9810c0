# Two commands on a fresh machine: `make demo` and `make test`. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint lecture clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@ $(VENV)/.installed

# A browser for the tests of pages, where one may be installed quietly; those tests are skipped without it.
$(VENV)/.browser: | $(BIN)/python
	@if ! command -v chromedriver && command -v apt-get && [ "$$(id -u)" = 0 ]; then \
		export DEBIAN_FRONTEND=noninteractive; \
		timeout 300 sh -c 'apt-get update && apt-get install -y --no-install-recommends chromium chromium-driver'; \
	fi >/dev/null 2>&1 || true
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/seisnet demo -o demo --overwrite

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint $(VENV)/.browser
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lecture: $(VENV)/.installed
	$(BIN)/python pipelines/lecture/all.py

clean:
	rm -rf $(VENV) demo lecture build dist *.egg-info
