"""Sends what `dealership.notices.notify` keeps: to the browsers and the mailbox of one person, as
that person wishes, and only what is still true and still theirs to see.

One job looks at the notice, one more pushes it to each browser, so that a push service that is
slow or busy holds nobody else up. At least once: a worker killed between the push and its note
pushes again, under the same topic, and the browser shows the second in place of the first.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from flask_babel import format_time, format_timedelta
from flask_babel import gettext as _

from core import mail
from core.clock import DEFAULT_ZONE, now
from core.config import current
from core.db import db
from core.fetch import AddressRefused, FetchFailed
from core.posting import Answered
from core.secrets import SealBroken
from core.web_push import Message, push
from dealership import devices
from dealership.attendants import attendants
from dealership.devices import PushDevice
from dealership.identity import StoreProfile, identity
from dealership.notices import KINDS, SEND_JOB, Kind, Notice, Way, Wishes, wishes_of
from dealership.staff import StaffMember
from inventory.models import Vehicle
from jobs.queue import SOON, URGENT, enqueue
from jobs.worker import Record
from leads import letters
from leads.models import Lead
from leads.pipeline.stages import Stage, Turn
from leads.words import department_label

PUSH_JOB: Final = "push_to_device"
MAIL_KIND: Final = "staff_notice"
WAITS: Final = (5, 15, 30, 60, 120, 300)  # seconds after each failed try, while it is worth it
TEST_TTL_SECONDS: Final = 60
TEST_PATH: Final = "/admin/conta/avisos/"
GONE: Final = frozenset({404, 410})  # RFC 8030 § 7.3: the browser took its permission back
BUSY: Final = frozenset({408, 425, 429})

log = structlog.get_logger("vitrine.notices")


@dataclass(frozen=True)
class Told:
    """A notice in words, as it stands now."""

    title: str
    body: str
    path: str
    topic: str


# --- what is said ----------------------------------------------------------------------------


def told_of(notice: Notice, member: StaffMember) -> Told | None:
    """What `notice` says to `member` now; None when it is not true any more, or not theirs to
    see."""
    facts = KINDS.get(Kind(notice.kind))
    if facts is None or not member.may(facts.permission, notice.store_id):
        return None
    body = notice.words
    if lead_id := _lead_id(notice):
        lead = db.session.get(Lead, lead_id, populate_existing=True)
        if lead is None or not _still_holds(Kind(notice.kind), lead, member):
            return None
        if not member.may(facts.permission, lead.store_id):
            return None
        body = _about(notice, lead)
    topic = notice.subject or notice.kind
    return Told(str(facts.title), body, notice.path, topic)


def _lead_id(notice: Notice) -> int | None:
    what, _colon, number = notice.subject.partition(":")
    return int(number) if what == "lead" and number.isdigit() else None


_STILL: Final[Mapping[Kind, Callable[[Lead, StaffMember], bool]]] = {
    Kind.HANDED: lambda lead, me: lead.owner_id == me.id,
    Kind.WAITING: lambda lead, _me: lead.state == Stage.WAITING and not lead.is_suspect,
    Kind.ARRIVED: lambda lead, me: me.id in {lead.owner_id, lead.seller_id},
    Kind.REPLIED: lambda lead, me: lead.owner_id == me.id and lead.turn in {Turn.OURS, Turn.SELLER},
    Kind.DUE: lambda lead, me: (
        lead.first_contact_at is None
        and lead.state in {Stage.WAITING, Stage.ASSIGNED}
        and lead.owner_id in {None, me.id}
        and lead.due_at > now()
    ),
    Kind.TAKEN_BACK: lambda lead, me: lead.owner_id != me.id,
    Kind.OFFERED: lambda lead, me: lead.state == Stage.OFFERED and lead.seller_id == me.id,
    Kind.ESCALATED: lambda lead, _me: lead.turn == Turn.SUPERVISOR,
}


def _still_holds(kind: Kind, lead: Lead, member: StaffMember) -> bool:
    holds = _STILL.get(kind)
    return lead.closed_at is None and (holds is None or holds(lead, member))


def _about(notice: Notice, lead: Lead) -> str:
    """Car, department, store, and when: nothing of the person, lock screens are read by all."""
    store = next((one for one in identity().stores if one.id == lead.store_id), None)
    parts = [
        _car(lead.vehicle_id),
        department_label(lead.department),
        store.name if store else "",
        _until(lead, store) if notice.kind == Kind.DUE else _ago(notice.since),
    ]
    return " · ".join(part for part in parts if part)


def _car(vehicle_id: int | None) -> str:
    car = db.session.get(Vehicle, vehicle_id) if vehicle_id else None
    return f"{car.car_model.make.name} {car.car_model.name} {car.model_year}" if car else ""


def _ago(since: datetime) -> str:
    gone = max(now() - since, timedelta(minutes=1))
    return str(format_timedelta(-gone, granularity="minute", add_direction=True, threshold=0.99))


def _until(lead: Lead, store: StoreProfile | None) -> str:
    due = lead.due_at.astimezone(store.schedule.zone if store else DEFAULT_ZONE)
    return str(_("until %(time)s", time=format_time(due, "HH:mm", rebase=False)))


# --- the notice ------------------------------------------------------------------------------


def send_notice(payload: dict[str, Any]) -> Record | None:
    """Handler: decide by which ways the notice goes, and ask for them."""
    notice = db.session.get(Notice, payload["notice_id"])
    if notice is None or notice.push or notice.mail:
        return None
    member = db.session.get(StaffMember, notice.staff_id)
    told = told_of(notice, member) if member is not None and member.active else None
    if member is None or told is None:
        return lambda: _settle(notice.id, push="over", mail="over")
    wishes = wishes_of(member.id)
    ways = wishes.ways(Kind(notice.kind))
    held = _held(member.id, wishes, ways)
    browsers = [] if held else [one.id for one in devices.devices_of(member.id)]
    letter = _letter(notice, told, member) if Way.MAIL in ways else None

    def record() -> None:
        outcome = held or ("waiting" if browsers else "no_device")
        _settle(notice.id, push=outcome, mail="sent" if letter else "unwanted")
        for device_id in browsers:
            _push_soon(notice.id, device_id)
        if letter is not None:
            letters.post(letter)

    return record


def _held(staff_id: int, wishes: Wishes, ways: frozenset[Way]) -> str:
    """Why nothing rings now; empty when it may."""
    at = now()
    if Way.PUSH not in ways:
        return "unwanted"
    if wishes.is_paused(at):
        return "paused"
    # Who has no shifts at all, because they work no leads, is never off shift.
    mine = next((one for one in attendants(at) if one.staff_id == staff_id), None)
    is_off = mine is not None and not mine.is_on_shift
    return "off_shift" if wishes.only_on_shift and is_off else ""


def _letter(notice: Notice, told: Told, member: StaffMember) -> letters.Letter:
    subject = letters.subject(f"{told.title}: {told.body}" if told.body else told.title)
    key = f"{MAIL_KIND}:{member.id}:{notice.key}"
    to, name = member.email, letters.greeting_name(member.shown_name)
    text, html = letters.render(
        MAIL_KIND, subject=subject, name=name, title=told.title, body=told.body, path=told.path
    )
    return letters.Letter(key=key, kind=MAIL_KIND, to=to, subject=subject, text=text, html=html)


def _settle(notice_id: int, **outcomes: str) -> None:
    """Note what became of it. That one browser got it stays true, whatever others do."""
    for way, outcome in outcomes.items():
        column = getattr(Notice, way)
        db.session.execute(
            sa.update(Notice)
            .where(Notice.id == notice_id, column != "sent")
            .values({column: outcome}),
            execution_options={"synchronize_session": False},
        )


# --- one browser -----------------------------------------------------------------------------


def _push_soon(
    notice_id: int, device_id: int, *, tries: int = 0, due_at: datetime | None = None
) -> None:
    enqueue(
        PUSH_JOB,
        {"notice_id": notice_id, "device_id": device_id, "tries": tries},
        dedup_key=f"{notice_id}:{device_id}",
        due_at=due_at,
        priority=SOON if tries else URGENT,
        max_attempts=3,
    )


def push_to_device(payload: dict[str, Any]) -> Record | None:
    """Handler: push one notice to one browser, while it is worth it."""
    notice = db.session.get(Notice, payload["notice_id"])
    device = db.session.get(PushDevice, payload["device_id"])
    if notice is None or device is None or device.staff_id != notice.staff_id:
        return None
    member = db.session.get_one(StaffMember, notice.staff_id)
    told = told_of(notice, member) if member.active else None
    facts = KINDS[Kind(notice.kind)]
    ends_at = notice.at + timedelta(minutes=facts.ttl_minutes)
    left_seconds = int((ends_at - now()).total_seconds())
    if told is None or left_seconds <= 0:
        outcome = "over" if told is None else "late"
        return lambda: _settle(notice.id, push=outcome)
    message = Message(_payload(told, notice.at), left_seconds, told.topic, facts.urgency)
    job = _Push(notice.id, device.id, payload.get("tries", 0), ends_at)
    result = _handed_over(device, message)
    return lambda: job.note(result)


def _payload(told: Told, at: datetime) -> bytes:
    said = {"title": told.title, "body": told.body, "path": told.path, "tag": told.topic}
    return json.dumps({**said, "at": int(at.timestamp() * 1000)}, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Result:
    """How one push ended: "sent", "gone" (the browser wants no more), "wait" or "refused"; why,
    in words; in how many seconds the push service wants to be asked again."""

    state: str
    problem: str = ""
    wait_seconds: int = 0


def _handed_over(device: PushDevice, message: Message) -> Result:
    """Push, with no transaction open."""
    try:
        to, key, contact = device.subscription, devices.key_of(device), _contact()
        db.session.rollback()
        answer = push(to, message, key, contact=contact, allow_private=current().allow_private_urls)
    except SealBroken:
        return Result("refused", _("The key of this site was lost. Switch it off and on again."))
    except AddressRefused as error:
        return Result("gone", str(error))
    except FetchFailed as error:
        return Result("wait", str(error))
    return _result(answer)


def _result(answer: Answered) -> Result:
    status = answer.status
    if 200 <= status < 300:
        return Result("sent")
    words = _("The browser's push service answered with %(status)s.", status=status)
    if status in GONE:
        return Result("gone", words)
    if status in BUSY or status >= 500:
        return Result("wait", words, answer.retry_after_seconds or 0)
    return Result("refused", words)


def _contact() -> str:
    """Whom a push service may write to (RFC 8292 § 2.1): the house, or the site's own name."""
    _name, sender = mail.sender_of(current(), identity().email)
    host = urlsplit(current().base_url).hostname or "localhost"
    return sender if mail.is_address(sender) else f"postmaster@{host}"


