# make demo | make test | make serve; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-test setup-evaluate setup-train demo serve test test-train lint format judges conformance arrays evaluate dataset train clean

# What the model is trained with, exactly: asked for by number, since a plain "torch" may be newer.
TORCH := torch==2.13.0

# For make evaluate, make dataset and make train: which engine, where the real images are (DICOM;
# without it phantoms alone), how many pairs, which folders of pairs, and where it all goes.
ENGINE ?= classical
DATA ?=
COUNT ?= 500
PAIRS ?= build/dataset
OUT ?=
ARRAYS := build/arrays

help:
	@echo "make demo    set up and run the main job once, on a generated series"
	@echo "make test    set up and run all tests"
	@echo "make serve   run the node with config.yaml until stopped"
	@echo "make setup   only set up: a virtual environment in $(VENV) with the package"
	@echo "make test-train   set up torch too and run the tests of model and training"
	@echo "make lint    ruff and mypy"
	@echo "make judges  ask every installed judge about every output; writes docs/conformance/"
	@echo "make conformance  write the tables of the conformance statement anew"
	@echo "make evaluate ENGINE=classical DATA=FOLDER OUT=build/evaluation   measure an engine"
	@echo "make dataset COUNT=500 DATA=FOLDER OUT=build/dataset          pairs to train on; goes on where it was"
	@echo "make train PAIRS=build/dataset OUT=build/training             train the model; goes on where it was"

setup: $(VENV)/.installed

setup-test: $(VENV)/.installed-test

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[cpu]"
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[cpu,dev]"
	@touch $@

setup-evaluate: $(VENV)/.installed-evaluate

$(VENV)/.installed-evaluate: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[cpu,evaluate]"
	@touch $@

setup-train: $(VENV)/.installed-train

$(VENV)/.installed-train: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH) --editable ".[cpu,dev,train]"
	@touch $@

demo: setup
	$(BIN)/medq-node demo

serve: setup
	$(BIN)/medq-node serve --config config.yaml

test: setup-test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore=tests/training

test-train: setup-train
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/training

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

conformance: setup-test
	$(BIN)/python -m tests.statement

evaluate: setup-evaluate arrays
	$(BIN)/python -m engines.medq_uni.evaluate --engine $(ENGINE) $(if $(DATA),--data $(ARRAYS)) --out $(or $(OUT),build/evaluation)

dataset: setup arrays
	$(BIN)/python -m engines.medq_uni.dataset --count $(COUNT) $(if $(DATA),--data $(ARRAYS)) --out $(or $(OUT),build/dataset)

train: setup-train
	$(BIN)/python -m engines.medq_uni.train $(addprefix --pairs ,$(PAIRS)) --out $(or $(OUT),build/training)

# The salt is kept, so that the same images make the same arrays and a data set goes on.
arrays: setup
ifneq ($(DATA),)
	rm -rf $(ARRAYS) && mkdir -p $(dir $(ARRAYS))
	test -s $(ARRAYS).salt || (umask 077 && head -c 32 /dev/urandom > $(ARRAYS).salt)
	$(BIN)/python -m medq_node.pixels.arrays $(DATA) -o $(ARRAYS) --salt $(ARRAYS).salt
endif

clean:
	rm -rf $(VENV) demo-output build *.egg-info
