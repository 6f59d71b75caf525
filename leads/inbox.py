"""Which leads a list shows: what the address asks for, within what a person may see.

Leads without a store are everybody's who has all stores, and nobody's else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.clock import now, today
from core.text import clean_line
from dealership.audit import AuditEntry
from dealership.models import Store
from leads.finding import people_named
from leads.models import Appointment, Enquiry, Lead
from leads.pipeline.stages import Stage
from leads.words import DEPARTMENTS, STATES

PERIODS: Final = ("1", "7", "30", "90")  # days back from now
UNSEEN_DAYS: Final = 30  # what nobody opened in a month is no news
CALL_DAYS: Final = 3  # who was not called by then has bought elsewhere
NOT_CALLED: Final = (Stage.WAITING, Stage.ASSIGNED, Stage.TRYING)
VIEW: Final = "lead.view"  # the audit log's word for opening one
_ON: Final = "1"


@dataclass(frozen=True)
class LeadFilter:
    """What a list of leads shows. Empty: everything that no machine sent."""

    text: str = ""
    source: str = ""
    state: str = ""
    store: str = ""  # a slug
    department: str = ""
    days: str = ""  # one of PERIODS
    suspect: bool = False
    unseen: bool = False  # that nobody has opened yet
    call_back: bool = False  # wants to be called and was not
    visiting: bool = False  # is expected today

    @property
    def is_empty(self) -> bool:
        return self == LeadFilter(suspect=self.suspect)


def read_lead_filter(arguments: Mapping[str, str]) -> LeadFilter:
    """The filter in an address. Never raises; what nobody knows is left out."""

    def one(name: str, longest: int = 80) -> str:
        return clean_line(arguments.get(name, ""), longest)

    return LeadFilter(
        text=one("q", 120),
        source=one("origem", 60),
        state=state if (state := one("situacao")) in STATES else "",
        store=one("loja"),
        department=department if (department := one("setor")) in DEPARTMENTS else "",
        days=days if (days := one("dias")) in PERIODS else "",
        suspect=one("suspeitos") == _ON,
        unseen=one("novos") == _ON,
        call_back=one("ligar") == _ON,
        visiting=one("visitas") == _ON,
    )


def to_query(wanted: LeadFilter) -> str:
    """The query string that `read_lead_filter` reads back."""
    pairs = [
        ("q", wanted.text),
        ("origem", wanted.source),
        ("situacao", wanted.state),
        ("loja", wanted.store),
        ("setor", wanted.department),
        ("dias", wanted.days),
        ("suspeitos", _ON if wanted.suspect else ""),
        ("novos", _ON if wanted.unseen else ""),
        ("ligar", _ON if wanted.call_back else ""),
        ("visitas", _ON if wanted.visiting else ""),
    ]
    return urlencode([(name, value) for name, value in pairs if value])


def select_leads(
    wanted: LeadFilter, *, store_ids: Collection[int] | None, stores: Sequence[Store] = ()
) -> sa.ColumnElement[bool]:
    """The condition for `wanted` within `store_ids` (None: everything). `stores` give the day's
    bounds for those who are expected today."""
    # A test that has done its work is nobody's lead: it stands with its round alone.
    is_over = sa.and_(Lead.is_test, Lead.closed_at.is_not(None))
    conditions = [within(Lead.store_id, store_ids), Lead.is_suspect.is_(wanted.suspect), ~is_over]
    if wanted.source:
        conditions.append(Lead.source == wanted.source)
    if wanted.state:
        conditions.append(Lead.state == wanted.state)
    if wanted.store:
        slug = sa.select(Store.id).where(Store.slug == wanted.store)
        conditions.append(Lead.store_id.in_(slug))
    if wanted.department:
        conditions.append(Lead.department == wanted.department)
    if wanted.days:
        conditions.append(Lead.created_at >= now() - timedelta(days=int(wanted.days)))
    if wanted.unseen:
        conditions.append(is_unseen())
    if wanted.call_back:
        conditions.append(wants_call())
    if wanted.visiting:
        conditions.append(is_expected_today(stores))
    if wanted.text:
        conditions.append(_named(wanted.text, store_ids))
    return sa.and_(*conditions)


def _named(text: str, store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    number = text.removeprefix("#")
    if text.startswith("#") and number.isascii() and number.isdigit() and len(number) < 10:
        return Lead.id == int(number)
    return Lead.person_id.in_(people_named(text, store_ids=store_ids))


def within(column: Any, store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    """Whether a row's store is one of `store_ids`; None: every row."""
    return sa.true() if store_ids is None else column.in_(store_ids)


def is_unseen() -> sa.ColumnElement[bool]:
    """New in the last month, and nobody of the staff has opened it: the audit log would know."""
    seen = sa.exists().where(
        AuditEntry.subject == sa.literal("lead:") + sa.cast(Lead.id, sa.String),
        AuditEntry.action == VIEW,
    )
    return sa.and_(
        Lead.state == Stage.WAITING,
        Lead.closed_at.is_(None),
        Lead.is_test.is_(False),
        Lead.created_at >= now() - timedelta(days=UNSEEN_DAYS),
        ~seen,
    )


def wants_call() -> sa.ColumnElement[bool]:
    """Asked in the last days to be called, and no person of ours has answered yet."""
    asked = sa.select(Enquiry.lead_id).where(
        Enquiry.kind == "call_back", Enquiry.at >= now() - timedelta(days=CALL_DAYS)
    )
    return sa.and_(
        Lead.state.in_(NOT_CALLED),
        Lead.closed_at.is_(None),
        Lead.id.in_(asked),
        Lead.first_contact_at.is_(None),
    )


def is_expected_today(stores: Sequence[Store]) -> sa.ColumnElement[bool]:
    """Has a time booked for today, by the clock of the store that expects them."""
    return Lead.id.in_(
        sa.select(Appointment.lead_id).where(Appointment.state == "booked", todays(stores))
    )


def todays(stores: Sequence[Store]) -> sa.ColumnElement[bool]:
    """Appointments whose start is today where their store is."""
    ways = []
    for zone in sorted({store.zone for store in stores}):
        first, last = day_bounds(ZoneInfo(zone))
        here = [store.id for store in stores if store.zone == zone]
        ways.append(
            sa.and_(
                Appointment.store_id.in_(here),
                Appointment.starts_at >= first,
                Appointment.starts_at < last,
            )
        )
    return sa.or_(sa.false(), *ways)


def day_bounds(zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of today and of tomorrow in `zone`."""
    day = today(zone)
    return (
        datetime.combine(day, time(), tzinfo=zone),
        datetime.combine(day + timedelta(days=1), time(), tzinfo=zone),
    )