@dataclass(frozen=True)
class _Push:
    """One try to push a notice to a browser."""

    notice_id: int
    device_id: int
    tries: int
    ends_at: datetime

    def note(self, result: Result) -> None:
        """Write down how it ended. Inside `writing()`."""
        if result.state == "sent":
            devices.note_sent(self.device_id)
            _settle(self.notice_id, push="sent")
            return
        log.warning("push_not_taken", device=self.device_id, state=result.state)
        if result.state == "gone":
            devices.remove_device(self.device_id)
            _settle(self.notice_id, push="gone")
            return
        devices.note_problem(self.device_id, result.problem)
        wait = max(WAITS[min(self.tries, len(WAITS) - 1)], result.wait_seconds)
        due_at = now() + timedelta(seconds=min(wait, 24 * 3600))
        if result.state == "wait" and due_at < self.ends_at:
            _push_soon(self.notice_id, self.device_id, tries=self.tries + 1, due_at=due_at)
        else:
            _settle(self.notice_id, push="failed")


def try_device(device: PushDevice) -> Result:
    """Push a trial to this browser now. Outside `writing()`: it takes as long as it takes. What
    came of it is for the caller to note with `note_trial`."""
    told = Told(_("Test notice"), _("It works: notices come like this."), TEST_PATH, "test")
    payload = _payload(told, now())
    return _handed_over(device, Message(payload, TEST_TTL_SECONDS, told.topic, "high"))


def note_trial(device_id: int, result: Result) -> None:
    """Write down how a trial ended. Inside `writing()`."""
    if result.state == "sent":
        devices.note_sent(device_id)
    elif result.state == "gone":
        devices.remove_device(device_id)
    else:
        devices.note_problem(device_id, result.problem)


JOBS = {SEND_JOB: send_notice, PUSH_JOB: push_to_device}
