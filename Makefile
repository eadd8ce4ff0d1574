# SPDX-License-Identifier: MIT
# Thin: each target is a few commands that can as well be typed by hand. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench tidy format install clean

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
# A Python that sees the distribution's packages, which another one in front of it on the path may not.
PLOTTER = $(shell python3 -c 'import matplotlib' 2>/dev/null && echo python3 || echo /usr/bin/python3)

help: ## show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: ## install what is missing, build, and show the library at work
	cmake/install_packages.sh demo
	cmake --preset release -B build/demo -DCOIR_BUILD_TESTS=OFF
	cmake --build build/demo -j $(JOBS) --target http_server echo_server thread_echo_server echo_load
	python3 bench/demo.py --build build/demo

test: ## install what is missing, build, and run the whole test suite (a few minutes)
	cmake/install_packages.sh test
	cmake --preset release
	cmake --build --preset release -j $(JOBS)
	ctest --preset release -j $(JOBS)

check: ## the matrix: presets dev, release, boost, asan, tsan with g++ and clang (half an hour)
	cmake/install_packages.sh test
	TESTED=$(TESTED) cmake/matrix.sh

bench: ## install what is missing, build, and measure coir against everything (half an hour; QUICK=1: three minutes)
	cmake/install_packages.sh demo bench
	cmake --preset release -B build/bench -DCOIR_BUILD_TESTS=OFF
	cmake --build build/bench -j $(JOBS) --target bench
	python3 bench/run.py --build build/bench --json build/bench/results.json $(if $(QUICK),--quick); status=$$?; \
	  $(PLOTTER) bench/report.py build/bench/results.json -o build/bench/report.html && exit $$status

tidy: ## the rules that a compiler cannot check
	python3 tests/tidy/tidy.py

format: ## format the sources
	python3 tests/tidy/format.py

install: ## build the libraries and install them below PREFIX (/usr/local)
	cmake -S . -B build/install -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$(PREFIX) \
	  -DCOIR_BUILD_TESTS=OFF -DCOIR_BUILD_BENCH=OFF -DCOIR_BUILD_EXAMPLES=OFF
	cmake --build build/install -j $(JOBS)
	cmake --install build/install

clean: ## remove everything that was built
	rm -rf build
