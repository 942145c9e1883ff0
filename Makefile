# Sets everything up in .venv; needs Python 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint validator live browser picture spark bench golden docs clean

setup: .venv/.done

.venv/.done: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("fhirconv needs Python 3.11 or newer; call: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup
	@mkdir -p build
	@$(BIN)/fhirconv convert fixtures/cases/nakagawa-2022.yaml -o build/nakagawa-2022.json

test: setup lint
	@$(BIN)/pytest -m 'not validator and not live and not browser and not spark'

lint: setup
	@$(BIN)/ruff check fhirconv tests benchmarks tools
	@$(BIN)/mypy
	@$(BIN)/fhirconv mappings check
	@$(BIN)/python tools/mappings_digest.py

validator: setup
	@$(BIN)/pytest -m validator

live: setup
	@$(BIN)/pytest -m live

browser: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[browser,docs]'
	@$(BIN)/pytest -m browser

# The picture of a report in the README: look at it before you commit it.
picture: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[browser]'
	@$(BIN)/python -m tests.browser.picture

spark: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[spark]'
	@$(BIN)/pytest -m spark

bench: setup
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/validate.py

golden: setup
	@$(BIN)/pytest -q tests/test_golden.py --renew

docs: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@$(BIN)/sphinx-build --nitpicky --fail-on-warning --keep-going --quiet --fresh-env --doctree-dir build/doctrees docs build/site
	@$(BIN)/python tools/docs_links.py build/site

clean:
	@rm -rf .venv build dist
