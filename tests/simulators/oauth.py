"""The codes of an OAuth 2.0 sign-in (RFC 6749 § 4.1, RFC 7636): given once, taken once."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.simulators.server import Answer, said


@dataclass
class Codes:
    """The codes that were given and not taken yet, each with what it was asked with."""

    given: dict[str, dict[str, str]] = field(default_factory=dict)
    agrees: bool = True  # whether the dealer says yes

    def give(self, query: Mapping[str, str]) -> Answer:
        """Sends the browser back where it came from, with a code or a refusal."""
        address = query.get("redirect_uri")
        if not address or query.get("response_type") != "code" or not query.get("client_id"):
            return said({"error": "invalid_request"}, 400)
        back = {"state": query.get("state", "")}
        if self.agrees:
            back["code"] = secrets.token_urlsafe(12)
            self.given[back["code"]] = dict(query)
        else:
            back["error"] = "access_denied"
        return Answer(302, headers={"Location": f"{address}?{urlencode(back)}"})

    def take(self, form: Mapping[str, str]) -> bool:
        """Whether the code in `form` is good. It is not again."""
        asked = self.given.pop(form.get("code", ""), None)
        return (
            asked is not None
            and asked.get("client_id") == form.get("client_id")
            and bool(form.get("client_secret"))
            and asked.get("redirect_uri") == form.get("redirect_uri")
            and _proves(asked, form.get("code_verifier", ""))
        )


def _proves(asked: Mapping[str, str], verifier: str) -> bool:
    challenge = asked.get("code_challenge", "")
    if not challenge:
        return True
    if asked.get("code_challenge_method") == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return verifier == challenge
