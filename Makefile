# The two commands: `make demo` makes a reel on this machine, `make test` runs every test.
# Both set up .venv themselves, from wheels alone: no root, no compiler, no model weights.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR ?= $(CURDIR)/out/home
PORT ?= 8700
SOAK_S ?= 1800
FAULTS_FORM ?= full
CHROMIUMS := chromium chromium-browser google-chrome-stable google-chrome
FAULTS_TO ?= benchmarks/results

.PHONY: demo serve test faults mutants soak drill lint bench bench-api bench-queue quality clean help

help:
	@echo "make demo   render examples/ into out/demo, with nothing else running"
	@echo "make serve  run the service on port $(PORT) until Ctrl-C (HOME_DIR=$(HOME_DIR))"
	@echo "make test   lint, type-check and run every test"
	@echo "make faults  kill, pause, cut off and fill up everything at full numbers, and try every mutant"
	@echo "make mutants break the source on purpose: the tests must notice; make soak SOAK_S=1800"
	@echo "make drill  back up under load, lose everything, restore, and check what must hold"
	@echo "make bench  measure, and write benchmarks/results"
	@echo "make quality  measure what is made, and print one table of it (QUALITY=captions: only that)"
	@echo "make bench-api, make bench-queue"
	@echo "            the same for production mode: accepting on PostgreSQL, waking over RabbitMQ"

demo: $(VENV)/.service
	@$(BIN)/python examples/demo.py

serve: $(VENV)/.service
	@exec $(BIN)/voicereel-server up --home "$(HOME_DIR)" --port $(PORT)

test: $(VENV)/.test lint
	@VOICEREEL_TEST_DATABASE_URL="$${VOICEREEL_TEST_DATABASE_URL-$$(tests/needs/postgres.sh)}" \
	VOICEREEL_TEST_BROKER_URL="$${VOICEREEL_TEST_BROKER_URL-$$(tests/needs/rabbitmq.sh)}" \
	VOICEREEL_TEST_CHROMIUM="$${VOICEREEL_TEST_CHROMIUM-$$(tests/needs/program.sh chromium $(CHROMIUMS))}" \
	VOICEREEL_TEST_FLITE="$${VOICEREEL_TEST_FLITE-$$(tests/needs/program.sh flite flite)}" \
		$(BIN)/python -m pytest -n 2 -p tests.faults.scheduling $(PYTEST_ARGS)

# All faults at full numbers (an hour or two), then every mutant, whatever fails; the table goes to
# benchmarks/results. Less of it: FAULTS_FORM=short FAULTS_ARGS="-k race" FAULTS_TO=out SOAK_S= MUTANTS=fence
faults: $(VENV)/.test
	@rm -rf out/faults && mkdir -p out/faults
	@VOICEREEL_TEST_DATABASE_URL="$${VOICEREEL_TEST_DATABASE_URL-$$(tests/needs/postgres.sh)}" \
	VOICEREEL_FAULT_FORM=$(FAULTS_FORM) VOICEREEL_FAULT_REPORT=$(CURDIR)/out/faults VOICEREEL_SOAK_S="$(SOAK_S)" \
		$(BIN)/python -m pytest -v tests/faults --deselect tests/faults/test_mutants.py $(FAULTS_ARGS); \
	found=$$?; \
	$(BIN)/python -m tests.faults.report out/faults --to $(FAULTS_TO) || found=1; \
	$(MAKE) --no-print-directory mutants || found=1; \
	exit $$found

mutants: $(VENV)/.test
	@VOICEREEL_TEST_DATABASE_URL="$${VOICEREEL_TEST_DATABASE_URL-$$(tests/needs/postgres.sh)}" \
		$(BIN)/python -m tests.faults.mutants $(MUTANTS)

soak: $(VENV)/.test
	@VOICEREEL_SOAK_S="$(SOAK_S)" $(BIN)/python -m pytest -v tests/faults/test_soak.py

# The same as in `make test`, with more jobs and the time each step took.
drill: $(VENV)/.test
	@VOICEREEL_TEST_DATABASE_URL="$${VOICEREEL_TEST_DATABASE_URL-$$(tests/needs/postgres.sh)}" DRILL_JOBS="$${DRILL_JOBS-60}" \
		$(BIN)/python -m pytest -v -s tests/e2e/test_backup.py

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.test
	@$(BIN)/python benchmarks/bench.py

bench-api: $(VENV)/.bench
	@VOICEREEL_TEST_DATABASE_URL="$${VOICEREEL_TEST_DATABASE_URL-$$(tests/needs/postgres.sh)}" \
		$(BIN)/python benchmarks/api.py

bench-queue: $(VENV)/.bench
	@VOICEREEL_TEST_DATABASE_URL="$${VOICEREEL_TEST_DATABASE_URL-$$(tests/needs/postgres.sh)}" \
		VOICEREEL_TEST_BROKER_URL="$${VOICEREEL_TEST_BROKER_URL-$$(tests/needs/rabbitmq.sh)}" \
		$(BIN)/python benchmarks/wakeups.py

quality: $(VENV)/.test
	@$(BIN)/python -m benchmarks.quality $(QUALITY)

# A stamp a set of packages: made again only when what it was made from changes.
$(VENV)/.service: setup.cfg voicereel_client/pyproject.toml requirements.lock | $(VENV)/.python
	@echo "Installing VoiceReel into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: -c requirements.lock \
		'setuptools>=77' wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock \
		-e '.[embedded]' -e './voicereel_client[formats]'
	@touch $@

$(VENV)/.test: $(VENV)/.service
	@echo "Installing the test tools …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock \
		-e '.[embedded,test,lint]'
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@echo "Installing what the benchmarks compare with …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock \
		-e '.[bench]'
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
