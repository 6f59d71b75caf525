"""The mystery shopper at work: planning rounds, sending them, judging what did not arrive, telling
of a door that fails.

Every step is a job that may run twice or die in the middle: a round is sent at most once, and what
became of it is judged by whether its lead came, not by who remembers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite

from admin import shopper_doors
from admin.shopper_doors import Door, doors, go_through
from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from dealership import notices
from dealership.roles import Permission, Role
from dealership.staff import StaffMember
from integrators.shopping import Sample
from jobs.queue import SOON, enqueue
from jobs.worker import Handler, Record
from leads import letters, shopper
from leads.clearing import delete_test
from leads.models import Enquiry, Lead, LeadEvent, Person, Submission
from leads.pipeline.clocks import schedule_for
from leads.shopper import ShopperDoor, ShopperRound
from leads.shopper_plan import human_at, plan, slot_at, try_at

SEND_JOB: Final = "shop_door"
ALARM_JOB: Final = "shopper_alarm"
AGAIN: Final = timedelta(minutes=2)  # after a miss that may have been a restart
HUMAN_PATIENCE: Final = timedelta(hours=24)
MOST_CLEARED: Final = 200  # a pass
NAMES: Final = (
    "Ana Paula Ribeiro", "Bruno Carvalho", "Camila Nogueira", "Diego Martins", "Elaine Barbosa",
    "Felipe Teixeira", "Gabriela Moura", "Henrique Duarte", "Isabela Rocha", "João Vitor Lopes",
)  # fmt: skip
# What people ask about a car; each can be answered, and the answer judged.
QUESTIONS: Final = (
    "Olá, este carro ainda está disponível? Aceitam o meu na troca?",
    "Bom dia! Qual fica a parcela com 30% de entrada?",
    "Oi, o carro tem garantia? Já teve algum sinistro?",
    "Tenho interesse. Consigo ver o carro no sábado de manhã?",
    "Boa tarde, qual o menor valor à vista?",
)
log = structlog.get_logger("vitrine.shopper")


# --- planning --------------------------------------------------------------------------------


def tend_shopper(_payload: Any = None) -> None:
    """Job: plan what is due, judge what is late, tell what was answered, clear what is old."""
    row = plan()
    schedule, moment = schedule_for(None), now()
    if row.is_on and (slot := slot_at(row, moment, schedule)):
        due = [one for one in doors() if not one.why_not and try_at(slot, one.key) <= moment]
        for one in _not_tried(due, slot.key):
            ask(one, slot.key)
    if row.is_on and row.is_human:
        _plan_human(human_at(row, moment, schedule), moment)
    _judge_late(moment)
    _reveal_answered(moment)
    _forget_gone()
    _clear_old(moment)


def _not_tried(due: list[Door], slot: str) -> list[Door]:
    tried = set(db.session.scalars(sa.select(ShopperRound.door).where(ShopperRound.slot == slot)))
    return [one for one in due if one.key not in tried]


def ask(
    one: Door,
    slot: str,
    *,
    is_human: bool = False,
    due_at: datetime | None = None,
) -> None:
    """Have a round sent through that door at `due_at` (now); the same slot again is nothing. Opens
    `writing()`."""
    with writing():
        add_round(one, slot, is_human=is_human, due_at=due_at)


def add_round(
    one: Door, slot: str, *, is_human: bool = False, due_at: datetime | None = None
) -> None:
    """The same inside the caller's `writing()`."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    round_id = db.session.scalar(
        insert(ShopperRound)
        .values(
            door=one.key,
            slot=slot,
            is_human=is_human,
            token=shopper.new_token(),
            source=one.source,
            state=shopper.PLANNED,
            problem="",
            created_at=now(),
            answers={},
            checked_by="",
        )
        .on_conflict_do_nothing()
        .returning(ShopperRound.id)
    )
    if round_id is not None:
        enqueue(
            SEND_JOB,
            {"round_id": round_id},
            dedup_key=str(round_id),
            due_at=due_at,
            priority=SOON,
            max_attempts=3,
        )


def _plan_human(due: datetime | None, moment: datetime) -> None:
    """Once a day at most, by the page of a car: there the answer can be judged."""
    if due is None or not due <= moment < due + timedelta(hours=1):
        return
    offer = next((one for one in doors() if one.key == shopper_doors.OFFER), None)
    if offer is not None:
        ask(offer, f"human:{due:%Y-%m-%d}", is_human=True)


# --- sending ---------------------------------------------------------------------------------


