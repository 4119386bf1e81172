"""Serve an account on the loopback address until standard input ends.

The process that started it holds the other end, so it ends with that process, however that ends.
"""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

import fakesnow.server
import uvicorn
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .account import Account
from .server import application

HOST = "127.0.0.1"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.snowflake_account", description=__doc__
    )
    parser.add_argument("--port", type=int, required=True, help="port on the loopback address")
    parser.add_argument("--account", required=True, help="name of the account")
    parser.add_argument("--user", required=True, help="name of the one user")
    parser.add_argument("--public-key", type=Path, required=True, help="the user's key, PEM")
    options = parser.parse_args()
    # In Snowflake nothing comes into being by logging in.
    fakesnow.server.shared_fs.create_database_on_connect = False
    fakesnow.server.shared_fs.create_schema_on_connect = False
    account = Account(fakesnow.server.shared_fs)
    key = load_pem_public_key(options.public_key.read_bytes())
    account.users[options.user.upper()] = {"rsa_public_key": key}
    app = application(account, options.account)
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=options.port, log_level="warning"))
    threading.Thread(target=_end_with_input, args=[server], daemon=True).start()
    server.run()


def _end_with_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
