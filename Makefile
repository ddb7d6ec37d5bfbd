# What people do here, by name: `make` alone lists it. Every target is safe to repeat and sets up what it needs.

.DEFAULT_GOAL := help
.PHONY: help setup build test lint clean
.SUFFIXES:
MAKEFLAGS += --no-print-directory

lienzo := .build/release/lienzo
sources := Package.swift Sources Tests

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## install missing Debian packages, fetch libtorch into .libtorch
	@Scripts/setup

build: setup  ## build the tool for daily use: .build/release/lienzo
	@echo 'make: building lienzo (minutes the first time)' >&2
	@swift build --configuration release --product lienzo

test: setup lint  ## check the format, build and run all tests
	@echo 'make: building and running the tests (minutes the first time)' >&2
	@swift test --disable-xctest

lint:  ## check that the sources are formatted as .swift-format says
	@swift format lint --strict --parallel --recursive $(sources)

clean:  ## remove build products; keep libtorch, data and runs
	@rm -rf .build
