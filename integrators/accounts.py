"""Accounts on other systems: registered, found by the secret in their address, kept at hand.

DomainError
├── UnknownKind        no system of that name
├── UnknownKey         that kind of account has no such key
├── MissingKey         it cannot work without
├── NameTaken          two accounts cannot share a name
├── AlreadyConnected   another account here is the same one on the other side
├── NoSuchAccount      no account has that name
├── BadAddress         a base address that is none
├── BadValue           a token that cannot be one
└── AccountsAway       the database is away and this process has never seen the accounts

The address of a webhook holds 192 random bits, of which the database keeps a digest only. A copy
of all accounts stays in each process for a few seconds, and for as long as the database is away:
a lead that comes meanwhile can be proven and put on the disk.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from flask_babel import gettext as _

from core.clock import now
from core.config import current
from core.db import db, writing
from core.errors import DomainError
from core.secrets import SealBroken, reseal, seal, unseal
from dealership import notices
from dealership.roles import Permission
from integrators.kinds import KINDS, Kind
from integrators.models import PortalAccount
from jobs.queue import PermanentFailure

FRESH_SECONDS: Final = 3.0
OVERLAP_DAYS: Final = 7  # how long the address before a rotation is still good
LONGEST_VALUE: Final = 4000
LONGEST_PROBLEM: Final = 300
LONGEST_NAME: Final = 80
KEY_PREFIX: Final = "key_prefix"  # an option: how the keys of this account's own ads begin
# With another one of these, the tokens that the old ones bought are nobody's.
_BUYS_TOKENS: Final = {
    "refresh_token", "access_token", "client_secret", "client_id", "username", "password",
}  # fmt: skip
# What tells one advertiser from another there, by kind of account.
_IDENTITY: Final = {
    "mercadolivre": "user_id",
    "olx": "access_token",
    "chavesnamao": "access_token",
    "webmotors": "cnpj",
}
PUBLIC_ONLY: Final = "public_only"  # an option of accounts whose server staff named

log = structlog.get_logger("vitrine.integrators")


class UnknownKind(DomainError):
    """No system of that name."""


class UnknownKey(DomainError):
    """That kind of account has no such key."""


class MissingKey(DomainError):
    """The account cannot work without."""


class NameTaken(DomainError):
    """Two accounts cannot share a name."""


class AlreadyConnected(DomainError):
    """Another account here, maybe a removed one, is the same one on the other side: every car
    would stand there twice."""


class NoSuchAccount(DomainError):
    """No account has that name."""


class BadAddress(DomainError):
    """A base address that is none."""


class BadValue(DomainError):
    """A token that cannot be one."""


class AccountsAway(DomainError):
    """The database is away, and this process has never seen the accounts."""


@dataclass(frozen=True)
class Account:
    """One account as its webhook and its jobs see it, apart from the session."""

    id: int
    kind: str
    name: str
    base_url: str  # without a slash at the end
    store_id: int | None
    is_active: bool
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_sealed: bool = False  # its secrets cannot be opened with this site's key
    is_paused: bool = False  # its posts are kept and read when it goes on

    def get(self, name: str) -> str:
        """What the account was told under `name`, or ""."""
        return str(self.secrets.get(name) or self.options.get(name) or "")

    def secret(self, name: str) -> str:
        """Like `get`, for showing to the other side: an empty word there would look like a wrong
        one. Raises core.secrets.SealBroken."""
        if self.is_sealed:
            raise SealBroken(_("The credentials were sealed with another key than this one."))
        return self.get(name)


# --- verbs, inside writing() -----------------------------------------------------------------


def register(
    kind: str,
    name: str,
    settings: Mapping[str, str],
    *,
    base_url: str = "",
    store_id: int | None = None,
    by_operator: bool = True,
) -> tuple[PortalAccount, str]:
    """A new account and the token of its address, which is told once and never again.

    Raises UnknownKind, UnknownKey, MissingKey, NameTaken, AlreadyConnected and BadAddress. Inside
    `writing()`.
    """
    found = KINDS.get(kind)
    if found is None:
        raise UnknownKind(
            _(
                "%(kind)s is no kind of account. Known: %(kinds)s.",
                kind=kind,
                kinds=", ".join(KINDS),
            )
        )
    missing = missing_keys(found, settings, by_operator=by_operator)
    if missing:
        raise MissingKey(
            _(
                "%(kind)s needs --set %(keys)s.",
                kind=found.label,
                keys=", --set ".join(f"{name}=…" for name in missing),
            )
        )
    name = _free_name(name)
    token = secrets.token_urlsafe(24)
    row = PortalAccount(
        kind=kind,
        name=name,
        base_url=_web_address(base_url),
        token_digest=digest(token),
        store_id=store_id,
        credentials=b"",
        # What its ads are known by there: drawn once, so that a backup of any age knows it.
        options={KEY_PREFIX: f"v{secrets.token_hex(2)}-"},
    )
    db.session.add(row)
    db.session.flush()
    change_settings(row, settings, by_operator=by_operator)
    return row, token


def missing_keys(
    kind: Kind, settings: Mapping[str, str], *, by_operator: bool = False
) -> list[str]:
    """What an account of `kind` cannot work without and `settings` do not hold. Staff need not type
    what connecting brings."""
    return [
        key.name
        for key in kind.keys
        if (key.is_needed or (by_operator and key.is_given)) and not settings.get(key.name)
    ]


def _free_name(name: str, of: PortalAccount | None = None) -> str:
    name = name.strip()[:LONGEST_NAME]
    if not name:
        raise NameTaken(_("Give the account a name."))
    taken = db.session.scalar(sa.select(PortalAccount.id).where(PortalAccount.name == name))
    if taken is not None and (of is None or taken != of.id):
        raise NameTaken(_("There is an account with the name %(name)s already.", name=name))
    return name


def describe(row: PortalAccount, name: str, store_id: int | None) -> None:
    """What the account is called here, and whose its leads are (None: the car's store). Raises
    NameTaken. Inside `writing()`."""
    row.name, row.store_id = _free_name(name, row), store_id
    db.session.flush()


def pause(row: PortalAccount) -> None:
    """Ask the service nothing more; what it posts is kept and read when the account goes on.
    Inside `writing()`."""
    row.state = "paused"
    db.session.flush()


def go_on(row: PortalAccount) -> None:
    """End a pause or bring an archived account back, at its old address. Inside `writing()`."""
    row.state, row.problem = "active", ""
    db.session.flush()


def archive(row: PortalAccount) -> None:
    """Take the account away: its address answers 404, its leads stay. `go_on` brings it back.
    Inside `writing()`."""
    row.state = "archived"
    row.old_token_digest = row.old_token_until = None
    db.session.flush()


def change_settings(
    row: PortalAccount, settings: Mapping[str, str], *, by_operator: bool = True
) -> None:
    """Tell the account new values (an empty one forgets the key). What was wrong with it counts
    as mended. A server named by others than the operator must be on the open internet. Raises
    UnknownKey, BadValue and AlreadyConnected. Inside `writing()`."""
    kind = KINDS[row.kind]
    options, hidden = dict(row.options), _open_or_nothing(row)
    before = _identity(row.kind, {**options, **hidden})
    for name, typed in settings.items():
        key, value = kind.key(name), typed.strip()
        if key is None:
            known = ", ".join(key.name for key in kind.keys)
            raise UnknownKey(
                _("%(kind)s has no key %(key)s. Known: %(known)s.",
                  kind=kind.label, key=name[:40], known=known)
            )  # fmt: skip
        place = hidden if key.is_secret else options
        if key.is_secret and name.endswith(("token", "client_secret")) and not value.isascii():
            raise BadValue(
                _("%(key)s holds a character that no token has: copy it again.", key=name)
            )
        if value:
            place[name] = value[:LONGEST_VALUE]
        else:
            place.pop(name, None)
    where = ("host", "port")
    if any(
        settings.get(name, "") != row.options.get(name, "") for name in where if name in settings
    ):
        options[PUBLIC_ONLY] = "" if by_operator else "1"
    _refuse_twin(row, before, _identity(row.kind, {**options, **hidden}))
    if settings.keys() & _BUYS_TOKENS:
        for leftover in ("issued_token", "issued_until", "refreshing_until"):
            hidden.pop(leftover, None)
    row.options = options
    row.credentials = seal(hidden, _purpose(row))
    if row.state in {None, "needs_reauth"}:
        row.state = "active"
    row.problem = ""
    told = {**options, **hidden}
    if row.state == "active" and any(key.is_given and not told.get(key.name) for key in kind.keys):
        row.state = "needs_reauth"
        row.problem = _("Connect the account with %(service)s: until then nothing is asked there.",
                        service=kind.label)  # fmt: skip
    db.session.flush()


def _refuse_twin(row: PortalAccount, before: str, now_known: str) -> None:
    """Raises AlreadyConnected when `row` becomes the same advertiser as another account at the
    same address; removed ones too, for their ads may still be up. Both are of `_identity`."""
    if now_known in {"", before}:
        return
    others = sa.select(PortalAccount).where(
        PortalAccount.kind == row.kind, PortalAccount.id != row.id
    )
    for other in db.session.scalars(others):
        if _base_url(other) != _base_url(row) or _identity(other.kind, _told(other)) != now_known:
            continue
        words = _("This is the same account there as %(name)s: every car would stand there twice.",
                  name=other.name)  # fmt: skip
        if other.state == "archived":
            words += " " + _("It was removed: bring it back under “Removed accounts”.")
        raise AlreadyConnected(words)


def _told(row: PortalAccount) -> dict[str, Any]:
    return {**row.options, **_open_or_nothing(row)}


def _identity(kind: str, told: Mapping[str, Any]) -> str:
    """Whom an account that was told this is on the other side; "" when that is not known."""
    value = str(told.get(_IDENTITY[kind]) or "").strip() if kind in _IDENTITY else ""
    return "".join(filter(str.isdigit, value)) if kind == "webmotors" else value


def rotate(row: PortalAccount) -> str:
    """A new token for the account's address; the old one stays good for a week, so that the
    other side can be changed in peace. Inside `writing()`."""
    token = secrets.token_urlsafe(24)
    row.old_token_digest = row.token_digest
    row.old_token_until = now() + timedelta(days=OVERLAP_DAYS)
    row.token_digest = digest(token)
    db.session.flush()
    return token


def keep_secrets(row: PortalAccount, **values: Any) -> None:
    """Add what another system gave us (tokens) to the sealed values; None forgets. Inside
    `writing()`. Raises core.secrets.SealBroken."""
    hidden = {**unseal(row.credentials, _purpose(row)), **values}
    row.credentials = seal({k: v for k, v in hidden.items() if v is not None}, _purpose(row))
    db.session.flush()


def turn_off(account_id: int, problem: str) -> NoReturn:
    """Somebody has to mend the account: `problem` says what, in words. Opens `writing()`; always
    raises jobs.queue.PermanentFailure."""
    with writing():
        needs_person(account_id, problem)
    raise PermanentFailure(problem)


def needs_person(account_id: int, problem: str) -> None:
    """Ask the service nothing more until somebody has mended the account, and tell who can; what
    is wrong in `problem`, in words. Inside `writing()`."""
    row = locked(account_id)
    if row.state not in {"active", "needs_reauth"}:
        return  # paused or removed meanwhile
    row.state, row.problem = "needs_reauth", problem[:LONGEST_PROBLEM]
    _tell(row)


def _tell(row: PortalAccount) -> None:
    """Whoever sets portals up hears of it, once a day for each account."""
    notices.notify(
        notices.Kind.BROKEN,
        notices.who_may(Permission.EDIT_PORTALS, row.store_id),
        key=f"{row.id}:{now():%Y-%m-%d}",
        path=f"/admin/portais/{row.id}/",
        subject=f"account:{row.id}",
        words=row.name,
        store_id=row.store_id,
    )


def reseal_all(old_key: str) -> int:
    """Seal every account anew after the site's key changed from `old_key`; how many. Inside
    `writing()`. Raises core.secrets.SealBroken, and then nothing has changed."""
    rows = db.session.scalars(sa.select(PortalAccount)).all()
    for row in rows:
        row.credentials = reseal(row.credentials, _purpose(row), old_key)
    db.session.flush()
    return len(rows)


# --- questions -------------------------------------------------------------------------------


def digest(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash hides it."""
    return hashlib.sha256(token.encode()).hexdigest()


def webhook_address(kind: str, token: str) -> str:
    """The public address to give to the other side."""
    return f"{current().base_url}/webhooks/{kind}/{token}"


def own_path(row: PortalAccount) -> str:
    """The path by which this site itself posts to the account, to try its door: of the address that
    others have, only a digest is kept. It follows from the secret key and ends with the address."""
    return f"/webhooks/{row.kind}/{_own_token(row)}"


def _own_token(row: PortalAccount) -> str:
    key = current().secret_key.encode()
    text = f"own door:{row.id}:{row.token_digest}".encode()
    return f"own-{hmac.new(key, text, hashlib.sha256).hexdigest()[:48]}"


def named(name: str) -> PortalAccount:
    """The account of that name. Raises NoSuchAccount."""
    row = db.session.scalars(sa.select(PortalAccount).where(PortalAccount.name == name)).first()
    if row is None:
        raise NoSuchAccount(_("No account has the name %(name)s.", name=name[:LONGEST_NAME]))
    return row


def locked(account_id: int) -> PortalAccount:
    """The account's row, held until the end of the caller's `writing()`. Raises NoSuchAccount."""
    row = db.session.get(PortalAccount, account_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NoSuchAccount(_("This account was deleted."))
    return row


def loaded(account_id: int) -> Account:
    """The account as it stands now. Raises NoSuchAccount."""
    row = db.session.get(PortalAccount, account_id, populate_existing=True)
    if row is None:
        raise NoSuchAccount(_("This account was deleted."))
    return seen(row)


def everyone() -> list[Account]:
    """All accounts but archived ones, by name."""
    statement = sa.select(PortalAccount).where(PortalAccount.state != "archived")
    rows = db.session.scalars(statement.order_by(PortalAccount.name))
    return [seen(row) for row in rows]


def seen(row: PortalAccount) -> Account:
    """`row` with its secrets open, apart from the session."""
    is_sealed = False
    try:
        hidden = unseal(row.credentials, _purpose(row))
    except SealBroken:
        hidden, is_sealed = {}, True
        log.error("credentials_sealed", account=row.id, kind=row.kind)
    return Account(
        id=row.id,
        kind=row.kind,
        name=row.name,
        base_url=_base_url(row),
        store_id=row.store_id,
        is_active=row.state == "active",
        options=dict(row.options),
        secrets=hidden,
        is_sealed=is_sealed,
        is_paused=row.state == "paused",
    )


def settings_of(row: PortalAccount) -> Iterator[tuple[str, str]]:
    """(key, what a person may see of it) of everything the account was told: of secrets the last
    four characters."""
    account = seen(row)
    for key in KINDS[row.kind].keys:
        value = account.get(key.name)
        if value:
            yield key.name, f"…{value[-4:]}" if key.is_secret else value


def kind_of(account: Account) -> Kind:
    """The kind of `account`."""
    return KINDS[account.kind]


# --- at hand ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    account: Account
    until: datetime | None = None


class _Directory:
    """Every account by the digest of its token, read again when older than a few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] | None = None
        self._read_again_at = 0.0

    def forget(self) -> None:
        self._read_again_at = 0.0

    def find(self, token_digest: str) -> Account | None:
        entry = self._current().get(token_digest)
        if entry is None or (entry.until is not None and entry.until <= now()):
            return None
        return entry.account

    def _current(self) -> dict[str, _Entry]:
        entries = self._entries
        if entries is not None and time.monotonic() < self._read_again_at:
            return entries
        # One reads, the others go on with what there is.
        if not self._lock.acquire(blocking=entries is None):
            return entries or {}
        try:
            if self._entries is not None and time.monotonic() < self._read_again_at:
                return self._entries
            self._read_again_at = time.monotonic() + FRESH_SECONDS
            self._entries = _read_all()
        except sa.exc.SQLAlchemyError as error:
            db.session.rollback()
            log.warning("accounts_away", error=type(error).__name__)
            if self._entries is None:
                self._read_again_at = 0.0
                raise AccountsAway(_("The accounts cannot be read at this moment.")) from error
        finally:
            self._lock.release()
        return self._entries or {}


def _read_all() -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    present = sa.select(PortalAccount).where(PortalAccount.state != "archived")
    for row in db.session.scalars(present):
        account = seen(row)
        found[row.token_digest] = _Entry(account)
        found[digest(_own_token(row))] = _Entry(account)
        if row.old_token_digest:
            found.setdefault(row.old_token_digest, _Entry(account, row.old_token_until))
    db.session.rollback()  # only read: leave no transaction open
    return found


def init_accounts(app: Flask) -> None:
    """Give `app` its directory of accounts."""
    app.extensions["vitrine_accounts"] = _Directory()


def by_token(kind: str, token: str) -> Account | None:
    """The account whose address that is. Raises AccountsAway.

    An account registered a moment ago by another process is looked up once more before the
    answer is no.
    """
    directory: _Directory = current_app.extensions["vitrine_accounts"]
    token_digest = digest(token)
    account = directory.find(token_digest)
    if account is None and _is_registered(token_digest):
        directory.forget()
        account = directory.find(token_digest)
    return account if account is not None and account.kind == kind else None


def _is_registered(token_digest: str) -> bool:
    statement = sa.select(PortalAccount.id).where(
        PortalAccount.state != "archived",
        sa.or_(
            PortalAccount.token_digest == token_digest,
            sa.and_(
                PortalAccount.old_token_digest == token_digest,
                PortalAccount.old_token_until > now(),
            ),
        ),
    )
    try:
        return db.session.scalar(statement) is not None
    except sa.exc.SQLAlchemyError as error:
        db.session.rollback()
        raise AccountsAway(_("The accounts cannot be read at this moment.")) from error


def forget_copies() -> None:
    """Read the accounts anew at the next webhook; for whoever has just changed one."""
    directory: _Directory = current_app.extensions["vitrine_accounts"]
    directory.forget()


def _base_url(row: PortalAccount) -> str:
    return (row.base_url or KINDS[row.kind].base_url).rstrip("/")


def _purpose(row: PortalAccount) -> str:
    return f"portal_account:{row.id}:{row.kind}"


def _open_or_nothing(row: PortalAccount) -> dict[str, Any]:
    """What can be opened: after a lost key the secrets are typed in anew."""
    try:
        return unseal(row.credentials, _purpose(row))
    except SealBroken:
        return {}


def _web_address(text: str) -> str:
    text = text.strip().rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_good = is_good and not (parts.query or parts.fragment) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or len(text) > 300:
        raise BadAddress(_("%(url)s is no address such as https://api.example.com.", url=text[:80]))
    return text
