"""A push service on the loopback and the browsers it serves: it judges what it is posted as RFC
8030 and 8292 say, and a browser opens its messages with an implementation that is not ours."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.web_push import Subscription


def text(octets: bytes) -> str:
    """base64url as browsers write it."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(words: str) -> bytes:
    return base64.urlsafe_b64decode(words + "=" * (-len(words) % 4))


@dataclass
class Browser:
    """One subscription, with what only the browser knows of it."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def subscription(self) -> Subscription:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return Subscription(self.endpoint, text(point), text(self.secret))

    def opened(self, body: bytes) -> dict[str, Any]:
        """A message in plain, by http-ece."""
        plain = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"
        )
        return json.loads(plain)


class PushService:
    """Keeps what it was posted; answers 201, or what `answers` says, one a post."""

    def __init__(self, server: HTTPServer) -> None:
        self._server = server
        self.taken: list[Request] = []
        self.answers: list[Response] = []

    def browser(self) -> Browser:
        """A browser that let us push to it."""
        path = f"/push/{secrets.token_hex(8)}"
        self._server.expect_request(path, method="POST").respond_with_handler(self._take)
        return Browser(self._server.url_for(path))

    def _take(self, request: Request) -> Response:
        request.get_data()
        self.taken.append(request)
        return self.answers.pop(0) if self.answers else Response(status=201)


def claims_of(request: Request) -> dict[str, Any]:
    """What the sender says of itself, once its signature holds (RFC 8292 § 3)."""
    scheme, _space, parts = request.headers["Authorization"].partition(" ")
    assert scheme == "vapid"
    said = dict(part.strip().split("=", 1) for part in parts.split(","))
    point = octets(said["k"])
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims = jwt.decode(said["t"], key, algorithms=["ES256"], options={"verify_aud": False})
    return {**claims, "key": said["k"]}
