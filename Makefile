# make demo | make test | make serve; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo serve test lint format judges clean

help:
	@echo "make demo    set up and run the main job once, on a generated series"
	@echo "make test    set up and run all tests"
	@echo "make serve   run the node with config.yaml until stopped"
	@echo "make setup   only set up: a virtual environment in $(VENV) with the package"
	@echo "make lint    ruff and mypy"
	@echo "make judges  ask every installed judge about every output; writes docs/conformance/"

setup: $(VENV)/.installed

setup-test: $(VENV)/.installed-test

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: setup
	$(BIN)/medq-node demo

serve: setup
	$(BIN)/medq-node serve --config config.yaml

test: setup-test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

judges: setup-test
	$(BIN)/python -m tests.judging > docs/conformance/judges.md.new
	mv docs/conformance/judges.md.new docs/conformance/judges.md

clean:
	rm -rf $(VENV) demo-output build *.egg-info
