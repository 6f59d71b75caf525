# The commands of the project. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app wsgi
CATALOGUE := translations/pt_BR/LC_MESSAGES/messages
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench bench-compare chaos messages lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A newcomer reads addresses, not a line per request; VITRINE_LOG_LEVEL=info shows them. Exported,
# not written before the command: make then starts it without a shell that would swallow signals.
run: export VITRINE_LOG_LEVEL := $(or $(VITRINE_LOG_LEVEL),warning)
# The demo's mails are written before the site is up: they too name the port that was chosen.
run: export VITRINE_BASE_URL := $(or $(VITRINE_BASE_URL),http://$(if $(filter 0.0.0.0 ::,$(HOST)),127.0.0.1,$(HOST)):$(PORT))
run: $(VENV)/.run-ready $(CATALOGUE).mo ## the site with its demo stock, and the worker
	@$(FLASK) db upgrade
	@$(FLASK) demo load --if-empty --covers-first
	@$(FLASK) serve --host $(HOST) --port $(PORT)

test: $(VENV)/.test-ready $(CATALOGUE).mo ## the whole suite, on SQLite and, if it is there, on PostgreSQL
	@$(BIN)/python tests/run.py

lint: $(VENV)/.test-ready ## formatter, linter, type checker, template linter: silent when clean
	@$(BIN)/ruff format --check --quiet . || { echo "Run make format."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary app.py wsgi.py core jobs dealership inventory leads content showroom landing integrators admin demo
	@$(BIN)/djlint --lint --quiet templates

format: $(VENV)/.test-ready ## rewrite the code in the house format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(VENV)/.test-ready $(CATALOGUE).mo ## speed and memory, as ratios to bare references of the same run
	@$(BIN)/python -m bench $(BENCH)

# make bench-compare REF=HEAD~3 BENCH="--only pages --only web"
bench-compare: $(VENV)/.test-ready $(CATALOGUE).mo ## the same rows of another commit and of this tree, in turn: REF=…
	@test -n "$(REF)" || { echo "Say which commit: make bench-compare REF=…, or two files: REF=\"before.json after.json\""; exit 1; }
	@$(BIN)/python -m bench.compare $(REF) $(BENCH)

chaos: $(VENV)/.test-ready $(CATALOGUE).mo ## no accepted lead is lost or doubled, whatever is killed, locked or full
	@$(BIN)/python -m bench.chaos $(CHAOS)

messages: $(VENV)/.test-ready ## collect the messages of code and templates into the catalogue
	@$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext -k _l -k ngettext:1,2 --no-location --sort-output --width 100 -o translations/messages.pot .
	@$(BIN)/pybabel -q update -i translations/messages.pot -d translations -l pt_BR --no-fuzzy-matching --ignore-obsolete --width 100
	@sed -i.old -E '1,20{/^"(Report-Msgid|POT-Creation|PO-Revision|Last-Translator|Language-Team|Generated-By)/d;}' $(CATALOGUE).po && rm $(CATALOGUE).po.old
	@rm translations/messages.pot

lock: $(VENV)/.test-ready ## pin the newest allowed versions, with hashes and without addresses
	@for name in base test; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header --no-emit-index-url --no-emit-find-links requirements/$$name.in -o requirements/$$name.txt; done

clean: ## remove what the other commands made, the database aside
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis $(CATALOGUE).mo

$(CATALOGUE).mo: $(CATALOGUE).po
	@$(BIN)/pybabel -q compile -d translations

# An order-only wait: the catalogue is compiled by what the environment holds.
$(CATALOGUE).mo: | $(VENV)/bin/python

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Vitrine needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.run-ready: requirements/base.txt | $(VENV)/bin/python
	@echo "Installing what Vitrine needs (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/.test-ready: requirements/test.txt | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@ $(VENV)/.run-ready
