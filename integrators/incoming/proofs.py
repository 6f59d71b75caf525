"""Signatures and passwords of posts, compared in a time that tells nothing."""

import base64
import binascii
import hashlib
import hmac

from integrators.incoming.source import Post


def is_same(one: str, other: str) -> bool:
    """Whether two secrets are equal."""
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def bearer(post: Post) -> str:
    """What stands in `Authorization`, with or without the word Bearer."""
    sent = post.headers.get("authorization", "").strip()
    scheme, _space, token = sent.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else sent


def basic(post: Post) -> tuple[str, str]:
    """Name and password of `Authorization: Basic`; empty texts when there are none."""
    scheme, _space, encoded = post.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password


def is_signed_by_meta(post: Post, app_secret: str) -> bool:
    """`X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the bytes as sent: JSON written anew
    would not match (developers.facebook.com, webhooks, validating payloads)."""
    expected = hmac.new(app_secret.encode(), post.body, hashlib.sha256).hexdigest()
    return bool(app_secret) and is_same(
        post.headers.get("x-hub-signature-256", "").lower(), f"sha256={expected}"
    )
