# `make` or `make help` lists the targets. Only make and Python 3.11 or newer have to be installed.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# --no-strip-extras: for a pin without its extra pip looks for the newest version that has the extra, and finds no hash.
COMPILE := CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile pyproject.toml --quiet --generate-hashes --no-strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options $(if $(UPGRADE),--upgrade)

# Tests of the default suite share nothing, so they may run in parallel; the slow suites may not.
PARALLEL := -n auto --maxprocesses 4

# The folder of the corpora that are not part of the repository; data/README.md lists them.
DATA ?= $(MODERATION_DATA)
# The shipped model. A name is never given to other weights: the calibrations of sites belong to the name.
ID ?= $(notdir $(wildcard models/default-*))
# The id of the same model without its second reader, as on its card.
ALONE ?= default-20261129-2
# The same OpenBLAS kernels on every x86-64 processor: with others the weights are rounded differently.
SAME_BYTES := OPENBLAS_CORETYPE=Haswell
CORPORA ?= $(if $(DATA),$(sort $(wildcard $(DATA)/*.csv.gz)) data/starter.csv)

# Each test of `make fuzz` runs the examples of this profile, 20,000 or 1,000: tests/conftest.py defines them. One over
# HTTP runs half of them on each database.
FUZZ ?= fuzz
COUNTED = -p tests.fuzz.counting --hypothesis-profile=$(FUZZ)
FUZZ_TESTS := tests/fuzz tests/web/test_any_bytes.py tests/web/test_akismet_form.py

.DEFAULT_GOAL := help
.PHONY: help setup reader serve test test-postgres lint check bench bench-serve drill mutants lowest train train-reader fuzz docs dist release lock

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime  ## make .venv and install the service

reader: setup  ## install what the second reader runs on: 80 MB more on disk, and 40 MB more of memory for each worker
	@$(PIP) install --require-hashes --requirement requirements-reader.lock

serve: setup  ## run the service on HOST:PORT (127.0.0.1:8000 by default); the first run creates a database and a key
	@$(BIN)/moderation init
	@exec $(BIN)/moderation serve

test: $(VENV)/.tests  ## run the test suite
	@$(BIN)/python -m pytest $(PARALLEL)

test-postgres: $(VENV)/.tests  ## run the tests that use a database on a PostgreSQL server that they start themselves
	@MODERATION_TEST_DATABASE=postgresql $(BIN)/python -m pytest $(PARALLEL)

lint: $(VENV)/.tests  ## check style, formatting, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint  ## lint, and run the tests, those of the prose among them, with coverage
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term

bench: $(VENV)/.tests  ## measure quality and speed; DATA=FOLDER names the folder of corpora
	@MODERATION_DATA='$(DATA)' $(BIN)/python -m benchmarks

bench-%: $(VENV)/.tests  ## run one benchmark, such as bench-speed
	@MODERATION_DATA='$(DATA)' $(BIN)/python -m benchmarks $*

bench-serve: $(VENV)/.tests  ## put load on the service and on other servers, and compare them; QUICK=1 is short
	@$(BIN)/python -m benchmarks serve $(if $(QUICK),--quick)

mutants: $(VENV)/.tests  ## count the small faults in the code that no test notices; takes ten minutes
	@$(BIN)/python -m benchmarks.mutants

drill: $(VENV)/.tests  ## break a running service in every way, over and over, and count the losses; ROUNDS=3 is short
	@$(BIN)/python -m benchmarks drill $(if $(ROUNDS),--rounds $(ROUNDS))

# anyio's plugin for pytest needs a newer typing-extensions than the service does.
lowest: $(VENV)/.tests  ## run the test suite with the oldest versions that pyproject.toml allows
	@mkdir -p build && $(BIN)/python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
		print(*(line.replace('>=', '==') for line in project['dependencies']), sep='\n')" > build/lowest.txt
	@$(BIN)/python -m venv --clear build/lowest
	@build/lowest/bin/python -m pip --disable-pip-version-check -qq install --constraint build/lowest.txt --editable '.[test]'
	@build/lowest/bin/python -m pytest -p no:anyio $(PARALLEL)

train: setup  ## train the default model without its reader again, into build/models; DATA=FOLDER names the folder of corpora
	@test -n '$(CORPORA)' || { echo 'make train DATA=FOLDER: no *.csv.gz found; data/README.md lists the corpora.' >&2; exit 2; }
	@rm -rf build/models/$(ALONE)
	@$(SAME_BYTES) MODERATION_MODELS=build/models $(BIN)/moderation train $(CORPORA) --recipe data/recipe.toml --relabelled data/relabelled.tsv --id $(ALONE)
	@if cmp -s build/models/$(ALONE)/model.joblib models/$(ID)/model.joblib; \
	then echo 'build/models/$(ALONE) has the weights of models/$(ID), byte for byte.'; \
	else echo 'build/models/$(ALONE) differs from the shipped model; data/README.md says how that one was trained.'; fi

train-reader: $(VENV)/.tests train  ## train its second reader again too, in an hour; docs/reader.md says what to install before
	@rm -rf build/models/$(ID)
	@$(SAME_BYTES) MODERATION_MODELS=build/models $(BIN)/moderation train-reader $(CORPORA) --model $(ALONE) --id $(ID) \
		--recipe data/reader-recipe.toml --relabelled data/relabelled.tsv --composed data/composed --checkpoints build/reader
	@if cmp -s build/models/$(ID)/reader.joblib models/$(ID)/reader.joblib; \
	then echo 'build/models/$(ID) has the reader of models/$(ID), byte for byte.'; \
	else echo 'build/models/$(ID) differs from the shipped reader; docs/reader.md says how that one was trained.'; fi

fuzz: $(VENV)/.tests  ## send 100,000 invented requests to a real service, and more inputs to its parts; FUZZ=fuzz-ci for 5,000
	@$(BIN)/python -m pytest $(PARALLEL) $(COUNTED) $(FUZZ_TESTS)
	@$(BIN)/python -m pytest -m fuzz $(COUNTED) tests/fuzz

# The variable silences an announcement about later versions of mkdocs, which pyproject.toml excludes.
docs: $(VENV)/.tests  ## build the documentation site into build/site; a warning ends the build
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo 'The site is in build/site. Its search needs a web server: $(BIN)/python -m http.server --directory build/site'

dist: $(VENV)/.tests  ## build sdist and wheel of the last commit into dist/, and check them in an empty environment
	@BIN='$(BIN)' .ci/dist
	@MODERATION_DIST=dist $(BIN)/python -m pytest -m e2e tests/e2e/test_wheel.py

release: dist  ## the same, with notes, audit, bill of materials, image and checksums; uploads nothing
	@BIN='$(BIN)' ACCEPTED='$(ACCEPTED)' .ci/release

lock: $(VENV)/.tests  ## pin the versions again; UPGRADE=1 takes the newest
	$(COMPILE) --extra build --output-file requirements.lock
	$(COMPILE) --extra build --extra reader --constraint requirements.lock --output-file requirements-reader.lock
	$(COMPILE) --extra test --extra docs --extra release --constraint requirements.lock --output-file tests/requirements.lock
	$(COMPILE) --extra build --extra reader --extra postgres --extra oidc --constraint requirements-reader.lock \
		--constraint tests/requirements.lock --output-file requirements-container.lock

$(VENV)/.made:
	@for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if $$candidate -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
		then echo "Creating $(VENV) with $$candidate."; $$candidate -m venv $(VENV) && touch $@; exit; fi; \
	done; \
	echo 'Found no Python 3.11 or newer with its venv module. Install one, or name it: make PYTHON=/path/to/python3' >&2; \
	exit 1

$(VENV)/.runtime: requirements.lock pyproject.toml $(VENV)/.made
	@echo 'Installing the versions in requirements.lock.'
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tests: tests/requirements.lock $(VENV)/.runtime
	@echo 'Installing the versions in tests/requirements.lock.'
	@$(PIP) install --require-hashes --requirement tests/requirements.lock
	@touch $@
