"""Every setting, read once at the start.

A setting is an environment variable `VITRINE_<NAME>`. An unknown name or an unusable value stops
the start with a sentence: a mistyped setting that is silently ignored is found by a customer.
"""

import math
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import limits
from flask import current_app

from core.errors import DomainError

PREFIX = "VITRINE_"
ROOT = Path(__file__).resolve().parent.parent
WEAK_SECRETS = {"secret", "changeme", "change-me", "dev", "development", "password", "test"}
NEEDS_SECOND_FACTOR = ("owner", "supervisor")  # in production, unless the setting says otherwise
# Written by `serve`, so that commands in another shell name the site that runs.
ORIGIN_FILE = "origin"
FIRST_ORIGIN = "http://127.0.0.1:8000"
WITH_PASSWORD = {"smtp_url", "metrics_token"}  # never shown, not even when it cannot be used


class BadSetting(DomainError, click.ClickException):
    """A setting is unknown, missing or unusable. Commands end with the sentence alone."""


@dataclass(frozen=True)
class Config:
    """What the operator decided. Units are in the names; empty text means "not set"."""

    env: str = "development"
    database_url: str = ""
    redis_url: str = ""
    media_dir: str = ""
    media_url: str = ""
    secret_key: str = ""
    base_url: str = ""
    web_workers: int = 2
    page_cache_mb: int = 64  # MiB in each web process; 0: no pages are kept
    allow_private_urls: bool = False
    import_withdraw_share: float = 0.3
    trusted_proxies: int = 0
    instance_dir: str = ""
    log_level: str = "info"
    smtp_url: str = ""
    mail_from: str = ""
    lead_rate_limit: str = "600 per minute"
    proof_of_work: bool = False
    require_totp: tuple[str, ...] | None = None  # roles; None: what the environment asks for
    spool_dir: str = ""
    metrics_token: str = ""  # who shows it may read /metrics from elsewhere; empty: nobody
    fipe_url: str = ""  # a machine that answers for the FIPE table; empty: our own stock
    indexnow_url: str = ""  # where search engines are told of changed offers; empty: nobody is
    ga4_id: str = ""
    google_ads_id: str = ""
    meta_pixel_id: str = ""
    tiktok_pixel_id: str = ""
    sold_page_days: int = 30  # how long the page of a sold car stays
    ai_training: bool = True  # whether robots that train models may read the site

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on", "sim"}:
        return True
    if lowered in {"", "0", "false", "no", "off", "nao", "não"}:
        return False
    raise ValueError("use 1 or 0")


