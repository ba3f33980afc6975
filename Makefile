# What a person runs. Each target makes .venv first, from requirements.lock, if it is not there.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python tools/groups.py

.DEFAULT_GOAL := help
.PHONY: help env env-desktop demo designer screenshots test test-long simulate lint types layers check check-offline bench docs lock clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 24

env:  ## .venv with the locked packages and this project
	@$(PYTHON) tools/bootstrap.py

env-desktop:  ## the same with Qt and what tests of the window need
	@$(PYTHON) tools/bootstrap.py --desktop

demo: env  ## a sample project in ./demo: data, flow, run, picture, report; then the window, if there is a display
	@$(BIN)/pype demo --folder demo
	@$(BIN)/python tools/open_window.py demo/shop.yaml

designer: env-desktop  ## the window on the sample project's flow
	@$(BIN)/pype demo --folder demo --no-run
	@$(BIN)/pype designer demo/shop.yaml

screenshots: env-desktop  ## docs/images from real windows: light, dark, 100 % and 200 %
	@$(BIN)/python tools/screenshots.py

test: env-desktop  ## format, lint, types, layers, made pages and all tests
	@$(RUN) format lint types layers docs desktop tests

test-long: env-desktop  ## the tests that take minutes
	@$(BIN)/python -m pytest -p no:pytest-qt -n 2 -m long

simulate: env  ## 100,000 random flows against a scheduler written from the rules alone
	@$(BIN)/python -m tests.core.simulation --flows 100000

lint: env  ## ruff: format and rules
	@$(RUN) format lint

types: env-desktop  ## mypy --strict
	@$(RUN) types

layers: env-desktop  ## who may import whom
	@$(RUN) layers

check: env-desktop  ## what to run before a commit: all but the tests
	@$(RUN) format lint types layers docs

check-offline: env-desktop  ## lint, types, layers, demo and tests without any network
	@$(RUN) --offline format lint types layers docs demo desktop tests

bench: env-desktop  ## the figures of the README, 10 million rows, about 30 minutes; peers in an environment of their own
	@test -e .venv-bench/ready || { $(BIN)/python -m venv --without-pip .venv-bench && \
		$(BIN)/python -m pip list --format=freeze --disable-pip-version-check | grep -v pypeline > .venv-bench/versions.txt && \
		$(BIN)/python -m pip --python .venv-bench/bin/python install --quiet --constraint .venv-bench/versions.txt duckdb polars pandas pyarrow 'dask[dataframe]' && touch .venv-bench/ready; }
	@$(BIN)/python -m benchmarks

docs: env  ## the pages that come from the code: errors, modules, schemas
	@$(BIN)/python tools/docs.py

lock: env  ## resolve requirements.lock again, for all supported Pythons
	@test -x .venv-lock/bin/uv || { $(BIN)/python -m venv --without-pip .venv-lock && $(BIN)/python -m pip --python .venv-lock/bin/python install --quiet uv; }
	@.venv-lock/bin/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --group build --group test --group lint --output-file requirements.lock
	@.venv-lock/bin/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --extra desktop --group desktop-test --constraints requirements.lock \
		$$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock) --output-file requirements-desktop.lock

clean:  ## all that can be made again
	@rm -rf .venv .venv-lock .venv-bench .venv-bench-* build dist demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	@find pypeline tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
