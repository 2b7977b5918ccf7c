# One target is one step of CI. `make` lists them.
CARGO ?= cargo
CONFS := $(wildcard conf/*.yaml conf/examples/*/piton.yaml conf/examples/*/traefik.yml)

.PHONY: help
help: #? this list
	@sed -n 's/^\([a-z-]*\):.*#? \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: build
build: #? the release binary: target/release/piton
	$(CARGO) build --release

.PHONY: run
run: build #? the demo: a proxy and three servers on 127.0.0.1
	./target/release/piton demo

.PHONY: test
test: fmt-check lint doc conf-check tests #? everything CI checks

.PHONY: fmt-check
fmt-check: #? is everything formatted?
	$(CARGO) fmt --check

.PHONY: lint
lint: #? clippy, warnings are errors
	$(CARGO) clippy --all-targets -- -D warnings

.PHONY: doc
doc: #? the documentation builds without a warning
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet

.PHONY: conf-check
conf-check: #? piton -t on every configuration in conf/
	$(CARGO) build --quiet
	@# One of them is for a pod, where the cluster says where its API server is.
	@for conf in $(CONFS); do \
	  KUBERNETES_SERVICE_HOST=10.96.0.1 KUBERNETES_SERVICE_PORT=443 ./target/debug/piton -t -c $$conf || exit 1; \
	done

.PHONY: tests
tests: #? unit, property, golden, simulation, architecture and end-to-end tests, also against container engines
	env -u KUBECONFIG $(CARGO) test

.PHONY: live
live: #? tests against real container engines alone, with the table of requests, failures and moved sessions
	$(CARGO) test --test docker -- --nocapture

.PHONY: cluster
cluster: #? tests of Kubernetes against the API server that KUBECONFIG names (tests/cluster/control-plane makes one)
	@test -n "$$KUBECONFIG" || { echo "KUBECONFIG names no cluster; tests/cluster/control-plane up makes one"; exit 2; }
	env -u CONTROL_PLANE $(CARGO) test --test e2e kubernetes -- --nocapture
	@if test -n "$$CONTROL_PLANE"; then $(CARGO) test --test e2e kubernetes::load::an_api_server -- --nocapture; fi

.PHONY: bench
bench: #? micro benchmarks of the hot path (criterion)
	$(CARGO) bench

.PHONY: attacks
attacks: build #? what attacks cost, on loopback: memory, and an honest client beside each; about four minutes
	python3 benches/attacks/run.py

.PHONY: load
load: #? load test against bare Pingora, nginx, haproxy and TRAEFIK_BIN; writes target/load/
	python3 benches/load/run.py $(LOAD_ARGS)

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: #? libFuzzer on each target of fuzz/ for FUZZ_SECONDS (60); `make test` has a second for each
	@command -v cargo-fuzz >/dev/null || { echo "fuzz: cargo-fuzz is not installed; cargo install cargo-fuzz"; exit 1; }
	@# Coverage without a sanitizer (there is no unsafe code) needs no nightly compiler.
	@for target in $$(ls fuzz/seeds); do \
	  mkdir -p fuzz/corpus/$$target; \
	  RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=8192 || exit 1; \
	done

.PHONY: soak
soak: build #? reloads, flapping servers and 5,000 WebSockets, then: is everything as it was?
	python3 benches/soak/run.py $(SOAK_ARGS)
