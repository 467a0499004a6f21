# The four commands: run, test, bench, setup. Nothing but Python 3.11+, make and git is needed.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN = .venv/bin

.PHONY: run test setup bench lint pages changed clean

WARD = examples/ward.csv --on 2026-03-03

run: .venv/serve                   ## Open the pages on the example records; without a terminal, print their review
	@if [ -t 1 ]; then exec $(BIN)/her2path serve $(WARD); fi; \
	$(BIN)/her2path review $(WARD) && \
	$(BIN)/her2path review examples/courses/adjuvant-hold.csv --on 2026-02-03 && \
	echo "In a terminal make run opens the pages. With records of your own: $(BIN)/her2path serve SOURCE"

setup: .venv/dev                   ## Make .venv with her2path and all that developing it needs

test: .venv/dev lint               ## Lint, type-check and run the tests
	$(BIN)/her2path check
	$(BIN)/pytest -n auto --maxprocesses 4

lint: .venv/dev
	$(BIN)/ruff check src tests examples bench docs
	$(BIN)/ruff format --check src
	$(BIN)/mypy

pages: export COLUMNS = 100
pages: .venv/dev                   ## Write anew the pages and pictures that are made
	$(BIN)/python docs/make_commands.py
	$(BIN)/python docs/pictures/make_review_picture.py
	$(BIN)/her2path coverage -o docs/coverage.md
	$(BIN)/her2path coverage --labels -o docs/labels.md
	$(BIN)/python docs/make_shown.py

changed: .venv/dev                 ## Change the source in some hundred small ways: a test must see each
	$(BIN)/python tests/changed_constants.py

bench: .venv/bench                 ## Measure speed, as ratios in one run
	$(BIN)/python bench/tables.py
	$(BIN)/python bench/reading.py
	$(BIN)/python bench/population.py
	$(BIN)/python bench/exposure.py
	$(BIN)/python bench/simulated.py

.venv/made:
	@test -n "$(PYTHON)" || { echo "her2path needs Python 3.11 or later"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/base: .venv/made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/serve: .venv/made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[serve]'
	@touch $@ .venv/base

.venv/dev: .venv/made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/base .venv/serve

.venv/bench: .venv/made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ .venv/base

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
