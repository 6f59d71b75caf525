"""Which accounts on other systems who is signed in works with, and what each kind can do."""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from admin.door import found, staff, within_stores
from admin.portal_words import KIND_LABELS
from core.db import db
from integrators.feeds.names import has_feeds
from integrators.kinds import KINDS
from integrators.models import PortalAccount
from integrators.portals.every import PORTALS

HERE: Final = "/admin/portais/"
Tab = tuple[str, str, bool]


def own_accounts(*, also_removed: bool = False) -> list[PortalAccount]:
    """The accounts of who is signed in, but for removed ones if they are not asked for. Those of
    the whole group are the group's people's."""
    statement = sa.select(PortalAccount)
    if not also_removed:
        statement = statement.where(PortalAccount.state != "archived")
    return list(db.session.scalars(within_stores(statement, PortalAccount.store_id)))


def own_account(account_id: int, *, also_archived: bool = False) -> PortalAccount:
    """The account with that id, or 404 when there is none for who is signed in."""
    row: PortalAccount = found(db.session.get(PortalAccount, account_id))
    ids = staff().store_ids
    is_theirs = ids is None or row.store_id in ids
    is_there = also_archived or row.state != "archived"
    return row if is_theirs and is_there else found(None)


def advertising_account(account_id: int) -> PortalAccount:
    """The account with that id, or 404 where cars cannot be shown by it."""
    row = own_account(account_id)
    return row if is_pushed(row.kind) or has_feeds(row.kind) else found(None)


def pushing_account(account_id: int) -> PortalAccount:
    """The account with that id, or 404 where ads are not sent but fetched."""
    row = own_account(account_id)
    return row if is_pushed(row.kind) else found(None)


def is_pushed(kind: str) -> bool:
    """Whether ads are sent to accounts of that kind."""
    return kind in PORTALS


def kind_name(code: str) -> str:
    """What staff call that kind of account."""
    return str(KIND_LABELS.get(code, KINDS[code].label))


def tabs_of(row: PortalAccount, here: str, problems: int = 0) -> Sequence[Tab]:
    """The pages of one account, `here` marked; none where cars are not shown by it."""
    if is_pushed(row.kind):
        pages: Mapping[str, str] = {
            "anuncios": _("Ads"),
            "problemas": f"{_('Problems')} {problems}" if problems else _("Problems"),
            "regras": _("Rules"),
            "previa": _("Preview"),
            "plano": _("Places"),
            "resultado": _("Results"),
            "historico": _("History"),
            "": _("Connection"),
        }
    elif has_feeds(row.kind):
        pages = {
            "anuncios": _("Feed"),
            "regras": _("Rules"),
            "previa": _("Preview"),
            "resultado": _("Results"),
            "": _("Connection"),
        }
    else:
        return ()
    return [(words, f"{HERE}{row.id}/{page}", page == here) for page, words in pages.items()]
