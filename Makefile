# Every target does its own set-up. On a fresh machine: python3 (>= 3.11), pip, git, make.

PYTHON_IN := .venv/bin/python
WORKERS ?= 2

.PHONY: help setup parts bench-mcp bench-audit demo test lint types imports proved pytest prove bench-check bench format lock clean

help:
	@echo "make demo     a scripted hostile agent against a real repository, judged at the sinks"
	@echo "make test     lint, types, import directions, proofs, benchmarks' self-checks, tests"
	@echo "make prove    the proofs alone"
	@echo "make bench    the benchmarks: one table, and docs/benchmarks.md"
	@echo "make bench-local  what a box costs, beside others; its section of that page"
	@echo "make bench-mcp    what mediating MCP costs, beside other proxies; likewise"
	@echo "make format   format the code"
	@echo "make lock     bring locks/ in line with pyproject.toml"

setup:
	@scripts/bootstrap

demo: setup
	@.venv/bin/nucleus demo

# Tests last: their closing line is the last line.
test: setup lint types imports proved bench-check pytest

lint: setup
	$(PYTHON_IN) -m ruff check
	$(PYTHON_IN) -m ruff format --check

types: setup
	$(PYTHON_IN) -m mypy
	$(PYTHON_IN) -m mypy tests/typing

imports: setup
	.venv/bin/lint-imports

# Real MCP servers and clients, and the conformance suite: see tests/parts.
parts: setup
	@$(PYTHON_IN) -m tests.parts.install

pytest: setup parts
	$(PYTHON_IN) -m pytest -n $(WORKERS) --dist loadgroup -q

prove: setup
	$(PYTHON_IN) -m proofs

# What the proofs depend on; unchanged files were proved before.
proved: setup
	@if [ -f proofs/__main__.py ]; then scripts/once proved "$(MAKE) --no-print-directory prove" proofs src/nucleus/kernel src/nucleus/gate/core.py src/nucleus/gate/approvals.py src/nucleus/gate/events.py src/nucleus/gate/flights.py src/nucleus/gate/records.py claims/claims.toml locks/proofs.txt; fi

bench-check: setup
	@if [ -f bench/__main__.py ]; then $(PYTHON_IN) -m bench --check; fi

bench: setup
	$(PYTHON_IN) -m bench

# nucleus audit on 338 files, beside zizmor on the same tree.
bench-audit: setup
	$(PYTHON_IN) -m bench.audit

# What standing between an MCP client and its server costs, beside other proxies.
bench-mcp: setup
	$(PYTHON_IN) -m bench.mcp

# What a box costs, beside sandbox-runtime and sandlock on the same work.
bench-local: setup
	$(PYTHON_IN) -m bench.local

format: setup
	$(PYTHON_IN) -m ruff format
	$(PYTHON_IN) -m ruff check --fix

lock: setup
	scripts/lock

clean:
	rm -rf .venv .tools .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
