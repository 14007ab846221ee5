# Each target is enough alone on a machine that has Python (3.11 or later) and make.
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test docs test-slow test-wheel test-privacy test-deploy test-restart test-page test-kills test-load test-pacs test-pacs-kills test-pacs-hostile test-ohif coverage lint format bench clean

help:
	@echo "make demo        the whole path in a few minutes: index, train, evaluate, predict, report"
	@echo "make test        style, types and tests"
	@echo "make docs        the documentation, its notebooks run, for reading offline: build/docs/index.html"
	@echo "make test-slow   the tests that take minutes"
	@echo "make test-wheel  of those, the built wheel in environments of its own; downloads packages"
	@echo "make test-restart  of those, runs of several processes, killed and resumed"
	@echo "make test-page   of those, the page in Chromium (apt-get install chromium)"
	@echo "make test-kills  a service that is killed 100 times while it works (KILLS), on SQLite and on PostgreSQL"
	@echo "make test-pacs   of those, a node beside a real PACS (apt-get install orthanc orthanc-dicomweb dcmtk dicom3tools libgdcm-tools)"
	@echo "make test-pacs-kills  a node that is killed 100 times (KILLS), on SQLite and two of them on PostgreSQL"
	@echo "make test-pacs-hostile  10,000 data sets that nobody should send (MUTANTS)"
	@echo "make test-ohif   a node's results in OHIF, in Chromium (apt-get install npm nginx-light; downloads OHIF)"
	@echo "make test-privacy  every verb without a network, under strace: no socket, no file where none is said to be"
	@echo "make test-load   the reading room at twice what it can bear, for an hour; MINUTES=5 for less"
	@echo "make test-deploy  the Dockerfile's steps in a Debian that debootstrap makes, nginx, systemd; needs root, and downloads"
	@echo "make coverage    which lines of src/ no test runs; takes about twice as long as make test"
	@echo "make bench       Hilum, its peers and the limits of this machine, side by side: docs/benchmarks.json"

# Installed once, and again when what is needed changed.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: $(VENV)/installed
	rm -rf demo
	$(BIN)/hilum demo --out demo

# Every core runs tests of its own (-n auto), each with one thread; the slow ones take all threads one by one. Processes
# that tests start find modules compiled, also where an image sets PYTHONDONTWRITEBYTECODE.
test: $(VENV)/installed lint
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# The notebooks are run from empty outputs; a warning is an error, and so is a page that loads anything from a network.
docs: $(VENV)/docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	! grep -rnE '<(script|link|img|iframe|source)[^>]*(src|href)="(https?:)?//' build/docs --include='*.html'
	! grep -rnE '(@import|url\()[^;]*(https?:)?//' build/docs --include='*.css'
	@echo "build/docs/index.html"

$(VENV)/docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,docs]"
	touch $@

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -n 0 -m slow

test-wheel: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -m slow tests/test_wheel.py

test-restart: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -m slow tests/training/test_restart.py tests/training/test_parallel.py \
		tests/cli/test_tune.py tests/tuning/test_workers.py tests/tuning/test_study.py tests/workflows/test_ensemble.py \
		tests/inference/test_predictions_table.py tests/test_compatibility.py

# Without Chromium they are skipped, unless HILUM_REQUIRE_CHROMIUM is set.
test-page: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -m slow tests/service/page

KILLS ?= 100
test-kills: $(VENV)/installed
	OMP_NUM_THREADS=1 HILUM_TEST_KILLS=$(KILLS) $(BIN)/python -m pytest -n 0 -m slow tests/service/test_kills.py

# A node, beside Debian's Orthanc, DCMTK, dicom3tools and GDCM. Without them much is skipped, unless HILUM_REQUIRE_ORTHANC
# and HILUM_REQUIRE_DICOM_TOOLS are set.
test-pacs: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -m slow tests/pacs --ignore=tests/pacs/test_kills.py \
		--ignore=tests/pacs/ohif/test_viewer.py

test-pacs-kills: $(VENV)/installed
	OMP_NUM_THREADS=1 HILUM_TEST_KILLS=$(KILLS) $(BIN)/python -m pytest -n 0 -m slow tests/pacs/test_kills.py

MUTANTS ?= 10000
test-pacs-hostile: $(VENV)/installed
	OMP_NUM_THREADS=1 HILUM_TEST_MUTANTS=$(MUTANTS) $(BIN)/python -m pytest -n 0 -m slow tests/pacs/test_hostile.py

# OHIF, once from npm, in Chromium; beside Orthanc, nginx and a node, as examples/orthanc/ has them. Whatever is not here
# fails it.
test-ohif: $(VENV)/installed build/ohif-app-3.13.2.tgz
	HILUM_REQUIRE_OHIF=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -m slow tests/pacs/ohif/test_viewer.py

build/ohif-app-3.13.2.tgz:
	mkdir -p build
	cd build && npm pack --silent --fetch-retries=5 @ohif/app@3.13.2

# Takes about 3 GB in the folder for temporary files, for the store.
MINUTES ?= 60
test-load: $(VENV)/installed
	OMP_NUM_THREADS=1 HILUM_TEST_LOAD_MINUTES=$(MINUTES) $(BIN)/python -m pytest -n 0 -m slow tests/service/test_load.py

# Needs Linux with unshare and strace; without them it fails rather than skips.
test-privacy: $(VENV)/installed
	HILUM_REQUIRE_GUARD=1 $(BIN)/python -m pytest -n 0 -m "slow or not slow" tests/test_privacy.py

# Needs Debian's packages debootstrap, nginx and systemd; without them it fails rather than skips. HILUM_DEBIAN names a
# system that debootstrap has made before.
test-deploy: $(VENV)/installed
	HILUM_REQUIRE_DEPLOY=1 $(BIN)/python -m pytest -n 0 -m "slow or not slow" tests/deploy

coverage: $(VENV)/installed
	rm -f .coverage .coverage.*
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(VENV)/installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Peers lie in environments of their own: none of them is a dependency.
.bench/%/installed: benchmarks/peers/constraints-%.txt
	$(PYTHON) -m venv .bench/$*
	.bench/$*/bin/python -m pip install --quiet --disable-pip-version-check -c $< $(PEERS_$*)
	touch $@

PEERS_keras := tensorflow-cpu
PEERS_torch := torch monai pillow

bench: $(VENV)/installed .bench/keras/installed .bench/torch/installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .bench demo build docs/_generated
