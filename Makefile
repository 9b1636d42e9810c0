# Two commands on a fresh machine: `make demo` and `make test`. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test oldest lint lecture clean

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

# The tests with the oldest releases that pyproject.toml allows; what those themselves find old does not matter.
oldest: pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-oldest
	grep -oE '"[a-z0-9-]+>=[0-9.]+"' pyproject.toml | grep -v setuptools | tr -d '"' | sed 's/>=/==/' | sort -u > $(VENV)-oldest/oldest.txt
	$(VENV)-oldest/bin/python -m pip install --quiet -e '.[test]' -c $(VENV)-oldest/oldest.txt
	$(VENV)-oldest/bin/pytest --numprocesses auto --maxprocesses 4 --dist loadfile -W ignore::DeprecationWarning

lecture: $(VENV)/.installed
	$(BIN)/python pipelines/lecture/all.py

clean:
	rm -rf $(VENV) $(VENV)-oldest demo lecture build dist *.egg-info
