# The front door. Each target is a plain command or two; `make help` lists them.
# Everything installs what it needs from Debian packages first (with sudo where not root).

SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
NCPS := build/release/ncps
KEY := cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=

.PHONY: help deps docs run build test check asan tsan coverage fuzz install deb tarball image test-packages demo bench soak crash-soak dev dev-s3 dev-ha services-up services-down hooks fmt fmt-check lint headers clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:  ## install what is missing from Debian packages
	@scripts/deps.sh test

build/release/build.ninja: CMakeLists.txt CMakePresets.json
	cmake --preset release

build: build/release/build.ninja  ## build the server (release)
	@cmake --build --preset release -j $(JOBS) --target ncps

run:  ## start the cache on :8501, data in ./data; ARGS="--log-level=debug" passes flags
	@scripts/deps.sh build
	@$(MAKE) --no-print-directory build
	@mkdir -p data
	@exec $(NCPS) serve --cache-hostname="$$(uname -n)" --cache-storage-local=data \
	  --cache-upstream-url=https://cache.nixos.org --cache-upstream-public-key=$(KEY) $(ARGS)

dev:  ## work on it: built and started again when a source changes; data in ./data/dev; ARGS="--log-level=debug"
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory build
	@exec python3 scripts/dev.py local $(ARGS)

dev-s3:  ## the same with a bucket of a real S3 server (Ceph)
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory build
	@exec python3 scripts/dev.py s3 $(ARGS)

dev-ha:  ## the same with three instances behind haproxy, PostgreSQL, Redis and that S3 server
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory build
	@exec python3 scripts/dev.py ha $(ARGS)

services-up:  ## S3 server, PostgreSQL and Redis in the background; prints the options that use them
	@scripts/deps.sh test
	@python3 scripts/dev.py services-up

services-down:  ## end them
	@python3 scripts/dev.py services-down

test:  ## set up, build, and run every test
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory fmt-check check
	@scripts/sanitized.sh asan

check: build/release/build.ninja  ## build and run the tests of the release build only
	@cmake --build --preset release -j $(JOBS)
	@ctest --preset release -j $$((2 * $(JOBS)))  # most of an end-to-end test is waiting

asan:  ## every unit test and a part of the end-to-end tests under ASan and UBSan
	@scripts/deps.sh test
	@scripts/sanitized.sh asan full

tsan:  ## the same under TSan
	@scripts/deps.sh test
	@scripts/sanitized.sh tsan full

coverage:  ## which lines of src the tests run (an hour and more); writes docs/quality.md. ARGS=unit for unit tests only
	@scripts/deps.sh coverage
	@scripts/coverage.py --write $(ARGS)

fuzz:  ## throw mutated input at every parser, FUZZ_SECONDS=60 each (an hour of a core); writes docs/quality.md
	@scripts/deps.sh test
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -j $(JOBS)
	@fuzz/run.py --program build/fuzz/ncps_fuzz --seconds $(FUZZ_SECONDS) --jobs $(JOBS) --write $(ARGS)

install: build  ## install below PREFIX=/usr/local (and DESTDIR)
	@cmake --install build/release --strip --prefix $(PREFIX)

deb:  ## build/release/packages/ncps_*.deb
	@scripts/deps.sh package
	@$(MAKE) --no-print-directory build
	@cpack --config build/release/CPackConfig.cmake -G DEB -B build/release/packages

tarball: build  ## build/release/packages/ncps-*.tar.gz with its libraries, for any Linux with glibc 2.36 or later
	@scripts/tarball.sh

image:  ## the container image `ncps`, built from source (half an hour)
	@scripts/image.sh

test-packages:  ## build, install and run the packages and the image for real, in chroots (minutes, as root)
	@scripts/deps.sh packages-test
	@$(MAKE) --no-print-directory deb tarball
	@NCPS_BINARY=$(CURDIR)/$(NCPS) NCPS_BUILD=$(CURDIR)/build/release /usr/bin/python3 -m unittest discover -v -s tests/packaging/real -t .

demo:  ## watch the main job, without internet, in half a minute
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory build
	@python3 demo/demo.py

bench:  ## measure beside nginx, beside an S3 server, and with a distant upstream; writes bench/results/ and docs/measurements.md
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory build
	@cmake --build --preset release -j $(JOBS) --target load_bench verify_bench catalog_bench eviction_replay_bench
	@python3 bench/bench.py $(ARGS)
	@python3 bench/closure.py $(CLOSURE_ARGS)
	@python3 bench/s3.py $(S3_ARGS)
	@python3 bench/catalog.py $(CATALOG_ARGS)
	@python3 bench/eviction.py
	@python3 bench/metrics.py
	@python3 bench/hostile.py $(HOSTILE_ARGS)
	@python3 bench/cost.py
	@python3 bench/clients.py $(CLIENTS_ARGS)
	@python3 bench/cold.py
	@python3 bench/slow.py
	@python3 bench/tcp.py
	@python3 bench/hashing.py

soak:  ## a thousand runs of random faults, and several instances under faults, judged (20 minutes); HOURS=8: does anything grow in so long? Writes docs/quality.md. Kills: make crash-soak
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory build
ifdef HOURS
	@python3 -m tests.soak.long --hours $(HOURS) --write $(ARGS)
else
	@python3 -m tests.soak --write $(ARGS)
	@python3 -m tests.soak.several --write $(SEVERAL_ARGS)
endif

crash-soak:  ## 10,000 kills at random moments, judged (hours); writes docs/quality.md. ARGS="--kills 500" for fewer
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory build
	@python3 -m tests.soak.crash --write $(ARGS)

docs: build  ## write what is generated: docs/configuration.md, config.example.yaml, the table of docs/dependencies.md
	@$(NCPS) config reference > docs/configuration.md
	@$(NCPS) config example > config.example.yaml
	@tools/dependencies.py $(NCPS)

hooks:  ## from now on each commit is looked at first: format, rooms
	@git config core.hooksPath scripts/hooks

fmt:  ## format the C++ sources
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

fmt-check:
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 --dry-run -Werror

lint:  ## clang-tidy over every source (minutes)
	@scripts/deps.sh lint
	@cmake --preset release >/dev/null
	@git ls-files 'src/*.cpp' | grep -vE '_(test|bench)\.cpp$$' | xargs -P $(JOBS) -n 4 clang-tidy-19 -p build/release --quiet

headers:  ## compile each header alone
	@cmake --preset dev >/dev/null && cmake --build --preset headers -j $(JOBS)

clean:  ## remove what was built
	rm -rf build
