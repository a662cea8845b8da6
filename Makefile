# Everything a fresh machine with Python 3.11 and make needs. `make run` and `make test` create what is missing in .venv.

CONFIG ?= config.example.yaml
ARGS ?=

BIN := .venv/bin
RUNTIME := .venv/.runtime
TOOLS := .venv/.tools
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The first Python at hand that is new enough; `make PYTHON=/path/to/python3.12 …` names another.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.PHONY: run demo test machine check format bench lock clean

run: $(RUNTIME)
	@exec $(BIN)/alert-router serve --config $(CONFIG)

demo: $(RUNTIME)
	@exec $(BIN)/alert-router demo $(ARGS)

test: $(TOOLS)
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# Random histories against what is promised, for hours: make machine ARGS="--minutes 120 --seed 7".
machine: $(TOOLS)
	$(BIN)/python -m tests.machines.promises $(ARGS)

check: $(TOOLS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell
	$(BIN)/python -m rules.language.schema --check

format: $(TOOLS)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(RUNTIME)
	$(BIN)/python -m bench $(ARGS)

# Hashes and versions, no index: where packages come from is the machine's business. The files keep each other's
# versions, so that all three install into one environment. Not part of the tools: pip-tools wants to own pip itself.
PIP_COMPILE = CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/pip-compile --quiet --generate-hashes --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock: .venv-lock/.done
	$(PIP_COMPILE) --output-file requirements.lock pyproject.toml
	$(PIP_COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(PIP_COMPILE) --only-build-deps --build-deps-for wheel --build-deps-for editable \
		--constraint requirements-dev.lock --output-file requirements-build.lock pyproject.toml

clean:
	rm -rf .venv .venv-lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov

# Stamps: an environment is made once, and again when a lock file changes. One that was interrupted has no stamp.
.venv/.made:
	@test -n "$(PYTHON)" || { echo "alert-router needs Python 3.11 or newer: install it (Debian, Ubuntu: apt install python3 python3-venv), or say make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "making .venv with $(PYTHON)"
	@$(PYTHON) -m venv --clear .venv
	@touch $@

$(RUNTIME): .venv/.made requirements.lock requirements-build.lock pyproject.toml
	@echo "installing what requirements.lock names"
	@$(INSTALL) --require-hashes -r requirements.lock -r requirements-build.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(TOOLS): $(RUNTIME) requirements-dev.lock
	@echo "installing what requirements-dev.lock names"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

.venv-lock/.done:
	@$(PYTHON) -m venv --clear .venv-lock
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	@touch $@
