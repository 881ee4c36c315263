# `make run` serves, `make desktop` opens the window, `make test` runs every test; each sets up what it needs first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SECONDS ?= 60
MINUTES ?= 30
TARGET ?= datagram
# Most tests wait for something most of the time, so three go at once; ARGS="-n0 …" takes it back.
AT_ONCE := --numprocesses 3 --dist loadfile

# The tests' programs of other makers: coap-client, Chromium, what makes faults, and a display with hands at it.
DEBIAN_TEST_PACKAGES := libcoap3-bin chromium curl nginx-light openssl strace rsync syncthing mmdebstrap iproute2 fonts-dejavu-core \
  xvfb xauth xdotool openbox imagemagick appstream desktop-file-utils prometheus
# What Qt needs to draw without a screen, and what it needs beside that to open a window.
DEBIAN_QT_PACKAGES := libgl1 libglib2.0-0 libfontconfig1 libdbus-1-3 libgssapi-krb5-2
DEBIAN_WINDOW_PACKAGES := libx11-xcb1 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 \
  libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 libxkbcommon-x11-0
# What builds the .debs and looks at them, and the libraries of Debian's own that they run with.
DEBIAN_BUILD_PACKAGES := debhelper dh-python dpkg-dev fakeroot python3
DEBIAN_PACKAGE_TEST_PACKAGES := $(DEBIAN_BUILD_PACKAGES) lintian faketime man-db acl
DEBIAN_LIBRARY_PACKAGES := python3-bottle python3-cbor2 python3-cryptography python3-ifaddr python3-prometheus-client \
  python3-requests python3-requests-toolbelt python3-tqdm python3-waitress python3-watchdog python3-pyqt5 python3-keyring python3-venv
DEBIAN_PACKAGES := $(DEBIAN_TEST_PACKAGES) $(DEBIAN_QT_PACKAGES) $(DEBIAN_WINDOW_PACKAGES) $(DEBIAN_PACKAGE_TEST_PACKAGES) \
  $(DEBIAN_LIBRARY_PACKAGES)

# Debian has no CoAPthon3, so the package carries it.
COAPTHON := build/vendor/CoAPthon3-$(shell sed -n 's/^CoAPthon3==//p' requirements-server.txt).tar.gz

.PHONY: run desktop test test-debian deb fuzz check bench soak venv setup-test debian screenshots clean help

help:
	@echo "make run          serve ./firmware: devices on UDP 5683, people on http://127.0.0.1:8080"
	@echo "make run ARGS=…   the same with flags; make run ARGS=--help lists them"
	@echo "make desktop      OTA Publisher, the window: drop the files of a release in, check, publish, notify"
	@echo "make test         set up and run every test, first those of make test-debian"
	@echo "make test-debian  run the tests that lean on libraries with Debian's own Python and packages"
	@echo "make deb          build ota-server_*.deb and ota-publisher_*.deb into build/deb"
	@echo "make check        ruff and mypy"
	@echo "make bench        measure the server beside others, and under load; ARGS=--help lists the parts"
	@echo "make soak         a server under mixed load for MINUTES=30: whether memory, threads and open files stay flat"
	@echo "make fuzz         a coverage-guided fuzz of the datagram path, for SECONDS=60; TARGET=manifest: of the manifest reader"
	@echo "make screenshots  take the README's pictures again"
	@echo "make clean        remove the virtual environments and the caches"

run: $(VENV)/.server
	$(BIN)/python -m server $(ARGS)

desktop: DEBIAN_PACKAGES := $(DEBIAN_QT_PACKAGES) $(DEBIAN_WINDOW_PACKAGES)
desktop: $(VENV)/.desktop debian
	$(BIN)/python -m desktop $(ARGS)

test: $(VENV)/.test $(COAPTHON) debian
	@$(MAKE) --no-print-directory test-debian
	$(BIN)/python -m pytest $(AT_ONCE) $(ARGS)

deb: DEBIAN_PACKAGES := $(DEBIAN_BUILD_PACKAGES)
deb: $(COAPTHON) debian
	packaging/build-debs $(COAPTHON) build/deb

# Its sha256 is looked at when it is built in.
$(COAPTHON): | $(VENV)/bin/python
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --no-binary CoAPthon3 -d $(@D) $(patsubst CoAPthon3-%.tar.gz,CoAPthon3==%,$(@F))

