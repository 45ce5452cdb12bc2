# `make` sets everything up and runs the whole flow for Iris; `make test` sets up and tests.
# A second `make` finds nothing to do. Variables: PYTHON (interpreter for the virtual
# environment), VENV (where it goes), DESIGN (design file to run), PYTEST_ARGS.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
DESIGN ?= designs/iris.toml
PYTEST_ARGS ?= -q -n auto
TILE_DATA ?= $(HOME)/.cache/codesign/tile-bert
TILE_DESIGN ?= designs/tile-bert.toml
BIN := $(VENV)/bin

.PHONY: all chips setup tools models test lint typecheck unit regression benchmarks kernels examples experiment-tile reference docs datasets doctor clean distclean help

all: setup ## set up, then run the whole flow for DESIGN
	$(BIN)/codesign run $(DESIGN)

setup: models ## simulator, virtual environment, package, model files

tools:
	@PYTHON='$(PYTHON)' tools/install-simulator

$(VENV)/.installed: pyproject.toml constraints.txt | tools
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

models: $(VENV)/.installed
	@$(BIN)/codesign pdk where >/dev/null 2>&1 || $(BIN)/codesign pdk install

test: setup lint typecheck unit regression ## set up, lint, type-check, test, regression

lint: | setup ## ruff, and the floors of docs/architecture.md
	$(BIN)/ruff check .
	$(BIN)/lint-imports

typecheck: | setup ## mypy
	$(BIN)/mypy

unit: | setup ## pytest
	$(BIN)/python -m pytest $(PYTEST_ARGS)

regression: | setup ## a small closed loop against the stored tolerances
	$(BIN)/codesign regression

benchmarks: | setup ## every script in benchmarks/, its JSON in benchmarks/results/
	mkdir -p benchmarks/results
	for name in sweep_session_vs_batch model_terms neuron_memory chip_identification closed_loop columns examples \
	  layout_checks layout_extraction lvs_pairs rc_reduction extraction_scaling extraction_size \
	  extraction_cross_sections network_16x16x16 dstd_error dstd_cost conv_shares reversal_potential \
	  fashion_mnist fashion_mnist_ttfs fashion_mnist_ttfs_start \
	  tile_accuracy tile_speed tile_spice tile_noise tile_training; do \
	  $(BIN)/python -m benchmarks.$$name | tee benchmarks/results/$$name.json; done

kernels: | setup ## the GPU kernels, in Triton's interpreter on the CPU (installs triton)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[triton]'
	$(BIN)/python -m pytest -q tests/pnn/test_fused.py tests/pnn/test_fused_compile.py

examples: | setup ## the foreign cells and data of examples/, from netlist to report (about an hour on 2 cores)
	$(BIN)/python -m benchmarks.examples

experiment-tile: | setup ## MiniLM on tiles: fetch data and network, train, evaluate (about an hour per seed on one core)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[transformers]'
	@test -d $(TILE_DATA) || PYTHON=$(BIN)/python tools/fetch-tile-bert $(TILE_DATA)
	$(BIN)/codesign train $(TILE_DESIGN)

chips: | setup ## 20 chips of Iris in ngspice, calibrated; goes on where it was (hours)
	$(BIN)/python -m benchmarks.chips | tee benchmarks/results/chips.json

reference: all ## renew the shipped reference (netlists, tables, model) from a finished run
	$(BIN)/python tools/update_reference.py $(DESIGN) build/$(basename $(notdir $(DESIGN)))

docs: $(VENV)/.installed ## the documentation site, in build/docs (warnings are errors)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

datasets: ## Fashion-MNIST, for designs/fashion-mnist*.toml (Debian package)
	@tools/install-dataset

doctor: | setup ## list every tool with version and location
	$(BIN)/codesign doctor

clean: ## remove run directories and caches
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find codesign tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## also remove the virtual environment
	rm -rf $(VENV)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14
