"""Signatures of Standard Webhooks 1.0.0 (standardwebhooks.com): HMAC-SHA256 over
`id.timestamp.body`, one for each secret that is good at the moment."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32  # the specification asks for 24 to 64


def new_secret() -> str:
    """A secret in the form that the libraries of the other side take."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(
    message_id: str, at: datetime, body: bytes, keys: Sequence[str]
) -> dict[str, str]:
    """The three headers for `body`, sent at `at`, signed with each of `keys` (`whsec_…`)."""
    timestamp = str(int(at.timestamp()))
    content = b".".join([message_id.encode(), timestamp.encode(), body])
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(key, content)}" for key in keys),
    }


def _signature(key: str, content: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(raw, content, hashlib.sha256).digest()).decode()
