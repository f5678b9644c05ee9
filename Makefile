# make run         set up .venv, then train and score FCRNet on the embedded data set
# make test        set up .venv, run all checks and tests, and run every benchmark once
# make bench       compare the speed with other implementations
# make check-long  run the long tests, which make test leaves out
# make check-asv   run every asv benchmark once
# TORCH_INDEX=URL  take PyTorch wheels from this index instead of the configured one

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := 2.13.0
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
ARGS ?=

.PHONY: run test lint check check-long check-asv bench clean

run: $(VENV)/ready
	$(BIN)/fcrbench run --method fcrnet --dataset sample $(ARGS)

test: lint check check-asv

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# One thread per process, because two test processes already use two cores. Each test file runs in one of them, with its fixtures.
check: $(VENV)/ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m "not long" $(ARGS)

# The tests that a person does not wait for: the guides in environments of their own, memory over many images, and files of
# microscopes, for which the extra "bio" is installed.
check-long: $(VENV)/ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m long $(ARGS)
	$(PIP) -c constraints.txt -e ".[bio]"
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/io/test_bio.py

# Check that every benchmark of the asv suite still runs.
check-asv: $(VENV)/ready
	$(BIN)/asv machine --yes
	$(BIN)/asv check --python=same
	OMP_NUM_THREADS=1 $(BIN)/asv run --quick --python=same --show-stderr

bench: $(VENV)/ready
	$(PIP) -c constraints.txt -e ".[peers]"
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.peers $(ARGS)

$(VENV)/ready: pyproject.toml baselines/pyproject.toml constraints.txt tools/install_torch.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fcrbench needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	sh tools/install_torch.sh $(BIN) $(TORCH)
	$(PIP) -c constraints.txt -e ".[train,scale,zarr,parquet,dev]" -e baselines
	touch $@

clean:
	rm -rf $(VENV)
