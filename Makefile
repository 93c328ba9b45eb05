# The environment is made at first use, in .venv, with every version pinned in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
VLLM := .venv-vllm
INSTALLED := .venv/.installed
DATA ?= ../shared/data/retrieval/xquad

.PHONY: demo serve test test-vllm check format eval bench bench-vllm constraints clean

demo: $(INSTALLED)  ## ingest examples/ and ask questions in several languages
	$(BIN)/python examples/demo.py

serve: $(INSTALLED)  ## serve over HTTP on 127.0.0.1:8080
	$(BIN)/ragqwen serve

test: $(INSTALLED)  ## pass the tests
	$(BIN)/python -m pytest

test-vllm: $(INSTALLED) $(VLLM)/.installed  ## pass the tests against a real vLLM server on this CPU
	RAGQWEN_TEST_VLLM=$(CURDIR)/$(VLLM)/bin/vllm $(BIN)/python -m pytest \
		--log-cli-level=INFO tests/ragqwen -k vllm

check: $(INSTALLED)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)  ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

eval: $(INSTALLED)  ## measure retrieval and answers on DATA, a folder in BEIR's layout
	$(BIN)/python -m eval retrieval $(DATA)
	$(BIN)/python -m eval answers $(DATA)

bench: $(INSTALLED)  ## measure speed, as ratios within one run
	$(BIN)/python -m eval bench

bench-vllm: $(INSTALLED) $(VLLM)/.installed  ## measure what our chat model costs on top of a real vLLM
	RAGQWEN_TEST_VLLM=$(CURDIR)/$(VLLM)/bin/vllm $(BIN)/python -m tests.vllm_bench

constraints:  ## pin what is installed now (CONTRIBUTING.md)
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf .venv $(VLLM) build

$(VLLM)/.installed: .ci/vllm-environment
	PYTHON=$(PYTHON) .ci/vllm-environment $(VLLM)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ragqwen needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	touch $(INSTALLED)
