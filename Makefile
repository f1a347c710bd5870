# make lab           set up, then open JupyterLab on notebooks/00_start_here.ipynb
# make test          set up, then run every check      (LAB=07, QUICK=1, JOBS=1, KERNEL=gdl-gpu)
# make bench         course-shaped loops beside ours   (LAB=07)
# make checkpoints   full training runs of a lab       (LAB=07)
# make notebooks     run notebooks again and keep their outputs   (LAB=07)
# make clean         remove .venv and what tools left behind

PYTHON ?= python3
PORT ?= 8888
BROWSER ?=
LAB_OPTIONS ?=
KERNEL ?= gdl-cpu
LAB ?=
QUICK ?=
JOBS ?=
export GDL_KERNEL = $(KERNEL)
export GDL_LAB = $(LAB)
export GDL_QUICK = $(QUICK)
export GDL_JOBS = $(JOBS)

RUN = .venv/bin/python
NOTEBOOKS = $(wildcard notebooks/$(LAB)*.ipynb)
JUPYTER = .venv/bin/python -m jupyterlab --ServerApp.port=$(PORT) --ServerApp.root_dir="$(CURDIR)" \
	--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	$(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

.PHONY: lab test bench checkpoints notebooks clean setup setup-test
.DEFAULT_GOAL := lab

setup:
	@$(PYTHON) .ci/bootstrap.py

setup-test:
	@$(PYTHON) .ci/bootstrap.py test

lab: setup
	@$(JUPYTER) $(if $(filter none,$(BROWSER)),--no-browser,$(if $(BROWSER),--browser=$(BROWSER)))

test: setup-test
	@$(RUN) tests/run.py

bench: setup-test
	@$(RUN) benchmarks/run.py

checkpoints: setup-test
	@$(RUN) -m helpers.training.judges $(LAB)
	@GDL_BUDGET=full $(RUN) tests/run_notebook.py $(NOTEBOOKS)

notebooks: setup-test
	@$(RUN) tests/run_notebook.py --save $(NOTEBOOKS)

clean:
	rm -rf .venv build .pytest_cache .ruff_cache *.egg-info
