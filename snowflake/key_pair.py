"""The key of a login: read from its file, and told by its fingerprint."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from snowflake.settings import DeployError, Settings


def private_key_of(settings: Settings) -> PrivateKeyTypes:
    """Read the private key that the settings name.

    Raises:
        DeployError: the file cannot be read or opened.
    """
    path, passphrase = settings["private_key_file"], settings["private_key_passphrase"]
    try:
        pem = Path(path).read_bytes()
    except OSError as error:
        raise DeployError(f"key {path} cannot be read: {error.strerror}") from error
    try:
        return load_pem_private_key(pem, passphrase.encode() or None)
    except (ValueError, TypeError) as error:
        raise DeployError(
            f"key {path} cannot be opened: it is no PEM private key, or "
            "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE does not fit it"
        ) from error


def fingerprint_of(key: PrivateKeyTypes) -> str:
    """The fingerprint of a key's public half, as `describe user` shows it."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode()
