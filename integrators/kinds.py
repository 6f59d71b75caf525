"""What each kind of account needs to know, and how long its sender waits for an answer.

Keys marked secret are sealed; the others are options that anybody on the staff may see. What the
documentation of each system says of them is told in docs/webhooks.md.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Key:
    """One thing an account may be told, with `--set name=value`."""

    name: str
    about: str
    is_secret: bool = False
    is_needed: bool = False
    # Needed too, but the other system gives it when somebody connects the account: only who has no
    # screen to connect with must type it.
    is_given: bool = False

    @property
    def is_needed_by_operators(self) -> bool:
        """Whether an account registered without a screen cannot work without."""
        return self.is_needed or self.is_given


@dataclass(frozen=True)
class Kind:
    """A system we can be connected to. `base_url` is the real service, where we call it;
    `deadline_seconds` how long it waits for our answer; `proof` what shows that a post is its."""

    code: str
    label: str
    proof: str
    keys: tuple[Key, ...] = ()
    base_url: str = ""
    deadline_seconds: float = 5.0
    tuning: tuple[Key, ...] = ()  # for the operator alone: no screen asks for them

    def key(self, name: str) -> Key | None:
        """The key of that name, or None."""
        return next((key for key in (*self.keys, *self.tuning) if key.name == name), None)


def _secret(name: str, about: str, *, is_needed: bool = False) -> Key:
    return Key(name, about, is_secret=True, is_needed=is_needed)


# How to speak to a portal that bears more, or less, than its manual says.
_PACE: Final = (
    Key("calls_per_second", "requests a second; what the manual says when not set"),
    Key("settle_seconds", "how long a new ad may be missing in its lists"),
    Key("down_seconds", "the first rest after it did not answer; it doubles"),
)
_ALL: Final = (
    Kind(
        "mercadolivre",
        "Mercado Livre",
        "none of its own: a post is a hint, checked against client_id and user_id, then read anew",
        (
            Key("client_id", "the application's id", is_needed=True),
            _secret("client_secret", "the application's secret", is_needed=True),
            Key("refresh_token", "the seller's refresh token", is_secret=True, is_given=True),
            Key("user_id", "the seller's number", is_given=True),
        ),
        base_url="https://api.mercadolibre.com",
        deadline_seconds=0.5,
        tuning=_PACE,
    ),
    Kind(
        "olx",
        "OLX",
        "the token given with the lead address, sent back in Authorization",
        (
            _secret("access_token", "the advertiser's token for calls to OLX"),
            _secret("lead_token", "the token given with the lead address; checked when set"),
            Key("client_id", "the application's id, to connect with"),
            _secret("client_secret", "the application's secret, to connect with"),
        ),
        base_url="https://apps.olx.com.br",
        deadline_seconds=5,
        tuning=_PACE,
    ),
    Kind(
        "chavesnamao",
        "Chaves na Mão",
        "Authorization: Basic, the account's e-mail and token",
        (
            _secret("access_token", "the integration token", is_needed=True),
            Key("email", "the account's e-mail; checked when set"),
            _secret("lead_token", "the token of the lead posts, when it is another one"),
        ),
        base_url="https://api.chavesnamao.com.br/integration/v2",
        deadline_seconds=30,
        tuning=_PACE,
    ),
    Kind(
        "webmotors",
        "Webmotors (experimental)",
        "none known: a post is a hint, checked against cnpj when set, then read anew",
        (
            Key("client_id", "the application's id"),
            _secret("client_secret", "the application's secret"),
            Key("username", "the store's integration user"),
            _secret("password", "its password"),
            Key("cnpj", "the store's CNPJ; checked when set"),
            Key("email", "the e-mail of the store's stock user (Integração Revendedor)"),
            _secret("stock_password", "that user's password, when it is another one"),
            Key("modality", "the number of the kind of ad that cars go into"),
            Key("exclusion_reason", "the number of the reason why ads are taken down; 1 if empty"),
        ),
        base_url="https://api-webmotors.sensedia.com",
        tuning=_PACE,
    ),
    Kind(
        "meta",
        "Meta Lead Ads",
        "X-Hub-Signature-256 with the application's secret",
        (
            _secret("app_secret", "the application's secret", is_needed=True),
            _secret("verify_token", "the word of the handshake", is_needed=True),
            _secret("page_token", "the page's token, to read the leads", is_needed=True),
            Key("form_ids", "forms to read again every 15 minutes, parted by commas"),
        ),
        base_url="https://graph.facebook.com",
    ),
    Kind(
        "whatsapp",
        "WhatsApp Cloud API",
        "X-Hub-Signature-256 with the application's secret",
        (
            _secret("app_secret", "the application's secret", is_needed=True),
            _secret("verify_token", "the word of the handshake", is_needed=True),
        ),
    ),
    Kind(
        "telephony",
        "Telephone (Twilio and alike)",
        "X-Twilio-Signature with the account's token over the public address",
        (
            _secret("auth_token", "the account's token", is_needed=True),
            Key("forward_to", "where calls go, for example +5511999990000"),
            Key("greeting", "what the caller hears first"),
            Key("ring_seconds", "how long it rings; 20 when not set"),
            Key("tracking", "number:source pairs parted by commas, +551133330000:fachada"),
        ),
        deadline_seconds=15,
    ),
    Kind(
        "adf",
        "ADF/XML",
        "the secret address; Authorization: Basic when username and password are set",
        (
            Key("username", "of Authorization: Basic; checked when set"),
            _secret("password", "of Authorization: Basic; checked when set"),
        ),
    ),
    Kind(
        "mailbox",
        "Mailbox (POP3)",
        "the mailbox's own sign-in; a posted message is proven by the secret address",
        (
            Key("host", "the POP3 server"),
            Key("port", "995 when not set"),
            Key("security", "tls (when not set) or none"),
            Key("username", "the mailbox"),
            _secret("password", "its password"),
            Key("delete", "1: delete messages once they are stored"),
        ),
    ),
    Kind(
        "generic",
        "Any other system",
        "X-Vitrine-Signature with the secret, or Authorization: Bearer, or the secret address",
        (
            _secret("secret", "of the signature t=<unix>,v1=<hex>; checked when set"),
            _secret("auth_token", "of Authorization: Bearer; checked when set"),
            Key("chassis", "1: its feeds hand out whole chassis numbers, as Google's demands"),
        ),
    ),
)
KINDS: Final = {kind.code: kind for kind in _ALL}
