# What people do here, by name: `make` alone lists it. Every target is safe to repeat and sets up what it needs.

.DEFAULT_GOAL := help
.PHONY: help setup build demo test lint data train gallery bench bench-clip bench-training bench-diffusion \
    parity-full docs clean
.SUFFIXES:
MAKEFLAGS += --no-print-directory

lienzo := .build/release/lienzo
sources := Package.swift Sources Tests Benchmarks Examples
# With steps=N, training is a trial of N steps a stage on 500 pictures, beside the real one.
trained := runs/$(if $(steps),trial-$(steps),mini)

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## install missing Debian packages, fetch libtorch into .libtorch
	@Scripts/setup

build: setup  ## build the tool for daily use: .build/release/lienzo
	@echo 'make: building lienzo (minutes the first time)' >&2
	@swift build --configuration release --product lienzo

demo: build  ## make a picture of a red apple with mini: output/a-red-apple.png
	@mkdir -p output
	@$(lienzo) generate "a red apple" --output output/a-red-apple.png

data: build  ## make the data set of mini from Debian packages: data/mini
	@test -e data/mini/summary.json || $(lienzo) data build

train: build data  ## train mini from the start, or go on with it (hours): runs/mini; a trial: make train steps=2
	@Scripts/fetch-towers
	@mkdir -p runs
	@test -e $(trained) || cp -r mini $(trained)
	@for stage in clip autoencoder prior decoder; do $(lienzo) train $$stage --model $(trained) \
	    $(if $(steps),--steps $(steps) --pictures 500 --run $(trained)/runs/$$stage) || exit; done

gallery: build  ## make docs/gallery.png, a picture for each line of docs/gallery.txt
	@$(lienzo) gallery docs/gallery.txt --output docs/gallery.png

bench: build  ## measure generate and compare from start to end: seconds, memory, and their bars
	@swift build --configuration release --product LienzoBenchmark
	@.build/release/LienzoBenchmark $(wildcard Tests/ImagesTests/Fixtures/clip-*.jpg)

bench-clip: build  ## measure CLIP in alternation with its peers; python=… with those of Tools/reference and more
	@swift build --configuration release --product LienzoBenchmark
	@$(or $(python),python3) -P Tools/evaluation/bench_clip.py

bench-training: setup  ## measure a training step of CLIP ViT-B/32 beside torch's, in turn; python=… with open_clip
	@swift build --configuration release --product LienzoTrainingBenchmark
	@$(or $(python),python3) -P Tools/evaluation/training_step.py

bench-diffusion: build  ## measure generators' networks beside their peers, and a whole run; python=… with those
	@swift build --configuration release --product LienzoBenchmark
	@$(or $(python),python3) -P Tools/evaluation/bench_diffusion.py

parity-full: setup  ## compare generators' networks of published sizes with diffusers; python=… with it
	@swift build --configuration release --product LienzoBenchmark
	@$(or $(python),python3) -P Tools/evaluation/parity_full.py

docs: setup  ## make the pages of the library: output/docs
	@Scripts/docs

test: setup lint  ## check the format, build and run all tests
	@echo 'make: building and running the tests (minutes the first time)' >&2
	@swift test --disable-xctest

lint:  ## check that the sources are formatted as .swift-format says
	@swift format lint --strict --parallel --recursive $(sources)

clean:  ## remove build products; keep libtorch, data and runs
	@rm -rf .build
