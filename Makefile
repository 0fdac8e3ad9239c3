PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-deps
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11 pyproject.toml

.PHONY: demo test test-full lint bench pictures lock clean

demo: .venv/demo
	@$(BIN)/jit demo

PYTEST := $(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

# With PYTHONDONTWRITEBYTECODE each of these processes would compile all tests anew, in 15 s of processor time each.
test test-full: export PYTHONDONTWRITEBYTECODE :=

test: .venv/dev
	$(PYTEST) -m 'not exhaustive'

test-full: .venv/dev  # what `make test` left
	$(PYTEST) -m exhaustive

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev
	$(BIN)/python -m tests.bench $(NAMES)

pictures: .venv/dev
	$(BIN)/python -m tests.pictures docs/story.png

lock: .venv/dev  # the others hold the same versions as dev, as far as they go
	$(COMPILE) --all-extras --output-file requirements/dev.lock
	$(COMPILE) --constraint requirements/dev.lock --output-file requirements/production.lock \
		--extra embedded --extra ldap --extra s3 --extra build
	$(COMPILE) --constraint requirements/dev.lock --output-file requirements/demo.lock \
		--extra embedded --extra sample --extra playground --extra build

clean:
	rm -rf .venv

# What each purpose needs, in one environment: `ready` to run jit for a real workspace, `demo` to play, `dev` to test.
.venv/demo .venv/dev: demo/pyproject.toml
.venv/ready: PURPOSE := production
.venv/demo .venv/dev: PURPOSE = $(@F)
.venv/demo .venv/dev: OURS := --editable demo
.venv/ready: requirements/production.lock
.venv/demo: requirements/demo.lock
.venv/dev: requirements/dev.lock

.venv/ready .venv/demo .venv/dev: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("jit needs Python 3.11 or newer; say which: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Installing what requirements/$(PURPOSE).lock names into .venv: $$(grep -c == requirements/$(PURPOSE).lock) packages …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --require-hashes --requirement requirements/$(PURPOSE).lock
	@$(INSTALL) --quiet --no-build-isolation --editable . $(OURS)
	@touch $@