# What a library's version can change: HTTP and its pages, the folder's events, CBOR and signatures, SQLite, the client, the window.
# Left out is what only our own code and CoAPthon3 take part in, which is the same there, and what takes long for another reason.
DEBIAN_TESTS := tests/debian.py tests/e2e/test_monitors.py tests/e2e/test_access.py $(addprefix tests/unit/test_,guard.py proxy.py) \
  $(addprefix tests/unit/test_,cbor.py envelope.py manifest.py trust.py bundle.py database.py history.py hashes.py) \
  $(addprefix tests/integration/test_,watcher.py cards.py pages.py device_pages.py client.py publish_cli.py serving.py strange_bytes.py) \
  $(addprefix tests/integration/test_,connections.py large_requests.py static_files.py) \
  $(addprefix tests/e2e/test_,start_stop.py publish_http.py fleet.py forgetting.py) \
  $(addprefix tests/desktop/test_,main_window.py jobs.py tokens.py) \
  --deselect tests/e2e/test_publish_http.py::test_killed_at_any_moment_the_old_state_or_the_new_one_stands
DEBIAN_PYTHON := /usr/bin/python3

DEBIAN_IMPORTS := sys, ensurepip, bottle, waitress, watchdog, cbor2, cryptography, ifaddr, prometheus_client, requests_toolbelt, tqdm, PyQt5, keyring
DEBIAN_READY := $(DEBIAN_PYTHON) -c 'import $(DEBIAN_IMPORTS); sys.exit(sys.version_info < (3, 11))' 2>/dev/null

test-debian: debian
	@! $(DEBIAN_READY) || $(MAKE) --no-print-directory $(VENV)-debian/.test
	@if $(DEBIAN_READY); then QT_QPA_PLATFORM=offscreen $(VENV)-debian/bin/python -m pytest $(AT_ONCE) $(DEBIAN_TESTS); \
	else echo "skipped, the tests with Debian's packages; on Debian 12: sudo apt-get install $(DEBIAN_LIBRARY_PACKAGES)"; fi

# A coverage-guided fuzz; what it finds worth keeping stays below build/fuzz.
FUZZ_datagram := -max_len=1400 build/fuzz/datagram tests/fuzz/corpus
FUZZ_manifest := -max_len=4096 build/fuzz/manifest tests/fuzz/corpus-manifest
fuzz: $(VENV)/.fuzz
	mkdir -p build/fuzz/$(TARGET)
	$(BIN)/python -m tests.fuzz $(TARGET) -max_total_time=$(SECONDS) -artifact_prefix=build/fuzz/$(TARGET)/failing- $(FUZZ_$(TARGET))

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.test debian
	@$(BIN)/python -m tests.bench $(ARGS)

# The exit status says whether all stayed flat, and whether every file that was fetched was exact.
soak: $(VENV)/.test
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

screenshots: $(VENV)/.test debian
	$(BIN)/python -m pytest -q tests/e2e/test_screenshots.py tests/e2e/test_window_on_x.py
	mkdir -p packaging/pictures && cp tests/output/page.png tests/output/page-dark.png tests/output/devices.png tests/output/devices-dark.png packaging/pictures/
	cp tests/output/x-light-5-fetching.png packaging/pictures/publisher.png
	cp tests/output/x-dark-5-fetching.png packaging/pictures/publisher-dark.png

venv: $(VENV)/.server

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": name another one with make PYTHON=…")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing python3-venv"; (apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv) >/dev/null 2>&1; \
	else echo "python3-venv is missing: sudo apt-get install python3-venv"; exit 1; fi
	$(PYTHON) -m venv $(VENV)

$(VENV)/.server: requirements-server.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-server.txt
	touch $@

$(VENV)/.desktop: requirements-desktop.txt $(VENV)/.server
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-desktop.txt
	touch $@

$(VENV)/.test: tests/requirements.txt $(VENV)/.desktop
	$(BIN)/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

$(VENV)-debian/.test: tests/requirements-debian.txt
	$(DEBIAN_PYTHON) -m venv --system-site-packages $(VENV)-debian
	$(VENV)-debian/bin/pip install --quiet --disable-pip-version-check -r tests/requirements-debian.txt
	touch $@

$(VENV)/.fuzz: tests/requirements-fuzz.txt $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -r tests/requirements-fuzz.txt
	touch $@

# Only as root and with apt; elsewhere what needs one of them says so.
debian:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  missing=$$(for p in $(DEBIAN_PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	  if [ -n "$$missing" ]; then \
	    echo "installing $$missing"; \
	    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing) >/dev/null 2>&1 \
	      || echo "apt-get could not install $$missing; what needs them is skipped or does not start"; \
	  fi; \
	fi

clean:
	rm -rf $(VENV) $(VENV)-debian .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/output build/deb build/vendor
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
