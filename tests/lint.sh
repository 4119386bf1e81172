#!/usr/bin/env bash
# The linters, one line each with its duration. The first one that finds something ends the script
# with what it found. Names of checks run these alone: tests/lint.sh ruff-check mypy
#
# sqlfmt is off: it knows one layout only, and the SQL here follows another (rulers around the body
# of a CTE, short conditions on one line, `when ... then` on one line). sqlfluff checks that one.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export MYPYPATH=tests/pytest:lambda/readiness:dags LC_NUMERIC=C

chosen=" $* "
ran=0

check() {
    local name=$1
    shift
    [[ $chosen == "  " || $chosen == *" $name "* ]] || return 0
    ran=$((ran + 1))
    TIMEFORMAT="%R s  $name"
    if ! time "$@" >"$scratch/output" 2>&1; then
        cat "$scratch/output"
        echo "$name found something (see above)."
        exit 1
    fi
}

check yamllint yamllint --strict .
check ruff-check ruff check .
check ruff-format ruff format --check .
check mypy mypy --strict shelfweek sandbox snowflake lambda/readiness dags tests/pytest \
    tests/sqlfluff
check cfn-lint cfn-lint lambda/readiness/template.yaml athena/serving.yaml
# Needs no engine; warnings (an unused configuration, a deprecation) count as errors.
check dbt-parse dbt --warn-error parse --profiles-dir profiles --no-partial-parse \
    --show-all-deprecations --target-path "$scratch/target" --log-path "$scratch/logs"
# Names of nothing that exists; Spark's targets need none.
check dbt-parse-athena env AWS_REGION=us-east-1 SHELFWEEK_ATHENA_WORK_GROUP=shelfweek \
    SHELFWEEK_ATHENA_STAGING_DIR=s3://serving/results/ \
    SHELFWEEK_ATHENA_DATA_DIR=s3://serving/tables/ \
    dbt --warn-error parse --target athena --profiles-dir profiles --no-partial-parse \
    --show-all-deprecations --target-path "$scratch/target" --log-path "$scratch/logs"
check sqlfluff sqlfluff lint models tests/dbt --processes 0 --nocolor --disable-progress-bar
check sqlfluff-snowflake sqlfluff lint snowflake --templater placeholder --nocolor \
    --disable-progress-bar

if [[ $# -gt 0 && $ran -ne $# ]]; then
    echo "Not all of these are names of checks in tests/lint.sh: $*"
    exit 1
fi
