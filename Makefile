# Needs Python 3.11 to 3.13, make and a package index; everything else is set up here, in .venv.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# The order is that of tests/conftest.py: the files that take longest first.
PYTEST := $(RUN) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Test files are compiled, their assertions rewritten, once, and not in each worker and process again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo play check lint types test test-fast test-slow test-all coverage docs docs-serve notebooks format clean

help:  ## List these goals
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1	/p' Makefile | expand -t 18

demo: $(VENV)/installed  ## Train, evaluate, export and predict on packaged movie reviews
	$(RUN) -m apps.sentiment.demo

play: $(VENV)/installed-ui  ## Try the apps in a browser; trains the sentiment app first where it is not
	@test -f runs/sentiment/metrics.json || $(RUN) -m apps.sentiment train
	$(RUN) -m rnn_keras play

check: lint types  ## Lint, formatting and types

lint: $(VENV)/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: $(VENV)/installed-dev
	$(VENV)/bin/basedpyright --pythonpath $(RUN)

# The types are checked beside the tests, some of which wait.
test: lint  ## Lint, formatting, types and the fast tests
	@$(MAKE) --no-print-directory --jobs 2 types test-fast

test-fast: $(VENV)/installed-dev
	$(PYTEST) -m "not slow"

# Three workers, since many of these tests wait for other processes; in two parts, since graphs stay in a process's memory.
PYTEST_SLOW := $(PYTEST) --numprocesses 3 -m slow
GRAPHS := tests/layers tests/export tests/diagnostics tests/seq2seq

test-slow: $(VENV)/installed-dev  ## The tests that take long or start processes
	$(PYTEST_SLOW) $(GRAPHS)
	$(PYTEST_SLOW) $(GRAPHS:%=--ignore %)

test-all: test test-slow  ## All of the above

coverage: $(VENV)/installed-dev  ## The fast tests, with the share of lines that they run
	$(PYTEST) -m "not slow" --cov --cov-report term

docs: $(VENV)/installed-docs  ## The site, in build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

docs-serve: $(VENV)/installed-docs  ## The site at http://127.0.0.1:8000, built again at every change
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs serve

notebooks: $(VENV)/installed-dev  ## The notebooks, from their sources; runs those whose code has changed
	$(RUN) -m docs.notebooks.build

format: $(VENV)/installed-dev  ## Format the code and mend what the linter can
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:  ## Remove .venv and everything else that was made here, runs and exported models apart
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*

# The marker files are made last, so that an installation that was interrupted is repeated.
$(VENV)/installed: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): a few minutes the first time"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable ".[apps,litert]"
	touch $@

$(VENV)/installed-ui: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): a few minutes the first time"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable ".[ui]"
	touch $@

$(VENV)/installed-dev: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): a few minutes the first time"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/installed $(VENV)/installed-docs $(VENV)/installed-ui

$(VENV)/installed-docs: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@
