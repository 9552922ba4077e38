# The entry to kconform from the command line. Every target has a line of help; CI calls the same targets.

PYTHON ?= python3
RESULTS ?= reports/out
ARGS ?=
N ?= 10
KERNELS ?= live gvisor uml
# So many seconds a kernel of a matrix may take.
LIMIT ?= 1800
VENV := .venv
BIN := $(VENV)/bin

# Compiled modules are kept, whatever the environment says: each worker would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help conformance conformance-all test lint types format tests suites bench report soak prove chaos matrix kernels bundle disagreements architecture topology world list lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' Makefile

conformance: $(VENV)/run.installed ## Check the live kernel by its native call, report in reports/out (RESULTS=DIR, ARGS="pytest options")
	@$(BIN)/pytest suites -n auto --entry=syscall --results=$(RESULTS) $(ARGS)

conformance-all: $(VENV)/run.installed ## The same through every entry point: the 32-bit entry and io_uring, too
	@$(BIN)/pytest suites -n auto --results=$(RESULTS) $(ARGS)

test: lint types tests suites ## Lint, types, the harness's own tests, and the suites

lint: $(VENV)/dev.installed ## Check style, formatting, and which module imports which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache --no-logo

types: $(VENV)/dev.installed ## Check types, strictly
	@$(BIN)/mypy

tests: $(VENV)/dev.installed ## Run the harness's own tests
	@$(BIN)/pytest tests -n 4 -rs $(ARGS)

suites: $(VENV)/dev.installed ## Run the suites with warnings as errors, report in reports/out
	@$(BIN)/pytest suites -n auto -W error --results=$(RESULTS) $(ARGS)

bench: $(VENV)/dev.installed ## Measure all that docs/performance.md has, and put it there (ARGS="--only topologies,rows")
	@$(BIN)/python -m tests.bench --markdown docs/performance.md $(ARGS)

report: $(VENV)/run.installed ## Make the HTML report anew from results that are there
	@$(BIN)/python -m reports html $(RESULTS)

soak: $(VENV)/dev.installed ## Run the suites N times in random order, compare every row (ARGS="--loaded 3 --user 3")
	@$(BIN)/python -m tests.soak --count $(N) $(ARGS)

prove: $(VENV)/dev.installed ## Lie to every row about every call, list the lies that nobody notices (goes on where it was)
	@$(BIN)/python -m tests.prove --resume $(RESULTS)/prove.jsonl $(ARGS)

chaos: $(VENV)/dev.installed ## End runs at random moments, run in bad surroundings, read hostile files; list what was left or wrong (ARGS="--count 200")
	@$(BIN)/python -m tests.chaos $(ARGS)

matrix: $(VENV)/run.installed ## Check several kernels by the native call (KERNELS="live uml vm:6.1"), one report in reports/out/matrix
	@$(BIN)/python -m kernels matrix $(KERNELS) --results $(RESULTS) --limit $(LIMIT) -- --entry=syscall $(ARGS)

kernels: ## Install what other kernels need, with Debian's package tools (as root)
	apt-get install -y --no-install-recommends runsc user-mode-linux qemu-system-x86 busybox-static e2fsprogs kmod iproute2

bundle: $(VENV)/run.installed ## Make one executable file, dist/kconform.pyz, for machines that have nothing but a Python
	@$(BIN)/python -m bundle $(ARGS)

disagreements: $(VENV)/run.installed ## Write docs/disagreements.md from the results in reports/out
	@$(BIN)/python -m reports disagreements $(RESULTS) --output docs/disagreements.md

architecture: $(VENV)/dev.installed ## Draw the imports between packages into docs/architecture.md
	@$(BIN)/python -m tests.tools.architecture

topology: $(VENV)/run.installed ## Show the private networks that tests stand in
	@$(BIN)/python -m netns

world: topology ## The former name of topology; the next release drops it

list: $(VENV)/run.installed ## List all clauses with their documents
	@$(BIN)/pytest --list-clauses

format: $(VENV)/dev.installed ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lock: ## Lock the dependencies of pyproject.toml anew, with hashes
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet pip-tools
	@for extra in run dev; do CUSTOM_COMPILE_COMMAND="make lock" $(VENV)-lock/bin/pip-compile --quiet --upgrade \
	    --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	    $$([ $$extra = dev ] && echo --extra=dev) --output-file=requirements/$$extra.txt pyproject.toml; done
	@rm -rf $(VENV)-lock

clean: ## Remove the environment, caches and reports
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache reports/out dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/run.installed: requirements/run.txt requirements/bootstrap.py
	@echo "making the virtual environment $(VENV) ..."
	@$(PYTHON) requirements/bootstrap.py $(VENV) requirements/run.txt
	@touch $@

$(VENV)/dev.installed: requirements/dev.txt requirements/bootstrap.py
	@echo "making the virtual environment $(VENV) ..."
	@$(PYTHON) requirements/bootstrap.py $(VENV) requirements/dev.txt
	@touch $(VENV)/run.installed $@
