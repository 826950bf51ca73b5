# Recipes are short; what they do is in scripts/, build_plugin.py, native_build.py, demo/ and
# bench/.
.DEFAULT_GOAL := library
PYTHON_ENV := .venv/bin/python
BENCHES := extract poller replay rules rules_cloudwatch host close bundle memory delivery promptness
PYTHON_FILES := src build_plugin.py native_build.py setup.py bundle demo tests bench

.PHONY: library debug bundle demo run test check lint sanitize fuzz bench profile generate host \
	hosts clean env

env:
	@scripts/system-packages.sh build
	@scripts/python-env.sh

# Incremental: compiles what changed.
library: env
	@$(PYTHON_ENV) build_plugin.py
	@echo "build/libk8saudit-eks.so is ready"

# The same file with symbols and without optimization, until the next `make`.
debug: env
	@$(PYTHON_ENV) build_plugin.py --mode debug
	@echo "build/libk8saudit-eks.so is ready for a debugger"

# dist/k8saudit-eks-VERSION-linux-ARCH.tar.gz: the library with a Python of its own.
bundle: env
	@$(PYTHON_ENV) -m bundle.build

# A real host: Falco if it is on the PATH, else sysdig in a Debian root of its own.
host:
	@command -v falco >/dev/null || { scripts/system-packages.sh host && scripts/host-root.sh; }

# And the libsinsp of the oldest and of a newer Falco that is supported, for the rules.
hosts: host
	@scripts/system-packages.sh host && scripts/host-root.sh trixie && scripts/host-root.sh forky

# Half an hour in the life of a cluster, an attack, and the alerts; no AWS account needed.
demo: library host
	@$(PYTHON_ENV) -m demo.run

# The same against AWS: make run CLUSTER=production REGION=eu-central-1 [PROFILE=…] [RULES=file,…]
run: library host
	@$(PYTHON_ENV) -m demo.live --cluster "$(CLUSTER)" --region "$(REGION)" --profile "$(PROFILE)" --rules "$(RULES)"

lint: env
	@.venv/bin/ruff check $(PYTHON_FILES)
	@.venv/bin/ruff format --check --quiet $(PYTHON_FILES)
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/mypy --no-error-summary demo tests/host
	@.venv/bin/mypy --no-error-summary bundle tests/packaging
	@for bench in bench/*.py; do .venv/bin/mypy --no-error-summary "$$bench" || exit 1; done

# What needs neither root nor a host: about two minutes on two cores.
check: library lint
	@$(PYTHON_ENV) -m pytest -q tests/unit tests/model

# The C and C++ tests under the address, undefined-behaviour and thread sanitizers.
sanitize: library
	@$(PYTHON_ENV) -m pytest -q -m sanitizers tests/unit tests/abi

# Without root and without a host, the host tests say what to install and are skipped.
test: library lint
	@$(MAKE) --no-print-directory hosts || [ "$$(id -u)" -ne 0 ]
	@$(PYTHON_ENV) -m pytest -q

# Looks for inputs that break extraction, log events, framing or repair, and for histories of a log group
# in which delivery does not keep its promise: make fuzz [SECONDS=600]
fuzz: env
	@scripts/system-packages.sh fuzz
	@$(PYTHON_ENV) tests/fuzz/fuzz.py --target extract --seconds $(or $(SECONDS),60)
	@$(PYTHON_ENV) tests/fuzz/fuzz.py --target log_events --seconds $(or $(SECONDS),60)
	@$(PYTHON_ENV) tests/fuzz/fuzz_frame.py --seconds $(or $(SECONDS),60)
	@$(PYTHON_ENV) tests/lives/fuzz_lives.py --seconds $(or $(SECONDS),60)

# What it costs; docs/benchmarks.md says how to read it.
bench: library hosts
	@failed=0; for bench in $(BENCHES); do \
		echo "== bench/$$bench.py"; $(PYTHON_ENV) bench/$$bench.py || failed=1; done; exit $$failed

# Where the time of a bench goes: make profile [BENCH=extract]
profile: library
	@scripts/profile.sh $(or $(BENCH),extract)

# Brings every generated part of the docs up to date.
generate: env
	@$(PYTHON_ENV) -m k8saudit_eks.fields.emit --write docs/fields.md
	@$(PYTHON_ENV) -m k8saudit_eks.docs.configuration --write docs/configuration.md
	@$(PYTHON_ENV) -m k8saudit_eks.docs.metrics --write docs/metrics.md
	@$(PYTHON_ENV) -m k8saudit_eks.docs.sizing --write docs/sizing.md
	@$(PYTHON_ENV) -m k8saudit_eks.docs.delivery --write docs/delivery.svg
	@$(PYTHON_ENV) -m k8saudit_eks.docs.rooms --write ARCHITECTURE.md
	@$(PYTHON_ENV) -m demo.rule_docs --write docs/rules.md

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
