# SPDX-License-Identifier: MIT
#
# The front door. Every goal first installs what it lacks (scripts/setup), then does its work;
# the build itself is CMakeLists.txt, with the presets of CMakePresets.json.

PREFIX  ?= /usr/local
DESTDIR ?=

.PHONY: help build demo test mutants install fuzz bench clean
.NOTPARALLEL:

help:
	@echo 'make demo     set up, build, and watch a TCP talk to itself and to the Linux kernel'
	@echo 'make test     set up, build in six ways, run every test'
	@echo 'make build    the binary build/estab and the library'
	@echo 'make install  to PREFIX ($(PREFIX)), below DESTDIR if that is given'
	@echo 'make mutants  change one line of the source for each requirement, and see its test fail'
	@echo 'make fuzz     only the fuzz targets, with their fixed runs and seed'
	@echo 'make bench    the benchmarks, against what this machine allows: bench/results/'
	@echo 'make clean    remove build/'

build:
	@scripts/setup build
	@scripts/build estab estab_shared estab_static

demo:
	@scripts/setup demo
	@scripts/build estab
	@build/estab demo

test:
	@scripts/setup test
	@tests/run

fuzz:
	@scripts/setup test
	@tests/run fuzz

mutants:
	@scripts/setup test
	@tests/ledger/mutants.py

bench:
	@scripts/setup demo
	@scripts/build bench
	@bench/run

install: build
	@DESTDIR='$(abspath $(DESTDIR))' cmake --install build --prefix '$(PREFIX)'
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

clean:
	rm -rf build
