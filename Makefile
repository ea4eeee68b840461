# Gatehouse on a fresh Debian 12, Ubuntu 22.04 or 24.04: `make demo` and `make test` install what they need.
#
#   make demo          the whole chain in this terminal, about a minute
#   make test          development tools, then the whole test suite
#   make lint          format, style, types, layers
#   make nightly       what is longer: lint, tests with PyTorch, the demo
#   make jetson        on a Jetson: what it needs, engines, a check, hardware tests
#   make install-deps  only the Debian packages and .venv
#   make clean         remove .venv and every cache
#
#   make test PYTHON=python3.12 VENV=.venv-3.12     another interpreter
#   (only the distribution's own interpreter sees its GStreamer bindings)

PYTHON ?= /usr/bin/python3
VENV ?= .venv
PYTEST_FLAGS ?=

SUDO := $(shell test "$$(id -u)" = 0 || echo sudo)

APT_RUN := python3 python3-venv python3-gi python3-gst-1.0 gir1.2-gst-plugins-base-1.0 \
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav \
  gstreamer1.0-alsa gstreamer1.0-pulseaudio tzdata mosquitto
APT_TEST := $(APT_RUN) gstreamer1.0-tools espeak-ng libegl1 libegl-mesa0 libgl1-mesa-dri \
  g++ python3-dev strace libusb-1.0-0 pulseaudio libasound2-plugins \
  gir1.2-gst-rtsp-server-1.0 gstreamer1.0-pipewire pipewire pipewire-bin wireplumber dbus

RUN_STAMP := $(VENV)/.gatehouse-run
TEST_STAMP := $(VENV)/.gatehouse-dev
TRAIN_STAMP := $(VENV)/.gatehouse-train

.PHONY: demo test lint nightly jetson install-deps clean
.DELETE_ON_ERROR:

demo: $(RUN_STAMP)
	@$(VENV)/bin/gatehouse demo

test: $(TEST_STAMP)
	@$(VENV)/bin/python -m pytest $(PYTEST_FLAGS)

lint: $(TRAIN_STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

nightly: $(TRAIN_STAMP)
	$(MAKE) lint test demo

# CUDA's packages are named after its version, which JetPack chose.
CUDA_VERSION ?= $(shell readlink -f /usr/local/cuda | sed -n 's/.*cuda-\([0-9]*\)\.\([0-9]*\)$$/\1-\2/p')
APT_JETSON := $(APT_RUN) python3-dev g++ python3-libnvinfer \
  $(addsuffix -$(CUDA_VERSION),cuda-nvcc cuda-cudart-dev cuda-driver-dev cuda-nvrtc libcurand-dev)

jetson:
	@test -e /etc/nv_tegra_release || { echo "make jetson: this is no Jetson"; exit 1; }
	@SUDO='$(SUDO)' tools/apt-missing $(APT_JETSON)
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv --system-site-packages $(VENV)
	CUDA_ROOT=/usr/local/cuda $(VENV)/bin/python -m pip install --quiet --editable '.[dev,jetson,realsense]'
	$(VENV)/bin/python -m engines build
	$(VENV)/bin/gatehouse doctor
	$(VENV)/bin/python -m pytest -m "gpu or trt or sensor" -s tests/hardware

install-deps: $(RUN_STAMP)

clean:
	rm -rf $(VENV) build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Editable installs: only what setup.py asks for can make them out of date.
$(RUN_STAMP): setup.py
	@SUDO='$(SUDO)' tools/apt-missing $(APT_RUN)
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv --system-site-packages $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(TEST_STAMP): setup.py | $(RUN_STAMP)
	@SUDO='$(SUDO)' tools/apt-missing $(APT_TEST)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# PyTorch is large and only training needs it: tests that want it skip without it.
$(TRAIN_STAMP): setup.py | $(TEST_STAMP)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,train]'
	@touch $@
