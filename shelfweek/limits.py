"""The limits that a person may set for one run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any


class LimitsError(ValueError):
    """A limit is no value that it can have; the message says which there are."""


@dataclass(frozen=True)
class Limits:
    """What one run does otherwise than the project says.

    Attributes:
        max_rejected_share: the share of a table's rows (0 to 1) that may be rejected; None leaves
            it to var max_rejected_share.
        accept_shrink: let business dates lose most of their rows.
    """

    max_rejected_share: Decimal | None = None
    accept_shrink: bool = False

    def __post_init__(self) -> None:
        """Raises LimitsError: the share is not between 0 and 1."""
        share = self.max_rejected_share
        if share is not None and not (share.is_finite() and 0 <= share <= 1):
            raise LimitsError(f"max_rejected_share {share} is not between 0 and 1: 0.05 is 5 %")

    def as_request(self) -> dict[str, Any]:
        """The limits in the argument of macro register_run; a share is text, so exact."""
        share = self.max_rejected_share
        return {
            "max_rejected_share": None if share is None else format(share, "f"),
            "accept_shrink": self.accept_shrink,
        }


AS_CONFIGURED = Limits()
"""Those of dbt_project.yml."""


def share_of(text: str) -> Decimal:
    """Read a share.

    Raises:
        LimitsError: it is no number between 0 and 1.
    """
    try:
        share = Decimal(text)
    except InvalidOperation as error:
        raise LimitsError(f"{text!r} is no share between 0 and 1: 0.05 is 5 %") from error
    Limits(share)
    return share