def shop_door(payload: dict[str, Any]) -> Record | None:
    """Handler: send one round. A second run sends nothing: whether the first got through is seen
    by its lead."""
    round_id = payload["round_id"]
    planned = db.session.get(ShopperRound, round_id)
    one = shopper_doors.door(planned.door) if planned else None
    db.session.rollback()
    with writing():
        sample = _begin(round_id, one)
    if one is None or sample is None:
        return None
    try:
        go_through(one, sample)
    except DomainError as error:  # the network's too
        db.session.rollback()
        problem = str(error)
        log.warning("door_fails", door=one.key, problem=problem)
        return lambda: _missed(round_id, problem)
    accepted = now()
    return lambda: _accepted(round_id, accepted)


def _begin(round_id: int, one: Door | None) -> Sample | None:
    row = db.session.get(ShopperRound, round_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != shopper.PLANNED:
        return None
    if one is None or one.why_not:
        db.session.delete(row)  # it is gone, or cannot be tried any more
        return None
    row.state, row.sent_at = shopper.SENDING, now()
    row.due_at = row.sent_at + one.patience
    db.session.flush()
    return _sample(row, one)


def _sample(row: ShopperRound, one: Door) -> Sample:
    drawn = Random(row.token)  # what it says is no secret; the mark is
    name, mark = drawn.choice(NAMES), shopper.mark_of(row.token)
    vehicle = one.path.rpartition("/")[2] if one.key == shopper_doors.OFFER else ""
    if row.is_human:
        row_plan = plan()
        return Sample(
            name=name,
            phone=row_plan.phone,
            email=row_plan.email,
            message=shopper.marked(drawn.choice(QUESTIONS), row.token),
            mark=mark,
            vehicle=vehicle,
        )
    return Sample(
        name=_("Mystery shopper"),
        # Numbers that no operator gives out.
        phone=f"+551190000{drawn.randrange(10_000):04d}",
        email=f"teste.{row.token}@cliente-oculto.example",
        message=shopper.marked(_("An automatic test of this door."), row.token),
        mark=mark,
        vehicle=vehicle,
    )


def _accepted(round_id: int, at: datetime) -> None:
    row = db.session.get(ShopperRound, round_id, with_for_update=True, populate_existing=True)
    if row is None:
        return
    row.accepted_at = at
    if row.state == shopper.SENDING:  # else its lead was quicker
        row.state = shopper.SENT
    db.session.flush()


def _missed(round_id: int, problem: str, *, is_sure: bool = False) -> None:
    """Inside `writing()`."""
    row = db.session.get(ShopperRound, round_id, with_for_update=True, populate_existing=True)
    if row is None or row.state not in shopper.ON_ITS_WAY:
        return
    if shopper.fail(row, problem, is_sure=is_sure):
        _tell(row)
    elif not is_sure and not row.slot.endswith("+"):
        one = shopper_doors.door(row.door)
        if one is not None:
            add_round(one, f"{row.slot}+"[:40], due_at=now() + AGAIN)


# --- judging ---------------------------------------------------------------------------------


def _judge_late(moment: datetime) -> None:
    late = sa.select(ShopperRound.id).where(
        ShopperRound.state.in_(shopper.ON_ITS_WAY), ShopperRound.due_at <= moment
    )
    for round_id in db.session.scalars(late).all():
        with writing():
            row = db.session.get_one(ShopperRound, round_id)
            _missed(round_id, _why_late(row), is_sure=row.state == shopper.SENT)


def _why_late(row: ShopperRound) -> str:
    """Taken by the door and read by nobody, or not understood: then it lies among the posts that
    could not be read, where ours is only in the way."""
    mark = shopper.mark_of(row.token)
    for post in db.session.scalars(
        sa.select(Submission).where(
            Submission.state == "parked", Submission.received_at >= row.sent_at
        )
    ).all():
        if mark in str(post.payload):
            reason = post.error
            db.session.delete(post)
            return _("It arrived and could not be read: %(reason)s", reason=reason)
    if row.state == shopper.SENDING:
        return _("The try was broken off.")
    return _("The door took it, and it did not come into the queue.")


def _reveal_answered(moment: datetime) -> None:
    hidden = (
        sa.select(ShopperRound.id)
        .outerjoin(Lead, Lead.id == ShopperRound.lead_id)
        .where(
            ShopperRound.state == shopper.HIDDEN,
            sa.or_(
                Lead.id.is_(None),
                Lead.first_contact_at.is_not(None),
                Lead.closed_at.is_not(None),
                ShopperRound.queued_at <= moment - HUMAN_PATIENCE,
            ),
        )
    )
    for round_id in db.session.scalars(hidden).all():
        with writing():
            row = db.session.get(
                ShopperRound, round_id, with_for_update=True, populate_existing=True
            )
            if row is not None and row.state == shopper.HIDDEN:
                shopper.reveal(row)


def _forget_gone() -> None:
    """A door that is there no more, or cannot be tried any more, is none that fails."""
    failing = set(db.session.scalars(shopper.failing_doors()))
    gone = failing - {one.key for one in doors() if not one.why_not} if failing else failing
    if gone:
        with writing() as session:
            session.execute(sa.delete(ShopperDoor).where(ShopperDoor.door.in_(gone)))


def _clear_old(moment: datetime) -> None:
    """Delete leads that have done their work, and rounds that are of no use any more. The newest
    rows stay: SQLite would give their numbers out again, and others remember numbers."""
    is_machine = ShopperRound.is_human.is_(False)
    old = (
        sa.select(ShopperRound.lead_id)
        .where(
            ShopperRound.lead_id.is_not(None),
            sa.or_(
                sa.and_(is_machine, ShopperRound.ended_at <= moment - shopper.KEPT_LEADS),
                ShopperRound.created_at <= moment - shopper.KEPT_ROUNDS,
            ),
        )
        .limit(MOST_CLEARED)
    )
    for lead_id in db.session.scalars(old).all():
        with writing():
            lead = db.session.get(Lead, lead_id)
            if lead is not None and lead.is_test and not _is_newest(lead):
                delete_test(lead)
    stale = ShopperRound.created_at <= moment - shopper.KEPT_ROUNDS
    if db.session.scalar(sa.select(ShopperRound.id).where(stale).limit(1)) is not None:
        with writing() as session:
            session.execute(
                sa.delete(ShopperRound).where(stale, ShopperRound.state.not_in(shopper.OPEN)),
                execution_options={"synchronize_session": False},
            )


def _is_newest(lead: Lead) -> bool:
    newest = db.session.execute(
        sa.select(
            sa.select(sa.func.max(Lead.id)).scalar_subquery(),
            sa.select(sa.func.max(Person.id)).scalar_subquery(),
            sa.select(LeadEvent.lead_id).order_by(LeadEvent.id.desc()).limit(1).scalar_subquery(),
            sa.select(Enquiry.lead_id).order_by(Enquiry.id.desc()).limit(1).scalar_subquery(),
        )
    ).one()
    return lead.id in {newest[0], newest[2], newest[3]} or lead.person_id == newest[1]


# --- telling ---------------------------------------------------------------------------------


def _tell(row: ShopperRound) -> None:
    """The one place where a failing door is made known beyond the screens. Inside `writing()`."""
    enqueue(ALARM_JOB, {"round_id": row.id}, dedup_key=str(row.id), priority=SOON)
    one = shopper_doors.door(row.door)
    notices.notify(
        notices.Kind.BROKEN,
        notices.who_may(Permission.EDIT_PORTALS, None),
        key=f"door:{row.id}",
        path="/admin/cliente-oculto/",
        subject=f"door:{row.door}",
        words=one.name if one else row.door,
    )


def write_alarm(payload: dict[str, Any]) -> Record | None:
    """Handler: a mail to everybody who answers for the whole house, once per outage."""
    row = db.session.get(ShopperRound, payload["round_id"])
    if row is None:
        return None
    one = shopper_doors.door(row.door)
    name = one.name if one else row.door
    problem, key = row.problem, row.id
    people = [
        member.email
        for member in db.session.scalars(
            sa.select(StaffMember)
            .where(StaffMember.active, StaffMember.role.in_([Role.OWNER, Role.SUPERVISOR]))
            .order_by(StaffMember.id)
        )
        if member.store_ids is None
    ]
    db.session.rollback()  # all is read; rendering holds no transaction
    subject = letters.subject(_("No leads arrive: %(door)s", door=name))
    text, html = letters.render(
        "door_alarm", subject=subject, door=name, problem=problem, path="/admin/cliente-oculto/"
    )
    written = [
        letters.Letter(
            key=f"door_alarm:{key}:{place}", kind="door_alarm", to=email, subject=subject,
            text=text, html=html,
        )
        for place, email in enumerate(people)
    ]  # fmt: skip
    return lambda: _post_all(written)


def _post_all(written: Sequence[letters.Letter]) -> None:
    for letter in written:
        letters.post(letter, priority=SOON)


JOBS: Final[dict[str, Handler]] = {
    "tend_shopper": tend_shopper,
    SEND_JOB: shop_door,
    ALARM_JOB: write_alarm,
}
