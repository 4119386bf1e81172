"""A landing in a bucket is read whole, however many keys it has and whatever S3 answers first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from domains import RETAIL
from nights import BUCKET, PREFIX, NightDump

from sandbox import aws, emulated_account, faulty_aws
from sandbox.faulty_aws import Fault, FaultyAws
from shelfweek.landing import Landing, LandingError

s3fs = pytest.importorskip("s3fs", reason="s3fs comes with Airflow: make test installs it")

LOAD_DATE = date(2026, 11, 20)
# S3 gives at most a thousand keys at once; a night has six.
NIGHTS = 250


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyAws]:
    """A bucket with one whole night and the names of many others."""
    if not (aws.EMULATORS / "ministack").exists():
        pytest.skip("the emulators are not installed: make test does it")
    dump = NightDump(tmp_path_factory.mktemp("landing"), LOAD_DATE)
    dump.write()
    with aws.running(["s3"]) as account, faulty_aws.running(account.endpoint) as proxy:
        s3 = account.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        emulated_account.upload(s3, dump.folder)
        others = [LOAD_DATE - timedelta(days=number) for number in range(1, NIGHTS)]
        keys = [
            path.relative_to(dump.folder).as_posix().replace(str(LOAD_DATE), str(day))
            .replace(f"{LOAD_DATE:%Y%m%d}", f"{day:%Y%m%d}")
            for day in others
            for path in dump.folder.rglob("*.*")
        ]  # fmt: skip
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda key: s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}"), keys))
        yield proxy


@pytest.fixture
def landing_uri(bucket: FaultyAws, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its URI, for a process whose account is the emulated one."""
    for name, value in aws.Aws(bucket.endpoint).environment.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    return f"s3://{BUCKET}/{PREFIX}"


def test_all_nights_of_more_than_a_thousand_keys_are_found(landing_uri: str) -> None:
    landing = Landing.scan(landing_uri.replace("s3://", "s3a://") + "/", RETAIL)
    assert landing.uri == landing_uri
    assert len(landing.nights) == NIGHTS
    assert len(landing.open_night(LOAD_DATE).files) == 5


def test_a_bucket_that_asks_to_slow_down_is_read_all_the_same(
    landing_uri: str, bucket: FaultyAws
) -> None:
    before = bucket.met
    bucket.faults.append(Fault.of_s3("GET /lake", 503, "SlowDown", 3))
    assert len(Landing.scan(landing_uri, RETAIL).open_night(LOAD_DATE).files) == 5
    assert bucket.met == before + 3


def test_a_bucket_that_may_not_be_read_is_told(landing_uri: str, bucket: FaultyAws) -> None:
    denied = Fault.of_s3("GET /lake", 403, "AccessDenied")
    bucket.faults.append(denied)
    try:
        with pytest.raises(LandingError, match="cannot be read: AccessDenied"):
            Landing.scan(landing_uri, RETAIL)
    finally:
        bucket.faults.remove(denied)


@pytest.fixture
def odd_landing(
    bucket: FaultyAws, landing_uri: str, tmp_path: Path
) -> Iterator[Callable[[str, bytes], str]]:
    """Put an object beside a whole night in a landing of its own, and return the landing's URI."""
    dump = NightDump(tmp_path / PREFIX, LOAD_DATE)
    dump.write()
    s3 = aws.Aws(bucket.endpoint).client("s3")

    def put(key: str, content: bytes) -> str:
        for path in dump.folder.rglob("*.*"):
            if path.is_file():
                relative = path.relative_to(dump.folder).as_posix()
                s3.put_object(Bucket=BUCKET, Key=f"odd/{relative}", Body=path.read_bytes())
        s3.put_object(Bucket=BUCKET, Key=f"odd/{key}", Body=content)
        keys.append(f"odd/{key}")
        return f"s3://{BUCKET}/odd"

    keys: list[str] = []
    yield put
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize(
    "key",
    [
        "sales/load_date=2026-11-20/",
        "sales/",
        "",
        "sales_$folder$",
        "sales/load_date=2026-11-20_$folder$",
    ],
)
def test_markers_of_folders_are_never_mentioned(
    odd_landing: Callable[[str, bytes], str], key: str
) -> None:
    assert Landing.scan(odd_landing(key, b""), RETAIL).open_night(LOAD_DATE).warnings == ()


@pytest.mark.parametrize(
    "key",
    [
        "sales/load_date=2026-11-20/sales_20261120-2.csv",
        "Sales/load_date=2026-11-20/sales_20261120.csv",
    ],
)
def test_a_nearly_fitting_key_stops_the_night(
    odd_landing: Callable[[str, bytes], str], key: str
) -> None:
    landing = Landing.scan(odd_landing(key, b"x"), RETAIL)
    with pytest.raises(LandingError, match=f"{key} fits no file of the night"):
        landing.open_night(LOAD_DATE)


def test_folders_of_nobody_are_not_listed(
    odd_landing: Callable[[str, bytes], str], bucket: FaultyAws
) -> None:
    uri = odd_landing("backup/sales/load_date=2026-11-20/sales_20261120-2.csv", b"x")
    denied = Fault.of_s3("prefix=odd%2Fbackup", 403, "AccessDenied")
    bucket.faults.append(denied)
    try:
        assert Landing.scan(uri, RETAIL).open_night(LOAD_DATE).warnings == ()
    finally:
        bucket.faults.remove(denied)


def test_a_folder_that_may_not_be_listed_stops_the_night(
    odd_landing: Callable[[str, bytes], str], bucket: FaultyAws
) -> None:
    uri = odd_landing("readme.txt", b"x")
    denied = Fault.of_s3("prefix=odd%2Fstore", 403, "AccessDenied")
    bucket.faults.append(denied)
    try:
        with pytest.raises(LandingError, match="store cannot be read: AccessDenied"):
            Landing.scan(uri, RETAIL).open_night(LOAD_DATE)
    finally:
        bucket.faults.remove(denied)
