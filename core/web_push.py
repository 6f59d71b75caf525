"""One message to one browser, by the push service that the browser names: encrypted for that
browser alone (RFC 8291), signed as ours (RFC 8292), posted as RFC 8030 says.

The address comes from a browser, so from anybody: it goes through `core.posting`, which connects
to judged addresses only and follows no redirect.

DomainError
└── NotADevice    an address or keys that no browser's push service gives
"""

import base64
import hashlib
import hmac
from binascii import Error as NotBase64
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from flask_babel import gettext as _
from webpush import WebPush, WebPushSubscription
from webpush.types import WebPushKeys
from webpush.vapid import VAPID

from core.errors import DomainError
from core.fetch import AddressRefused, is_public
from core.posting import Answered, check_address, post

ANSWER_SECONDS: Final = 10.0
LONGEST_ENDPOINT: Final = 1000
LONGEST_PAYLOAD: Final = 3000  # bytes; services take 4096 in all (RFC 8030 § 7.2)
_POINT_BYTES: Final = 65  # of an uncompressed point on P-256
_SECRET_BYTES: Final = 16

Urgency = Literal["low", "normal", "high"]


class NotADevice(DomainError):
    """An address or keys that no browser's push service gives."""


@dataclass(frozen=True)
class KeyPair:
    """The key that says to push services that a message is ours. `public` is what browsers are
    given: the point on P-256 in base64url."""

    private_pem: str
    public_pem: str
    public: str


@dataclass(frozen=True)
class Subscription:
    """One browser, as its push service made it known. `p256dh` and `auth` in base64url."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True)
class Message:
    """What is pushed. It is worth nothing after `ttl_seconds`; a newer one of the same `topic`
    replaces one that waits. `high` wakes a sleeping telephone."""

    payload: bytes
    ttl_seconds: int
    topic: str
    urgency: Urgency = "normal"


def new_key_pair() -> KeyPair:
    """A fresh key of ours."""
    private_pem, public_pem, public = VAPID.generate_keys()
    return KeyPair(private_pem.decode(), public_pem.decode(), public)


def push(
    to: Subscription, message: Message, key: KeyPair, *, contact: str, allow_private: bool = False
) -> Answered:
    """Hand `message` over; any status is an answer. `contact` is the address at which a push
    service reaches us.

    Raises core.fetch.AddressRefused where we do not connect to, and FetchFailed where nobody
    answers in ten seconds.
    """
    # One each: the library's object keeps the last message's numbers.
    sender = WebPush(key.private_pem.encode(), key.public_pem.encode(), subscriber=contact)
    whom = WebPushSubscription(
        endpoint=to.endpoint, keys=WebPushKeys(auth=to.auth, p256dh=to.p256dh)
    )
    sealed = sender.get(message.payload, whom, ttl=message.ttl_seconds)
    headers = {
        "TTL": str(message.ttl_seconds),
        "Urgency": message.urgency,
        "Topic": _hidden(message.topic, to.auth),
        "Content-Type": "application/octet-stream",
        "Content-Encoding": sealed.headers["content-encoding"],
        "Authorization": sealed.headers["authorization"],
    }
    return post(
        to.endpoint, sealed.encrypted, headers, allow_private=allow_private, seconds=ANSWER_SECONDS
    )


def _hidden(topic: str, secret: str) -> str:
    """The topic as the push service sees it: the same for the same, and telling it nothing (RFC
    8030 § 5.4: at most 32 characters of base64url)."""
    digest = hmac.new(secret.encode(), topic.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def check_subscription(to: Subscription, *, allow_private: bool = False) -> None:
    """Raises NotADevice for what no push service gives: not https, a bare or private host, keys of
    another form. Where a name leads is judged at each sending."""
    try:
        check_address(to.endpoint)
        if len(to.endpoint) > LONGEST_ENDPOINT or not to.endpoint.isascii():
            raise ValueError
        if not allow_private:
            _check_host(to.endpoint)
        point = _bytes(to.p256dh, _POINT_BYTES)
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
        _bytes(to.auth, _SECRET_BYTES)
    except (ValueError, NotBase64, AddressRefused):
        raise NotADevice(_("This browser's push service gave nothing we can send to.")) from None


def _check_host(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if parts.scheme != "https" or parts.port not in {None, 443}:
        raise ValueError
    try:
        is_good = is_public(ip_address(host))
    except ValueError:
        is_good = "." in host.strip(".") and not host.endswith((".local", ".internal"))
    if not is_good:
        raise ValueError


def _bytes(text: str, count: int) -> bytes:
    if not text.isascii() or len(text) > 2 * count:
        raise ValueError
    found = base64.b64decode(
        text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True
    )
    if len(found) != count:
        raise ValueError
    return found
