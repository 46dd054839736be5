# Every target can be typed first, on a fresh clone, and again: each makes what it needs and nothing twice.
# Only relative paths, so that a clone may lie anywhere, blanks in its path too.

VENV := .venv/bin
PYTEST := $(VENV)/python -m pytest
# Several processes share the tests (tests/conftest.py says how many); one that is done takes over tests of the others.
SHARED := -n auto --dist worksteal

# What covers titan.rules. These run apart, so that no other test is slowed by the measurement.
TESTS_OF_RULES := tests/unit/rules tests/unit/ingest
# All of it is slow, and collecting it takes 5 s in each process.
SLOW_TO_COLLECT := tests/acceptance/test_any_request_of_the_document.py

# Where it is set, each of the thousand processes that tests start would compile all of Titan anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-slow check format console check-console wheels bench bench-rivals soak acceptance lock

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup:  ## make .venv from requirements.lock (PYTHON=... chooses the interpreter); nothing when nothing changed
	@PYTHON="$(PYTHON)" scripts/setup.sh

demo: setup  ## start Titan, run the research agent on docs/ with a local model, print the report's path, stop
	@$(VENV)/python examples/demo.py $(ARGS)

up: setup  ## start Titan and one worker here (ARGS="--port 5001 --offer GPU:1"); Ctrl-C ends both
	@$(VENV)/titan up $(ARGS)

test: setup  ## every test under ten seconds; rules with 100 % branch coverage
	@$(VENV)/python scripts/console.py --install
	$(PYTEST) $(SHARED) $(TESTS_OF_RULES) --cov --cov-report=term-missing:skip-covered
	$(PYTEST) $(SHARED) -m "not slow" $(patsubst %,--ignore=%,$(TESTS_OF_RULES) tests/style tests/browser $(SLOW_TO_COLLECT))
	$(PYTEST) $(SHARED) tests/browser

test-slow: setup  ## every slow test but those of live foreign clients
	$(PYTEST) $(SHARED) -m "slow and not live_client"

check: setup  ## format, lint, types, import contracts, tests of style; the console's types, lint and unit tests
	$(VENV)/python -m ruff format --check .
	$(VENV)/python -m ruff check .
	$(VENV)/python -m mypy $(wildcard src sdk/src tests benchmarks examples scripts)
	$(VENV)/lint-imports --no-logo
	$(PYTEST) -q tests/style
	$(VENV)/python scripts/console.py --check

format: setup  ## format the code and mend what ruff can mend
	$(VENV)/python -m ruff format .
	$(VENV)/python -m ruff check --fix .

console: setup  ## build the web console into src/titan/web, with Node from a wheel
	$(VENV)/python scripts/console.py

check-console: setup  ## the console's part of check; nothing when nothing changed
	$(VENV)/python scripts/console.py --check

acceptance: test-slow  ## every slow test, those of live foreign clients too, whose packages are downloaded
	$(PYTEST) -m live_client

wheels: setup  ## build the wheels of a release into dist: the server's, and the SDK's that it requires by version
	$(VENV)/python scripts/wheels.py

bench: setup  ## measure, beside the ceiling in the same run; writes docs/benchmarks.md (ARGS=--quick: a minute)
	$(VENV)/python -m benchmarks $(ARGS)

bench-rivals: setup  ## beside six schedulers and two trace servers, each in its own environment (ARGS="jobs --only celery")
	$(VENV)/python -m benchmarks.rivals $(ARGS)

soak: setup  ## two hours of 20 jobs/s: does anything grow? (ARGS="--minutes 10" for less)
	$(VENV)/python -m benchmarks.soak $(ARGS)

lock: setup  ## write requirements.lock from pyproject.toml (UPGRADE=1 takes the newest versions)
	$(VENV)/python scripts/lock.py $(if $(UPGRADE),--upgrade)
