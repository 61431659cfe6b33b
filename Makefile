# Needs Python 3.11 or newer and make; everything else is installed into .venv by the first target that wants it, in the
# versions that were tested. A build of torch that is in .venv already (2.13.0+cpu) is kept.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := constraints/tested.txt
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(VENV)/constraints.txt --editable

.PHONY: demo test test-newest test-lowest docs notebooks pins release-check kills browser first-screen simulations reference lint types format bench bench-long slurm-test clean
.DEFAULT_GOAL := demo

$(VENV)/installed: pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python constraints/kept.py $(CONSTRAINTS) > $(VENV)/constraints.txt
	$(INSTALL) '.[dev]'
	@touch $@

demo: $(VENV)/installed  ## the main job on phantoms: 3 colormaps × 2 initialisations × 3 seeds, its table, its page
	WANDB_MODE=offline $(BIN)/python -m medxfer.train -m colormap=none,viridis,inferno pretrained=true,false seed=0,1,2

test: $(VENV)/installed  ## every fast test; those on real images want MEDXFER_TEST_DATA
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-newest: export PIP_UPGRADE := 1
test-newest: export PIP_UPGRADE_STRATEGY := eager
test-newest:  ## the same with the newest versions that pyproject.toml allows, in an environment of its own
	rm -f .venv-newest/installed
	$(MAKE) test VENV=.venv-newest CONSTRAINTS=

test-lowest:  ## the same with the lowest ones, which have wheels for Python 3.11 and 3.12 (PYTHON=python3.12)
	$(MAKE) test VENV=.venv-lowest CONSTRAINTS=constraints/lowest.txt

pins: $(VENV)/installed  ## constraints/, from this environment and pyproject.toml
	$(INSTALL) '.[dev,docs]'
	$(BIN)/python constraints/pins.py lowest > constraints/lowest.txt
	$(BIN)/python constraints/pins.py tested > $(VENV)/tested.txt && mv $(VENV)/tested.txt constraints/tested.txt

release-check: docs  ## what stands in the way of a release: versions, packages, notebooks, licences, the site
	$(BIN)/python tests/release_check.py

kills: $(VENV)/installed  ## a small grid killed 100 times at random moments, and 3 and 4 commands on one study
	$(BIN)/python -m pytest tests/training/test_resume.py tests/grid/test_shared_study.py -m slow

browser: $(VENV)/installed  ## what the tests of the page in Chromium need, besides Debian's chromium and npm
	$(INSTALL) '.[dev,browser]'
	npm install --silent --no-fund --no-audit --prefix $(VENV) axe-core@4

first-screen: browser  ## docs/first_screen.png again: the page of the main job on phantoms
	$(BIN)/python tests/first_screen.py

simulations: $(VENV)/installed  ## the false positives and widths of docs/simulations.md; goes on where it stopped (an hour of two cores; heads and networks want a GPU)
	$(BIN)/python tests/simulation/run.py --out docs/simulations.md

docs: $(VENV)/installed  ## the site of documentation, in site/: its first page is site/index.html
	$(INSTALL) '.[dev,docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

notebooks: $(VENV)/installed  ## run again, with their outputs
	$(BIN)/python tests/executed.py

reference: $(VENV)/installed  ## docs/settings.md, from the settings' own description
	$(BIN)/python -m medxfer.training.settings.reference_text docs/settings.md

lint: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(VENV)/installed
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed  ## what is timed, as ratios, in at most 15 minutes; writes docs/benchmarks.md
	$(INSTALL) '.[bench]'
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s

bench-long: export MEDXFER_BENCH := long
bench-long: bench  ## all of it, large, and what an answer costs: hours

slurm-test: $(VENV)/installed  ## a grid on a real Slurm of this one machine, preempted; wants root, slurm-wlm and munge
	tests/slurm/cluster.sh $(BIN)/python -m pytest tests/slurm -m slurm -s

clean:  ## everything made here but studies
	rm -rf $(VENV) .venv-newest .venv-lowest build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
