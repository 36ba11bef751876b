# `make` or `make help` lists what there is to do. Only Python 3.11 or newer and make have to be there.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Extras stay in the pins: without them pip looks for the newest package that has the extra, and refuses it for want of a hash.
COMPILE := CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile pyproject.toml --quiet --generate-hashes --no-strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options $(if $(UPGRADE),--upgrade)

# The default suite shares nothing between tests; the slow ones run one after the other.
SIDE_BY_SIDE := -n auto --maxprocesses 4

# Where the corpora lie that are not part of the repository; data/README.md lists them.
DATA ?= $(MODERATION_DATA)
# The default model that is shipped. Its name is never used again for other weights: sites earn their lines under it.
ID ?= $(notdir $(wildcard models/default-*))
# One set of OpenBLAS kernels for every x86-64 processor: each has its own way to round, and a model its bytes.
SAME_BYTES := OPENBLAS_CORETYPE=Haswell
CORPORA ?= $(if $(DATA),$(sort $(wildcard $(DATA)/*.csv.gz)) data/starter.csv)

.DEFAULT_GOAL := help
.PHONY: help setup serve test check bench train fuzz lock

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime  ## make .venv and install what the service needs

serve: setup  ## run the service on HOST:PORT (127.0.0.1:8000 by default); the first run makes a database and a key
	@$(BIN)/moderation init
	@exec $(BIN)/moderation serve

test: $(VENV)/.tests  ## run the test suite
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: $(VENV)/.tests  ## lint, check formatting, types and layers, and run the tests with coverage
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --cov --cov-report=term

bench: $(VENV)/.tests  ## measure quality and speed; DATA=FOLDER names the folder of corpora
	@MODERATION_DATA='$(DATA)' $(BIN)/python -m tests.benchmarks

bench-%: $(VENV)/.tests
	@MODERATION_DATA='$(DATA)' $(BIN)/python -m tests.benchmarks $*

train: setup  ## train the default model again, into build/models; DATA=FOLDER names the folder of corpora
	@test -n '$(CORPORA)' || { echo 'make train DATA=FOLDER: no *.csv.gz found; data/README.md lists the corpora.' >&2; exit 2; }
	@rm -rf build/models/$(ID)
	@$(SAME_BYTES) MODERATION_MODELS=build/models $(BIN)/moderation train $(CORPORA) --recipe data/recipe.toml --id $(ID)
	@if cmp -s build/models/$(ID)/model.joblib models/$(ID)/model.joblib; \
	then echo 'build/models/$(ID) is the model in models/$(ID), byte for byte.'; \
	else echo 'build/models/$(ID) is not the model that is shipped; data/README.md says how one is.'; fi

fuzz: $(VENV)/.tests  ## run the laws of hypothesis with many more examples
	@$(BIN)/python -m pytest --hypothesis-profile=fuzz tests/features tests/scoring \
		tests/web/test_any_bytes.py tests/web/test_akismet_parse.py

lock: $(VENV)/.tests  ## pin the versions anew; UPGRADE=1 moves them to the newest
	$(COMPILE) --extra build --output-file requirements.lock
	$(COMPILE) --extra test --constraint requirements.lock --output-file tests/requirements.lock

$(VENV)/.made:
	@for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if $$candidate -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
		then echo "Making $(VENV) with $$candidate."; $$candidate -m venv $(VENV) && touch $@; exit; fi; \
	done; \
	echo 'No Python 3.11 or newer with its venv module was found. Install one, or name it: make PYTHON=/path/to/python3' >&2; \
	exit 1

$(VENV)/.runtime: requirements.lock pyproject.toml $(VENV)/.made
	@echo 'Installing what requirements.lock pins.'
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tests: tests/requirements.lock $(VENV)/.runtime
	@echo 'Installing what tests/requirements.lock pins.'
	@$(PIP) install --require-hashes --requirement tests/requirements.lock
	@touch $@
