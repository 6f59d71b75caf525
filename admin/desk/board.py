"""`/admin/painel/`: the team now and its last weeks, for supervisors. Each number opens the leads
behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy.orm import joinedload

from admin import groups
from admin.charts import row_chart
from admin.desk.live import desk_version
from admin.desk.rows import Ring, ring_of
from admin.door import StaffView, at, staff
from admin.stock_scope import own_stores
from core.clock import DEFAULT_ZONE, now, today
from core.db import db
from dealership.presence import PAUSE_NAMES
from dealership.roles import Permission
from leads.figures import Window
from leads.models import Lead
from leads.pipeline import board
from leads.pipeline.board import Answers, Bucket, PersonNow
from leads.pipeline.stages import Stage
from leads.words import NEXT_ACTIONS, URGENCIES, state_label

PERIODS: Final = (7, 30, 90)  # days back
RED_SHOWN: Final = 30
FEWEST: Final = 20  # below this a share says nothing


@dataclass(frozen=True)
class RedRow:
    """A promise to somebody that was not kept."""

    lead: Lead
    name: str
    owner: str
    action: str
    ring: Ring


class Board(StaffView):
    """The board of the team."""

    icon = "chart"

    @at("/", Permission.MANAGE_STAFF)
    def index(self) -> str:
        """Now, and the last weeks."""
        days = _days()
        moment = now()
        stores = own_stores()
        ids = staff().store_ids
        people = board.people_now(ids, _midnight())
        waits = board.waits(Window(moment - timedelta(days=days), moment, ids))
        per_person = board.by_attendant(waits)
        buckets = board.by_bucket(waits)
        return str(
            self.render(
                "admin/desk_board.html",
                version=desk_version(),
                days=days,
                periods=PERIODS,
                people=people,
                pauses={code.value: words for code, words in PAUSE_NAMES.items()},
                waiting=_classes(board.waiting_by_class(ids)),
                stages=_stages(board.open_by_stage(ids)),
                red=_red(ids, {one.person.staff_id: one.person.name for one in people}),
                lost_leads=board.without_owner_or_date(),
                answers=board.answers(waits),
                team=_team(people, per_person),
                buckets=[(_bucket_words(one), one) for one in buckets],
                curve=_curve(buckets),
                fewest=FEWEST,
                many_stores=len(stores) > 1,
            )
        )


def _days() -> int:
    asked = request.args.get("dias", "")
    return int(asked) if asked in {str(one) for one in PERIODS} else PERIODS[1]


def _midnight() -> datetime:
    stores = own_stores()
    zone = ZoneInfo(stores[0].zone) if stores else DEFAULT_ZONE
    return datetime.combine(today(zone), time(), tzinfo=zone)


def _classes(found: dict[int, tuple[int, int]]) -> list[tuple[str, int, int]]:
    return [(str(words), *found.get(code, (0, 0))) for code, words in URGENCIES.items()]


def _stages(found: dict[str, int]) -> list[tuple[str, str, int]]:
    """The open stages in the order of the journey."""
    return [(one.value, state_label(one), found[one]) for one in Stage if found.get(one)]


def _red(store_ids: Sequence[int] | None, names: dict[int, str]) -> list[RedRow]:
    leads = db.session.scalars(
        board.red_list(store_ids, limit=RED_SHOWN).options(joinedload(Lead.person))
    ).unique()
    moment = now()
    return [
        RedRow(
            lead=one,
            name=one.person.name or _("Lead %(n)s", n=one.id),
            owner=names.get(one.owner_id or 0, ""),
            action=str(NEXT_ACTIONS.get(one.next_action, one.next_action)),
            ring=ring_of(one.due_at, one.updated_at, moment),
        )
        for one in leads
    ]


def _team(
    people: Sequence[PersonNow], found: Mapping[int, Answers]
) -> list[tuple[PersonNow, Answers | None]]:
    return [(one, found.get(one.person.staff_id)) for one in people]


def _bucket_words(bucket: Bucket) -> str:
    if bucket.minutes is None:
        return _("longer, or never")
    if bucket.minutes < 60:
        return _("up to %(n)s min", n=bucket.minutes)
    return _("up to %(n)s h", n=bucket.minutes // 60)


def _curve(buckets: Sequence[Bucket]) -> Markup:
    """Sales in a hundred, by how quick the first answer was: only where there are enough leads."""
    values = [
        (_bucket_words(one), round(100 * one.won / one.leads))
        for one in buckets
        if one.leads >= FEWEST
    ]
    return row_chart(_("Sales by time to the first answer"), values, "%")


def views() -> Sequence[StaffView]:
    return [
        Board(
            name=_l("Team board"),
            category=groups.LEADS,
            url="/admin/painel",
            endpoint="staff_board",
        )
    ]
