"""The domains that tests load."""

from __future__ import annotations

from shelfweek.domain import domain

RETAIL = domain("retail")
