"""The secret addresses of feeds: whose a token is, and what staff may see of an address again.

The token of an account's webhook opens its feeds. So does one that follows from the secret key and
can be shown to staff at any time; it ends, a week later, when the account's address is changed. It
opens no webhook.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.config import current
from core.db import db
from integrators import accounts
from integrators.accounts import Account
from integrators.feeds.names import names_for
from integrators.listings.rules import Rules
from integrators.models import Advertiser, PortalAccount
from inventory.models import StockVersion

LONGEST_TOKEN: Final = 128
_OWN: Final = re.compile(r"feed-([0-9]{1,9})-([0-9a-f]{40})")
_VERSION: Final = (
    sa.select(StockVersion.number).where(StockVersion.id == 1).scalar_subquery().label("version")
)


@dataclass(frozen=True)
class Opened:
    """An account that a token opened, with what its feeds depend on."""

    account: Account
    rules: Rules
    rules_version: int
    stock_version: int


def find(token: str) -> Opened | None:
    """Whose feeds `token` opens; None for nobody's. One statement either way."""
    own = _OWN.fullmatch(token)
    if own is None:
        return _opened(_has_token(accounts.digest(token[:LONGEST_TOKEN])), "")
    return _opened(PortalAccount.id == int(own[1]), own[2])


def of_account(account_id: int) -> Opened | None:
    """The same for who knows the account; None when it is gone."""
    return _opened(PortalAccount.id == account_id, "")


def feed_addresses(row: PortalAccount) -> dict[str, str]:
    """The absolute addresses of the account's feeds, by name; empty for kinds without feeds."""
    token = f"feed-{row.id}-{_proof(row.id, row.token_digest)}"
    names = names_for(accounts.seen(row))
    return {name: f"{current().base_url}/feeds/{token}/{name}" for name in names}


def _opened(where: Any, proof: str) -> Opened | None:
    statement = (
        sa.select(PortalAccount, Advertiser, _VERSION)
        .outerjoin(Advertiser, Advertiser.account_id == PortalAccount.id)
        .where(PortalAccount.state != "archived", where)
        .execution_options(populate_existing=True)
    )
    found = db.session.execute(statement).first()
    if found is None:
        return None
    row, advertiser, version = found
    if proof and not _is_proof_of(row, proof):
        return None
    return Opened(
        account=accounts.seen(row),
        rules=Rules.of(advertiser.rules if advertiser else {}),
        rules_version=advertiser.rules_version if advertiser else 0,
        stock_version=version or 0,
    )


def _has_token(token_digest: str) -> Any:
    is_former = sa.and_(
        PortalAccount.old_token_digest == token_digest, PortalAccount.old_token_until > now()
    )
    return sa.or_(PortalAccount.token_digest == token_digest, is_former)


def _is_proof_of(row: PortalAccount, proof: str) -> bool:
    digests = [row.token_digest]
    if row.old_token_digest and row.old_token_until and row.old_token_until > now():
        digests.append(row.old_token_digest)
    return any(hmac.compare_digest(proof, _proof(row.id, one)) for one in digests)


def _proof(account_id: int, token_digest: str) -> str:
    key, text = current().secret_key.encode(), f"feed door:{account_id}:{token_digest}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:40]
