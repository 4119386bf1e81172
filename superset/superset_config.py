"""Superset's settings. Every secret comes from the environment and none has a default.

SUPERSET_SECRET_KEY: signs sessions. SUPERSET_HOME: folder of caches and, without
SUPERSET_METADATA_URI, of Superset's own database. SUPERSET_PLAIN_HTTP=1: on one's own machine;
otherwise Superset is behind a proxy that ends TLS, and sends its cookies through TLS only.
"""

import hashlib
import hmac
import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from superset.config import TALISMAN_CONFIG as SUPERSET_TALISMAN_CONFIG
from superset.config import THEME_DEFAULT as SUPERSET_THEME


def required(name: str) -> str:
    """Return a variable of the environment.

    Raises:
        RuntimeError: it is not set.
    """
    if text := os.environ.get(name):
        return text
    raise RuntimeError(f"{name} is not set")


def private(folder: Path) -> Path:
    """Return a folder that only we can enter, emptied if it was not so before.

    The caches in it are pickles: whoever writes one runs code here.

    Raises:
        RuntimeError: it belongs to somebody else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise RuntimeError(f"{folder} belongs to another user: let SUPERSET_HOME be your own")
    if found.st_mode & 0o077:
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
    return folder


def derived(purpose: str) -> str:
    """Return a secret of its own for a purpose: Superset's defaults for these are public."""
    return hmac.new(SECRET_KEY.encode(), purpose.encode(), hashlib.sha256).hexdigest()


SECRET_KEY = required("SUPERSET_SECRET_KEY")
if len(SECRET_KEY) < 32:
    raise RuntimeError("SUPERSET_SECRET_KEY is too short: 32 characters at least")
GUEST_TOKEN_JWT_SECRET = derived("guest token")
GLOBAL_ASYNC_QUERIES_JWT_SECRET = derived("async queries")

HOME = required("SUPERSET_HOME")
SQLALCHEMY_DATABASE_URI = (
    os.environ.get("SUPERSET_METADATA_URI")
    or f"sqlite:///{HOME}/superset.db?check_same_thread=false"
)

# Web
IS_HTTPS = os.environ.get("SUPERSET_PLAIN_HTTP") != "1"
WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = IS_HTTPS
ENABLE_PROXY_FIX = IS_HTTPS
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    **SUPERSET_TALISMAN_CONFIG,
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        # Nothing is fetched from elsewhere: no telemetry pixel, no maps, no fonts.
        "img-src": ["'self'", "blob:", "data:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'", "blob:"],
        "object-src": "'none'",
        "frame-ancestors": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "force_https": IS_HTTPS,
    "session_cookie_secure": IS_HTTPS,
}
# The rate of logins is limited; a dashboard's own requests come in bursts and are not.
RATELIMIT_ENABLED = True
RATELIMIT_APPLICATION = "200 per second"
RATELIMIT_STORAGE_URI = "memory://"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "5 per second"
AUTH_USER_REGISTRATION = False
PUBLIC_ROLE_LIKE = None
FAB_API_SWAGGER_UI = False
SHOW_STACKTRACE = False

# What reads data
PREVENT_UNSAFE_DB_CONNECTIONS = True
ROW_LIMIT = 10_000
SQL_MAX_ROW = 50_000
DISPLAY_MAX_ROW = 10_000
SAMPLES_ROW_LIMIT = 1_000
SUPERSET_WEBSERVER_TIMEOUT = 120
UNREACHABLE = (
    "The database of the dashboards cannot be reached. Try again in a minute; "
    "if it lasts, tell whoever runs the pipeline."
)
# What the drivers of DuckDB and Athena say then.
UNREACHABLE_TEXTS = re.compile(
    "IO Error: Cannot open|Could not connect to the endpoint|Unable to locate credentials"
)
QUERY_FAILED = (
    "The query of this chart failed. Try again in a minute; if it lasts, tell whoever runs the "
    "pipeline: the reason stands in Superset's log."
)
DATA_OF_CHARTS = re.compile(r"/api/v1/chart/(data|\d+/data)\b")
# Of rights and of logins, not of the database: Superset's own words.
TOLD_AS_THEY_ARE = {401, 403, 404, 429}


def speak_plainly(response: Response) -> Response:
    """Tell readers what to do where a driver tells of its files, hosts and rows; log its words."""
    if response.status_code < 400 or not response.is_json:
        return response
    text = response.get_data(as_text=True)
    if UNREACHABLE_TEXTS.search(text):
        message = UNREACHABLE
    elif DATA_OF_CHARTS.match(request.path) and response.status_code not in TOLD_AS_THEY_ARE:
        message = QUERY_FAILED
    else:
        return response
    logging.getLogger(__name__).warning("%s answered %s", request.path, text)
    response.set_data(json.dumps({"message": message}))
    return response


def FLASK_APP_MUTATOR(app: Flask) -> None:
    """Let every answer pass `speak_plainly`: CUSTOM_DATABASE_ERRORS does not reach the charts.

    And tell Superset of Athena what it knows of Trino, whose dialect Athena speaks: in `order by
    max(name)`, a name is the query's own output where that has the column's name.
    """
    # The app's own modules can be imported only now.
    from superset.db_engine_specs.athena import AthenaEngineSpec

    AthenaEngineSpec.allows_alias_to_source_column = False
    app.after_request(speak_plainly)


CACHES = private(Path(HOME) / "cache")


def _cache(name: str, seconds: int) -> dict[str, Any]:
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(CACHES / name),
        "CACHE_DEFAULT_TIMEOUT": seconds,
        "CACHE_THRESHOLD": 2_000,
        "CACHE_KEY_PREFIX": f"{name}_",
    }


# The lake changes once a night.
DATA_CACHE_CONFIG = _cache("data", 3_600)
CACHE_CONFIG = _cache("metadata", 3_600)
FILTER_STATE_CACHE_CONFIG = _cache("filters", 30 * 86_400)
EXPLORE_FORM_DATA_CACHE_CONFIG = _cache("explore", 7 * 86_400)

FEATURE_FLAGS = {
    # A dashboard shows its data to its roles; they need no right on the datasets.
    "DASHBOARD_RBAC": True,
    "ALERT_REPORTS": False,
    "EMBEDDED_SUPERSET": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
}

# Looks
APP_NAME = "Shelfweek"
THEME_DEFAULT = {
    **SUPERSET_THEME,
    "token": {**SUPERSET_THEME["token"], "brandAppName": APP_NAME, "colorPrimary": "#0072B2"},
}
THEME_DARK = None
# Distinguishable with every kind of colour blindness (after Okabe and Ito).
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "shelfweek",
        "label": "Shelfweek",
        "description": "Distinguishable with every kind of colour blindness",
        "isDefault": True,
        "colors": [
            "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442",
        ],
    }
]  # fmt: skip
# One hue, light to dark: read by lightness alone.
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "shelfweek_blues",
        "label": "Shelfweek blues",
        "description": "One hue, light to dark",
        "isDiverging": False,
        "colors": ["#F1F7FB", "#C6DDEE", "#8FBEDD", "#4F9AC8", "#0072B2", "#00436B"],
    },
    {
        "id": "shelfweek_availability",
        "label": "Shelfweek availability",
        "description": "Low is dark orange, high is light",
        "isDiverging": False,
        "colors": ["#B34700", "#E07B33", "#F2B183", "#F9DCC4", "#FDF5EE"],
    },
]
