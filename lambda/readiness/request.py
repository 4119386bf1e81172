"""What one invocation is asked: which night, and which of the night's checks it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from shelfweek.forms import DATE

# All year. A zone with daylight-saving time has one night without a 2:00 and one with two.
EST = timezone(timedelta(hours=-5), "EST")

# Times of the checks, UTC. The schedules of template.yaml fire at them.
CHECK_TIMES = (time(8, 0), time(8, 30))


class RequestError(Exception):
    """The event asks for something that the function does not do."""


@dataclass(frozen=True)
class Request:
    """Check one night. `check` counts from 1; it is None when a person invoked the function."""

    load_date: date
    check: int | None = None

    @classmethod
    def of(cls, event: object, now: datetime) -> Request:
        """Read an event: `{"check": 1}` from the schedule, `{"load_date": "2026-11-21"}` by hand.

        now: any time zone; without a load date the night is that of today's date at UTC-5.

        Raises:
            RequestError: an unknown key, a load date that is no ISO date, a check that is not one.
        """
        if not isinstance(event, dict) or event.keys() - {"load_date", "check"}:
            raise RequestError('the event takes "load_date" and "check" only')
        check = event.get("check")
        if check is not None and (type(check) is not int or not 1 <= check <= len(CHECK_TIMES)):
            raise RequestError(f"check must be a number from 1 to {len(CHECK_TIMES)}")
        if "load_date" not in event:
            return cls(now.astimezone(EST).date(), check)
        return cls(_date(event["load_date"]), check)

    @property
    def run_id(self) -> str:
        """The id of the night's DAG run: the same at each try, so that Airflow starts it once."""
        return f"nightly__{self.load_date}"

    @property
    def next_check(self) -> time | None:
        """When the next check of this night follows (UTC); None after the last, and by hand."""
        later = CHECK_TIMES[self.check :] if self.check else ()
        return later[0] if later else None


def _date(value: Any) -> date:
    if isinstance(value, str) and DATE.fits(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise RequestError(f"load_date must be {DATE.expected}, not {str(value)[:40]!r}")
