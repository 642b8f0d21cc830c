# The two commands: `make demo` makes a reel on this machine, `make test` runs every test.
# Both set up .venv themselves, from wheels alone: no root, no compiler, no model weights.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR ?= $(CURDIR)/out/home
PORT ?= 8700

.PHONY: demo serve test lint bench clean help

help:
	@echo "make demo   render examples/ into out/demo, with nothing else running"
	@echo "make serve  run the service on port $(PORT) until Ctrl-C (HOME_DIR=$(HOME_DIR))"
	@echo "make test   lint, type-check and run every test"
	@echo "make bench  measure, and write benchmarks/results"

demo: $(VENV)/.service
	@$(BIN)/python examples/demo.py

serve: $(VENV)/.service
	@exec $(BIN)/voicereel-server up --home "$(HOME_DIR)" --port $(PORT)

test: $(VENV)/.test lint
	@VOICEREEL_TEST_DATABASE_URL="$${VOICEREEL_TEST_DATABASE_URL-$$(tests/needs/postgres.sh)}" \
		$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.test
	@$(BIN)/python benchmarks/bench.py

# A stamp a set of packages: made again only when what it was made from changes.
$(VENV)/.service: setup.cfg voicereel_client/pyproject.toml requirements.lock | $(VENV)/.python
	@echo "Installing VoiceReel into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: -c requirements.lock \
		'setuptools>=77' wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock \
		-e '.[embedded]' -e ./voicereel_client
	@touch $@

$(VENV)/.test: $(VENV)/.service
	@echo "Installing the test tools …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock \
		-e '.[embedded,test,lint]'
	@touch $@

$(VENV)/.python:
	@python=""; for name in $(PYTHON) python3.11 python3 python3.12; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	[ -n "$$python" ] || { echo "VoiceReel needs Python 3.11: apt-get install python3.11 python3.11-venv" >&2; exit 1; }; \
	"$$python" -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Python's venv is missing: apt-get install $$python-venv" >&2; exit 1; }; \
	"$$python" -m venv $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) out build dist *.egg-info
