# make lab           set up, then open JupyterLab on notebooks/00_start_here.ipynb
# make test          set up, then run every check      (LAB=07, QUICK=1, JOBS=1, KERNEL=gdl-gpu)
# make test-doors    labs 00, 02, 07 and 09 alone in an empty folder, under Colab's versions
# make bench         course-shaped loops beside ours, with several seeds; goes on where it stopped   (LAB=07)
# make checkpoints   full training runs of a lab       (LAB=07)
# make notebooks     run notebooks again and keep their outputs   (LAB=07)
# make site          the labs as pages to read, in site/
# make address       write where this project is published, and the badges (git's remote origin)
# make clean         remove .venv and what tools left behind

PYTHON ?=
PORT ?= 8888
BROWSER ?=
LAB_OPTIONS ?=
KERNEL ?= gdl-cpu
LAB ?=
QUICK ?=
JOBS ?=
LABS = $(sort $(foreach path,$(wildcard notebooks/*.ipynb),$(firstword $(subst _, ,$(notdir $(path))))))
override LAB := $(if $(filter 0 1 2 3 4 5 6 7 8 9,$(LAB)),0)$(LAB)
export GDL_PYTHON = $(PYTHON)
export GDL_KERNEL = $(KERNEL)
export GDL_LAB = $(LAB)
export GDL_QUICK = $(QUICK)
export GDL_JOBS = $(JOBS)

RUN = .venv/bin/python
NOTEBOOKS = $(wildcard notebooks/$(LAB)*.ipynb)
WSL = $(findstring icrosoft,$(shell uname -r))
CONFIG = JUPYTER_CONFIG_PATH="$(CURDIR)/.ci$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}"
JUPYTER = $(CONFIG) PYTHONPATH="$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH}" $(RUN) -m jupyterlab --ServerApp.port=$(PORT) --ServerApp.root_dir="$(CURDIR)" \
	--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	$(if $(WSL),--ServerApp.use_redirect_file=False) $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

.PHONY: lab test test-doors bench checkpoints notebooks site address clean setup setup-test lab-is-there
.DEFAULT_GOAL := lab

setup:
	@$(or $(PYTHON),python3) .ci/bootstrap.py

setup-test:
	@$(or $(PYTHON),python3) .ci/bootstrap.py test

lab-is-there:
	$(if $(NOTEBOOKS),,$(error There is no lab $(LAB): choose LAB from $(LABS)))

lab: setup
	@$(JUPYTER) $(if $(filter none,$(BROWSER)),--no-browser,$(if $(BROWSER),--browser=$(BROWSER)))

test: lab-is-there setup-test
	@$(RUN) tests/run.py

test-doors: setup-test
	@$(RUN) -m pytest -v --durations=0 --durations-min=1 -p no:cacheprovider tests/doors/alone.py

bench: lab-is-there setup-test
	@$(RUN) benchmarks/run.py

checkpoints: lab-is-there setup-test
	@$(RUN) -m helpers.training.judges $(LAB)
	@GDL_BUDGET=full $(RUN) tests/run_notebook.py $(NOTEBOOKS)

notebooks: lab-is-there setup-test
	@$(RUN) tests/run_notebook.py --save $(NOTEBOOKS)

site: setup-test
	@$(RUN) pages/build.py

address:
	@$(or $(PYTHON),python3) .ci/address.py

clean:
	rm -rf .venv build site .pytest_cache .ruff_cache *.egg-info
