"""What values that a night is told must look like: one place for the check, the API and the tasks.

Nothing but the standard library: the readiness check's package holds this module too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# `$` lets a line end through behind the text, and JSON schemas, which are read by ECMA's rules and
# by Python's, know no `\Z`.
_END = r"(?![\s\S])"


class FormError(ValueError):
    """A value has another form; the message quotes it and says what is expected."""


@dataclass(frozen=True)
class Form:
    """The form of a text.

    Attributes:
        pattern: fits the whole text, and means the same in Python, Java and ECMA.
        expected: the form as it is said to a person.
    """

    pattern: str
    expected: str

    def fits(self, text: str) -> bool:
        """Whether a text has this form."""
        return re.fullmatch(self.pattern, text) is not None

    @property
    def schema(self) -> dict[str, Any]:
        """The form as a JSON schema."""
        return {"type": "string", "pattern": f"^(?:{self.pattern}){_END}"}


@dataclass(frozen=True)
class Count:
    """A whole number within a range."""

    least: int
    most: int

    @property
    def expected(self) -> str:
        """The form as it is said to a person."""
        return f"a whole number from {self.least} to {self.most}"

    def fits(self, text: str) -> bool:
        """Whether a text is such a number in digits."""
        return bool(re.fullmatch("[0-9]{1,9}", text)) and self.least <= int(text) <= self.most

    def of(self, value: object) -> int:
        """Return the number; JSON does not tell 2.0 and 2e0 from 2, so they are 2 here too.

        Raises:
            FormError: it is no such number.
        """
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        if type(number) is not int or not self.least <= number <= self.most:
            raise FormError(f"{value!r} is not {self.expected}")
        return number

    @property
    def schema(self) -> dict[str, Any]:
        """The form as a JSON schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+"

ADDRESS = Form(_ADDRESS, "one plain e-mail address such as data@shop.example")
ADDRESSES = Form(
    f"{_ADDRESS}(?:,{_ADDRESS})*",
    "plain e-mail addresses such as data@shop.example, with commas between and nothing else",
)

DATE = Form("[0-9]{4}-[0-9]{2}-[0-9]{2}", "a date like 2026-11-21")
LANDING = Form(r"s3://[a-z0-9.-]{3,63}(?:/[A-Za-z0-9_.=-]+)+", "s3://<bucket>/<prefix>")
S3_URI = Form(r"s3[an]?://[a-z0-9.-]{3,63}/\S+", "s3://<bucket>/<key>")

RELEASE = Form(r"emr-7\.[0-9]+\.[0-9]+", "a release such as emr-7.13.0")
INSTANCE_TYPE = Form(r"[a-z0-9-]+\.[a-z0-9-]+", "an instance type such as m7g.xlarge")
MARKET = Form("ON_DEMAND|SPOT", "ON_DEMAND or SPOT")
CORE_COUNT = Count(1, 999)
TASK_COUNT = Count(0, 999)


def mail_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of a text in which they are separated by commas.

    SES refuses a whole mail for one address that is empty or has a name before it.

    Raises:
        FormError: it is something else.
    """
    if not ADDRESSES.fits(text):
        raise FormError(f"{text!r} is not {ADDRESSES.expected}")
    return tuple(text.split(","))
