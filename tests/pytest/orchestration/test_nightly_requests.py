"""A request is run only if it is of the dump that lies in the landing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from domains import RETAIL
from nights import NightDump

from sandbox.emulated_account import AIRFLOW_SETTINGS, LANDING_URI
from shelfweek.engine import Engine
from shelfweek.lake import copy_dimension_files
from shelfweek.landing import Landing
from shelfweek.limits import AS_CONFIGURED, Limits
from shelfweek.night import DbtProject, Invocation, register
from shelfweek.nightly_request import (
    NightlyRequest,
    RebuildRequest,
    RequestBounds,
    RequestError,
    conf_schema,
    request_of,
)
from shelfweek.registration import _glob_over, uri_of

LOAD_DATE = date(2026, 11, 20)


@pytest.fixture
def dump(tmp_path: Path) -> NightDump:
    """A whole night in a local landing."""
    dump = NightDump(tmp_path / "landing", LOAD_DATE)
    dump.write()
    return dump


@pytest.fixture
def request_for(dump: NightDump) -> NightlyRequest:
    """A request for just that night."""
    landing = Landing.scan(str(dump.folder), RETAIL)
    files: dict[str, tuple[str, ...]] = {}
    for file in landing.open_night(LOAD_DATE).files:
        files[file.table] = (uri_of(landing.file_system, file.path),)
    manifest = uri_of(landing.file_system, str(dump.manifest))
    return NightlyRequest(RETAIL, LOAD_DATE, str(dump.folder), files, manifest, {})


def test_a_night_is_opened_as_it_was_requested(request_for: NightlyRequest) -> None:
    _, night = request_for.open()
    assert {file.table for file in night.files} == set(request_for.files)


def test_another_dump_than_the_requested_one_is_refused(request_for: NightlyRequest) -> None:
    asked = {**request_for.files, "sales": (request_for.files["sales"][0], "s3://lake/another")}
    with pytest.raises(RequestError, match="not the one that was requested: s3://lake/another"):
        replace(request_for, files=asked).open()


def test_another_manifest_than_the_requested_one_is_refused(request_for: NightlyRequest) -> None:
    with pytest.raises(RequestError, match=r"not the one that was requested: .*manifest_20261120"):
        replace(request_for, manifest="s3://lake/another/manifest_20261120.json").open()


def test_a_night_whose_manifest_is_gone_is_refused(
    request_for: NightlyRequest, dump: NightDump
) -> None:
    dump.manifest.unlink()
    with pytest.raises(RequestError, match=r"not the one that was requested: .*manifest_20261120"):
        request_for.open()


def test_a_dump_that_was_torn_since_is_refused(
    request_for: NightlyRequest, dump: NightDump
) -> None:
    dump.contents["sales", dump.name("sales")] += b"more"
    dump.write()
    with pytest.raises(RequestError, match="bytes"):
        request_for.open()


def test_a_key_that_nobody_knows_is_refused(conf: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="lode_date"):
        request_of({**conf, "lode_date": "2026-11-20"}, RETAIL)


def test_a_conf_is_of_a_night_or_of_a_rebuild(
    conf: dict[str, Any], rebuild_conf: dict[str, Any]
) -> None:
    asked = request_of(rebuild_conf, RETAIL)
    assert asked == RebuildRequest(RETAIL, date(2026, 11, 3), conf["emr"])
    assert isinstance(request_of({**conf, "rebuild_from": None}, RETAIL), NightlyRequest)


@pytest.mark.parametrize("key", ["load_date", "landing_uri", "files", "manifest"])
def test_half_a_night_is_refused(
    conf: dict[str, Any], rebuild_conf: dict[str, Any], key: str
) -> None:
    with pytest.raises(RequestError, match=f"neither a night nor a rebuild: {key} and rebuild_fr"):
        request_of({**conf, key: None}, RETAIL)
    with pytest.raises(RequestError, match=f"a night and a rebuild at once: .* {key} must be null"):
        request_of({**rebuild_conf, key: conf[key]}, RETAIL)


@pytest.mark.parametrize("limit", [{"accept_shrink": True}, {"max_rejected_share": 0.05}])
def test_a_rebuild_has_no_limits_of_dumps(
    rebuild_conf: dict[str, Any], limit: dict[str, Any]
) -> None:
    with pytest.raises(RequestError, match=f"at once: .* {next(iter(limit))} must be null"):
        request_of({**rebuild_conf, **limit}, RETAIL)


def test_the_cluster_of_a_rebuild_has_the_limits_of_a_nights(
    bounds: RequestBounds, rebuild_conf: dict[str, Any]
) -> None:
    bounds.expect(request_of(rebuild_conf, RETAIL))
    rebuild_conf["emr"]["core_instance_count"] = 999
    with pytest.raises(RequestError, match="no cluster has 1002 core and task nodes"):
        bounds.expect(request_of(rebuild_conf, RETAIL))


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> RequestBounds:
    """Of an Airflow with one landing."""
    for name, text in AIRFLOW_SETTINGS.items():
        monkeypatch.setenv(name, text)
    return RequestBounds.from_environment()


S3A_LANDING_URI = LANDING_URI.replace("s3://", "s3a://")


@pytest.mark.parametrize("landing_uri", [LANDING_URI, f"{LANDING_URI}/", f"{S3A_LANDING_URI}//"])
@pytest.mark.parametrize("named", [LANDING_URI, f"s3://other/x,{S3A_LANDING_URI}/"])
def test_a_request_of_the_readiness_check_is_within_the_limits(
    bounds: RequestBounds,
    conf: dict[str, Any],
    landing_uri: str,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHELFWEEK_LANDINGS", named)
    bounds = RequestBounds.from_environment()
    bounds.expect(NightlyRequest.of({**conf, "landing_uri": landing_uri}, RETAIL))


def test_files_may_be_named_with_hadoops_scheme(conf: dict[str, Any]) -> None:
    renamed = json.loads(json.dumps(conf).replace("s3://", "s3a://"))
    assert re.search(conf_schema(RETAIL)["manifest"]["pattern"], renamed["manifest"])
    assert NightlyRequest.of(renamed, RETAIL) == NightlyRequest.of(conf, RETAIL)


@pytest.mark.parametrize(
    "landing_uri", ["s3://lake", "s3://another/landing", f"{LANDING_URI}/old", f"{LANDING_URI}s"]
)
def test_another_landing_is_refused(
    bounds: RequestBounds, conf: dict[str, Any], landing_uri: str
) -> None:
    """Whatever the roles can read could be loaded and published otherwise."""
    with pytest.raises(RequestError, match=f"from {landing_uri}: SHELFWEEK_LANDINGS names s3://"):
        bounds.expect(NightlyRequest.of({**conf, "landing_uri": landing_uri}, RETAIL))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"core_instance_count": 999}, "no cluster has 1002 core and task nodes"),
        ({"task_instance_count": 9}, "no cluster has 11 core and task nodes"),
        ({"core_instance_type": "p5.48xlarge"}, "no cluster is made of p5.48xlarge"),
        ({"primary_instance_type": "p5.48xlarge"}, "no cluster is made of p5.48xlarge"),
    ],
)
def test_a_cluster_beyond_the_limits_is_refused(
    bounds: RequestBounds, conf: dict[str, Any], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=f"^{message}: SHELFWEEK_EMR_"):
        bounds.expect(NightlyRequest.of({**conf, "emr": {**conf["emr"], **asked}}, RETAIL))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SHELFWEEK_LANDINGS", ""),
        ("SHELFWEEK_EMR_INSTANCE_TYPES", ""),
        ("SHELFWEEK_EMR_MOST_NODES", ""),
        ("SHELFWEEK_EMR_MOST_NODES", "many"),
    ],
)
def test_a_limit_that_is_missing_is_none_that_allows_all(
    bounds: RequestBounds, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(RequestError, match=name):
        RequestBounds.from_environment()


def test_limits_are_those_of_the_project_unless_the_conf_says_otherwise(
    conf: dict[str, Any],
) -> None:
    assert NightlyRequest.of(conf, RETAIL).limits == AS_CONFIGURED
    told = {**conf, "accept_shrink": True, "max_rejected_share": 0.05}
    assert NightlyRequest.of(told, RETAIL).limits == Limits(Decimal("0.05"), True)


def test_raw_dimension_files_are_copied_beside_the_tables(
    request_for: NightlyRequest, tmp_path: Path
) -> None:
    landing, night = request_for.open()
    for _ in range(2):
        copies = copy_dimension_files(night, landing, f"file:{tmp_path}/lake")
    assert len(copies) == 3
    for table in ("store", "product", "calendar"):
        name = f"{table}/load_date=2026-11-20/{table}_20261120.csv"
        copy = tmp_path / "lake" / "retail" / "files" / name
        assert copy.read_bytes() == (tmp_path / "landing" / name).read_bytes()


@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        (["s3://lake/a/x.csv"], "s3://lake/a/x.csv"),
        (["s3://lake/a/x.csv", "s3://lake/b/y.csv"], "s3://lake/{a/x.csv,b/y.csv}"),
        (["file:/a/x.csv", "file:/a/y.csv"], "file:/a/{x.csv,y.csv}"),
    ],
)
def test_a_glob_keeps_the_address_of_its_bucket(uris: list[str], expected: str) -> None:
    assert _glob_over(uris) == expected


def test_a_run_is_registered_with_its_domain_and_one_name_of_its_lake(
    dump: NightDump, tmp_path: Path
) -> None:
    """The locations of a lake's tables are compared, and Athena knows no s3a://."""
    asked = []

    class Project(DbtProject):
        def invoke(self, *arguments: str, **_: Any) -> Any:
            request = json.loads(arguments[-1])["request"]
            asked.append((request["domain"], request["folder"]))
            return Invocation(is_success=True, result=None, errors=())

    landing = Landing.scan(str(dump.folder), RETAIL)
    night = landing.open_night(LOAD_DATE)
    project = Project(Engine(), tmp_path)
    register([night], landing, project, f"file:{tmp_path}/lake//")
    assert asked == [("retail", f"file:{tmp_path}/lake/retail")]