def _share(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError("use a share between 0 and 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 1024:
        raise ValueError("use a whole number between 0 and 1024")
    return value


def _rate(text: str) -> str:
    limits.parse(text)  # raises ValueError in words of its own
    return text


def _words(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not all(re.fullmatch(r"[a-z_]{1,20}", word) for word in found):
        raise ValueError("use names of roles with commas between, or nothing")
    return found


def _smtp_url(text: str) -> str:
    parts = urlsplit(text)
    if not text:
        return text
    is_usable = parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.path in {"", "/"}
    if not is_usable or re.search(
        r":(?!\d+\Z)", parts.netloc.rpartition("@")[2].rpartition("]")[2]
    ):
        raise ValueError("use smtp://user:password@host:port or smtps://…")
    if parts.query not in {"", "starttls=required"}:
        raise ValueError("the only option is ?starttls=required")
    return text


def _mail_from(text: str) -> str:
    _name, address = parseaddr(text)
    is_address = re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", address)
    if text and (not text.isprintable() or not is_address):
        raise ValueError("use name@example.com.br or Name <name@example.com.br>")
    return text


def _web_origin(text: str) -> str:
    if text and not re.fullmatch(r"https?://[!-~]{1,300}", text):
        raise ValueError("use an address such as https://example.com.br")
    return text.rstrip("/")


def _token(text: str) -> str:
    if text and not re.fullmatch(r"[!-~]{24,200}", text):
        raise ValueError("use at least 24 random letters and digits, or nothing")
    return text


def _tag_id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{0,40}", text):
        raise ValueError("use the id alone, letters, digits and dashes")
    return text


READERS: dict[str, Callable[[str], Any]] = {
    "web_workers": _count,
    "page_cache_mb": _count,
    "trusted_proxies": _count,
    "allow_private_urls": _flag,
    "import_withdraw_share": _share,
    "proof_of_work": _flag,
    "sold_page_days": _count,
    "ai_training": _flag,
    "lead_rate_limit": _rate,
    "require_totp": _words,
    "smtp_url": _smtp_url,
    "mail_from": _mail_from,
    "fipe_url": _web_origin,
    "indexnow_url": _web_origin,
    "metrics_token": _token,
    "ga4_id": _tag_id,
    "google_ads_id": _tag_id,
    "meta_pixel_id": _tag_id,
    "tiktok_pixel_id": _tag_id,
}


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Config:
    """The settings of `environ` (default: the process's), with `overrides` by field name on top.

    Raises BadSetting with a sentence that names the variable.
    """
    environ = os.environ if environ is None else environ
    known = {field.name for field in fields(Config)}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX)
        if name.startswith("TEST_"):
            continue
        if name.lower() not in known or name != name.upper():
            raise BadSetting(
                f"{variable} is not a setting of Vitrine. See the list in docs/configuration.md."
            )
        try:
            values[name.lower()] = READERS.get(name.lower(), str)(text)
        except ValueError as error:
            shown = "" if name.lower() in WITH_PASSWORD else f"={text!r}"
            raise BadSetting(f"{variable}{shown} cannot be used: {error}.") from None
    values.update(overrides)
    return _complete(Config(**values))


def _complete(config: Config) -> Config:
    """Fill in what depends on other settings and refuse what cannot work."""
    if config.env not in {"development", "production"}:
        raise BadSetting(f"VITRINE_ENV={config.env!r} is neither development nor production.")
    if config.log_level not in {"debug", "info", "warning", "error"}:
        raise BadSetting(
            f"VITRINE_LOG_LEVEL={config.log_level!r}: use debug, info, warning or error."
        )
    instance = Path(config.instance_dir or ROOT / "instance").resolve()
    try:
        instance.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise BadSetting(f"VITRINE_INSTANCE_DIR={str(instance)!r} cannot be made.") from None
    changes: dict[str, Any] = {"instance_dir": str(instance)}
    changes["database_url"] = _database_url(config.database_url, instance)
    changes["media_dir"] = str(Path(config.media_dir or instance / "media").resolve())
    changes["spool_dir"] = str(Path(config.spool_dir or instance / "spool").resolve())
    changes["base_url"] = _origin(
        config.base_url or _running_origin(config, instance) or FIRST_ORIGIN
    )
    changes["secret_key"] = _secret_key(config, instance)
    if config.require_totp is None:
        changes["require_totp"] = NEEDS_SECOND_FACTOR if config.is_production else ()
    return Config(**{**config.__dict__, **changes})


def _database_url(url: str, instance: Path) -> str:
    url = url or f"sqlite:///{instance / 'vitrine.db'}"
    # Some hosts still hand out the scheme that SQLAlchemy dropped.
    url = url.replace("postgres://", "postgresql://", 1)
    if not url.startswith(("sqlite:///", "postgresql")):
        raise BadSetting("VITRINE_DATABASE_URL must start with sqlite:/// or postgresql://.")
    if url in {"sqlite:///", "sqlite:///:memory:"}:
        raise BadSetting(
            "VITRINE_DATABASE_URL must name a file: web and worker are separate processes "
            "and share nothing in memory."
        )
    if url.startswith("sqlite:///"):
        folder = Path(url.removeprefix("sqlite:///").partition("?")[0]).parent
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise BadSetting(
                f"VITRINE_DATABASE_URL: the database cannot be written, because {str(folder)!r} "
                "is not there or may not be written to."
            )
    return url


def _running_origin(config: Config, instance: Path) -> str:
    """Where the site of this instance was started last; a public site says its address itself."""
    try:
        return "" if config.is_production else (instance / ORIGIN_FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _origin(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
        raise BadSetting(
            f"VITRINE_BASE_URL={url!r} must be an origin such as https://www.loja.com.br."
        )
    return f"{parts.scheme}://{parts.netloc}"


def _secret_key(config: Config, instance: Path) -> str:
    if config.secret_key:
        if config.is_production and (
            len(config.secret_key) < 32 or config.secret_key.lower() in WEAK_SECRETS
        ):
            raise BadSetting(
                "VITRINE_SECRET_KEY is too weak for production: use at least 32 random characters."
            )
        return config.secret_key
    return _own_secret(instance / "secret_key")


def _own_secret(path: Path) -> str:
    """The key made on the first run. Two processes starting together must agree on one."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        key = path.read_text().strip()
        if len(key) < 32:
            raise BadSetting(f"{path} is damaged: delete it to get a new key.") from None
        return key
    except OSError:
        raise BadSetting(f"VITRINE_INSTANCE_DIR: {str(path.parent)!r} is not writable.") from None
    with os.fdopen(handle, "w") as file:
        key = secrets.token_urlsafe(48)
        file.write(key)
    return key


def current() -> Config:
    """The settings of the application that is running."""
    config: Config = current_app.extensions["vitrine"]
    return config
