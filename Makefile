PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-full lint bench pictures lock clean

demo: .venv/ready
	@$(BIN)/jit demo

test: .venv/ready
	$(BIN)/pytest --numprocesses 4 --dist loadfile -m 'not exhaustive'

test-full: .venv/ready  # what `make test` left
	$(BIN)/pytest --numprocesses 4 --dist loadfile -m exhaustive

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready
	$(BIN)/python -m tests.bench $(NAMES)

pictures: .venv/ready
	$(BIN)/python -m tests.pictures docs/story.png

lock: .venv/ready
	$(BIN)/uv pip compile --quiet --universal --all-extras --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv

.venv/ready: requirements.lock pyproject.toml demo/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("jit needs Python 3.11 or newer; say which: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . --editable demo
	@touch $@
