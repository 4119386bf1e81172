"""Superset's REST API, as a user who has logged in."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

REQUEST_TIMEOUT = 180.0


@dataclass(frozen=True)
class Answer:
    """Status and body of an answer."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """A session."""

    url: str
    token: str = field(repr=False)
    opener: urllib.request.OpenerDirector = field(
        default_factory=lambda: urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    )

    @classmethod
    def login(cls, url: str, name: str, password: str) -> Client:
        """Log in; fails if the password is wrong."""
        body = {"username": name, "password": password, "provider": "db"}
        answer = cls(url, "").call("/api/v1/security/login", body)
        assert answer.status == 200, answer.text
        return cls(url, answer.json["access_token"])

    def call(self, path: str, body: object = None, csrf_token: str = "") -> Answer:
        """GET a path, or POST a body to it; any status is an answer."""
        request = urllib.request.Request(  # noqa: S310 (the server's own address)
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Referer": self.url},
        )
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if csrf_token:
            request.add_header("X-CSRFToken", csrf_token)
        try:
            with self.opener.open(request, timeout=REQUEST_TIMEOUT) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())

    def charts(self, dashboard: str) -> dict[str, dict[str, Any]]:
        """The charts of a dashboard by name."""
        answer = self.call(f"/api/v1/dashboard/{dashboard}/charts")
        assert answer.status == 200, answer.text
        return {chart["slice_name"]: chart for chart in answer.json["result"]}

    def data(
        self,
        dashboard: str,
        chart: str,
        metrics: Sequence[str],
        columns: Sequence[str] = (),
        filters: Sequence[dict[str, Any]] = (),
        result_format: str = "json",
    ) -> Answer:
        """Ask for a chart's data as the page of its dashboard does, past the cache."""
        found = self.charts(dashboard)[chart]
        number = self.call(f"/api/v1/dashboard/{dashboard}").json["result"]["id"]
        source, kind = found["form_data"]["datasource"].split("__")
        form = {**found["form_data"], "dashboardId": number, "slice_id": found["id"]}
        query = {
            "metrics": list(metrics),
            "columns": list(columns),
            "filters": list(filters),
            "row_limit": 1000,
        }
        return self.call(
            "/api/v1/chart/data",
            {
                "datasource": {"id": int(source), "type": kind},
                "queries": [query],
                "form_data": form,
                "result_format": result_format,
                "result_type": "full",
                "force": True,
            },
        )
