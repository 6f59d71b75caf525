"""What staff are told while they look elsewhere: the kinds, the ways, each person's wishes, and
`notify`, which anybody calls inside the transaction in which something happened.

A notice is told once to one person, however often its cause is looked at: `key` says which. What
is written here never names a customer, nor repeats their words: it is shown on lock screens.
`leads.notice_sending` sends it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db, writing
from core.web_push import Urgency
from dealership.roles import Permission, Role, allows
from dealership.staff import StaffMember
from jobs.queue import URGENT, enqueue

SEND_JOB: Final = "send_notice"
KEPT: Final = timedelta(days=7)
LONGEST_WORDS: Final = 200


class Way(StrEnum):
    """How somebody is reached."""

    PUSH = "push"
    MAIL = "mail"


class Kind(StrEnum):
    """What is told."""

    HANDED = "handed"
    WAITING = "waiting"
    REPLIED = "replied"
    ARRIVED = "arrived"
    DUE = "due"
    TAKEN_BACK = "taken_back"
    OFFERED = "offered"
    ESCALATED = "escalated"
    VISITS = "visits"
    BROKEN = "broken"


@dataclass(frozen=True)
class KindFacts:
    """`name` as the person chooses it, `title` as the notice says it; who may hear of it at all;
    for how long it is worth being told; whether it wakes a sleeping telephone."""

    name: LazyString
    title: LazyString
    permission: Permission
    ttl_minutes: int
    urgency: Urgency = "high"
    ways: frozenset[Way] = frozenset({Way.PUSH})  # unless the person chose


_BOTH: Final = frozenset(Way)
_WORK, _SUPERVISE = Permission.WORK_LEADS, Permission.SUPERVISE_LEADS
KINDS: Final[Mapping[Kind, KindFacts]] = {
    Kind.HANDED: KindFacts(
        _l("A lead was handed to me"), _l("A lead for you"), _WORK, ttl_minutes=5
    ),
    Kind.WAITING: KindFacts(
        _l("A lead waits in my queue"), _l("A lead waits in the queue"), _WORK, ttl_minutes=5
    ),
    Kind.REPLIED: KindFacts(
        _l("A customer of mine wrote again"), _l("Your customer wrote"), _WORK, ttl_minutes=10
    ),
    Kind.ARRIVED: KindFacts(
        _l("A customer of mine is in the store"),
        _l("Your customer is in the store"),
        _WORK,
        ttl_minutes=15,
    ),
    Kind.DUE: KindFacts(
        _l("The time for the first answer is almost over"),
        _l("The time to answer is almost over"),
        _WORK,
        ttl_minutes=5,
    ),
    Kind.TAKEN_BACK: KindFacts(
        _l("A lead of mine went back to the queue"),
        _l("Your lead went back to the queue"),
        _WORK,
        ttl_minutes=60,
        urgency="normal",
    ),
    Kind.OFFERED: KindFacts(
        _l("A colleague hands a customer over to me"),
        _l("A customer is handed over to you"),
        _WORK,
        ttl_minutes=15,
    ),
    Kind.ESCALATED: KindFacts(
        _l("Nobody answered a lead in time"),
        _l("Nobody answered in time"),
        _SUPERVISE,
        ttl_minutes=60,
        ways=_BOTH,
    ),
    Kind.VISITS: KindFacts(
        _l("Who visits me today, in the morning"),
        _l("Today's visits"),
        _WORK,
        ttl_minutes=240,
        urgency="normal",
        ways=_BOTH,
    ),
    Kind.BROKEN: KindFacts(
        _l("A portal or another source stopped working"),
        _l("A source of leads stopped"),
        Permission.EDIT_PORTALS,
        ttl_minutes=240,
        urgency="normal",
    ),
}


class Notice(Model):
    """One thing told to one person. `push` and `mail` say what became of it there: empty while
    nobody has looked, "sent", or why not."""

    __tablename__ = "notice"
    __table_args__ = (sa.UniqueConstraint("staff_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(sa.String(12))
    key: Mapped[str] = mapped_column(sa.String(80))
    subject: Mapped[str] = mapped_column(sa.String(40), default="")  # "lead:17"
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(sa.String(200))  # where it leads, below /admin/
    words: Mapped[str] = mapped_column(sa.String(200), default="")
    since: Mapped[datetime] = mapped_column(UtcDateTime)  # when it happened
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)  # when we knew
    push: Mapped[str] = mapped_column(sa.String(10), default="")
    mail: Mapped[str] = mapped_column(sa.String(10), default="")


class NoticeWishes(Model):
    """What one person wants to be told, and when; nobody has to say."""

    __tablename__ = "notice_wishes"

    staff_id: Mapped[int] = mapped_column(
        sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True
    )
    # {"handed": ["push"]}: the kinds that the person decided about.
    choices: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    only_on_shift: Mapped[bool] = mapped_column(default=True)
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Wishes:
    """`NoticeWishes`, with what holds where nothing was said."""

    choices: Mapping[Kind, frozenset[Way]]
    only_on_shift: bool = True
    paused_until: datetime | None = None

    def ways(self, kind: Kind) -> frozenset[Way]:
        return self.choices.get(kind, KINDS[kind].ways)

    def is_paused(self, at: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > at


# --- telling -----------------------------------------------------------------------------------


def notify(
    kind: Kind,
    staff_ids: Collection[int],
    *,
    key: str,
    path: str,
    subject: str = "",
    words: str = "",
    store_id: int | None = None,
    since: datetime | None = None,
) -> int:
    """Have these people told, as they wish to be; how many had not been told of `key` before.

    `key` names the one event; `subject` what it is about ("lead:17"): a newer notice about the
    same takes the older one's place. `words` name no person. Who may not see the store `store_id`
    is not told. `since` is when it happened, if not now. Inside `writing()`: two statements for
    each person.
    """
    moment = now()
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    told = 0
    for staff_id in sorted(set(staff_ids)):
        notice_id = db.session.scalar(
            insert(Notice)
            .values(
                staff_id=staff_id,
                kind=kind.value,
                key=f"{kind}:{key}"[:80],
                subject=subject[:40],
                store_id=store_id,
                path=path[:200],
                words=words[:LONGEST_WORDS],
                since=since or moment,
                at=moment,
                push="",
                mail="",
            )
            .on_conflict_do_nothing()
            .returning(Notice.id)
        )
        if notice_id is not None:
            payload = {"notice_id": notice_id}
            enqueue(SEND_JOB, payload, dedup_key=str(notice_id), priority=URGENT)
            told += 1
    return told


def who_may(permission: Permission, store_id: int | None) -> list[int]:
    """The ids of everybody with an open account who may do it in that store (None: anywhere)."""
    people = db.session.scalars(
        sa.select(StaffMember).where(
            StaffMember.active, StaffMember.role.in_([r for r in Role if allows(r, permission)])
        )
    ).unique()
    return sorted(one.id for one in people if store_id is None or one.serves(store_id))


def kinds_for(role: Role) -> list[Kind]:
    """What somebody with this role can be told at all."""
    return [kind for kind, facts in KINDS.items() if allows(role, facts.permission)]


def latest_of(staff_id: int, limit: int = 10) -> list[Notice]:
    """The last things that this person was told, or would have been. One statement."""
    newest = sa.select(Notice).where(Notice.staff_id == staff_id).order_by(Notice.id.desc())
    return list(db.session.scalars(newest.limit(limit)))


def purge_notices(_payload: dict[str, Any]) -> None:
    """Handler: forget what was told a week ago."""
    with writing():
        db.session.execute(sa.delete(Notice).where(Notice.at < now() - KEPT))


# --- wishes ------------------------------------------------------------------------------------


def wishes_of(staff_id: int) -> Wishes:
    """What this person wants. One statement."""
    row = db.session.get(NoticeWishes, staff_id, populate_existing=True)
    if row is None:
        return Wishes({})
    choices = {
        Kind(kind): frozenset(Way(way) for way in ways if way in set(Way))
        for kind, ways in row.choices.items()
        if kind in set(Kind)
    }
    return Wishes(choices, row.only_on_shift, row.paused_until)


def wish(staff_id: int, choices: Mapping[Kind, Collection[Way]], *, only_on_shift: bool) -> None:
    """Keep what the person wants; kinds that are not in `choices` stay as they were. Inside
    `writing()`."""
    row = _row(staff_id)
    said = {kind.value: sorted(way.value for way in ways) for kind, ways in choices.items()}
    row.choices = {**row.choices, **said}
    row.only_on_shift = only_on_shift
    db.session.flush()


def pause_until(staff_id: int, until: datetime | None) -> None:
    """No push before `until`; None ends the pause. Inside `writing()`."""
    _row(staff_id).paused_until = until
    db.session.flush()


def _row(staff_id: int) -> NoticeWishes:
    """The person's row, under its lock: two tabs may save at once."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    fresh = insert(NoticeWishes).values(
        staff_id=staff_id, choices={}, only_on_shift=True, paused_until=None
    )
    db.session.execute(fresh.on_conflict_do_nothing())
    return db.session.get_one(NoticeWishes, staff_id, with_for_update=True, populate_existing=True)


JOBS = {"purge_notices": purge_notices}
