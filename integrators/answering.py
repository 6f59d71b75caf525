"""Answering a question where it was asked: at Mercado Livre, in OLX's chat.

Who asked there often left neither phone nor e-mail: this is the only way to them. An answer is
kept with the lead before anything is sent, and passes the stop list twice, when it is written and
when it leaves. It is never said twice: Mercado Livre is asked first whether the question is open
still; where OLX leaves us in doubt a person looks. Manuals: developers.mercadolivre.com.br,
"gerenciamento de perguntas e contatos"; developers.olx.com.br/chat.

DomainError
└── NotAnswerable    there is no question, it was answered, or the text will not do
    └── IsClosed     the portal takes no answer to this question any more
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from core.text import clean_line, clean_text
from integrators import accounts
from integrators.accounts import Account
from integrators.listings.calls import Pace, PortalCalls
from integrators.portals.mercadolivre_reading import ask
from integrators.portals.portal import Calls, Locked, Reply, Unclear
from jobs.queue import URGENT, enqueue
from jobs.worker import Record
from leads.models import Enquiry, Lead, LeadEvent, Submission
from leads.pipeline.cadence_steps import touch
from leads.pipeline.log import NotAllowed, record
from leads.stop_list import Channel, Purpose, Stopped, gate, may_send, note_stopped

LONGEST_TEXT: Final = 2000
WRITTEN: Final = "answer_written"  # by a colleague: the text and the enquiry's id
SENT: Final = "answer_sent"
FAILED: Final = "answer_failed"  # `problem` says why
JOB: Final = "answer_question"
MOST_ATTEMPTS: Final = 200  # more than fit into LONGEST_WAIT
LONGEST_WAIT: Final = timedelta(hours=12)  # later than that it answers nobody
_QUESTION: Final = "question:"
_CALLS_PER_SECOND: Final = 2.0
_RECENT: Final = 20  # enquiries of one lead that are looked at


class NotAnswerable(DomainError):
    """There is no question, it was answered, or the text will not do."""


class IsClosed(NotAnswerable):
    """The portal takes no answer to this question any more."""


@dataclass(frozen=True)
class Question:
    """What was asked on a portal. `place` is the question's number or the chat; `problem` says in
    words why nobody can answer there now ("" when somebody can)."""

    enquiry_id: int
    account_id: int
    source: str
    place: str
    text: str
    asked_at: datetime
    problem: str = ""


@dataclass(frozen=True)
class Answer:
    """What a colleague (`by`, an e-mail) answered. `state` is waiting (on its way), sent or failed
    (`problem` says why, in words), since `at`. `is_over`: the question takes no other answer."""

    enquiry_id: int
    text: str
    by: str
    token: str
    state: str
    at: datetime
    problem: str = ""
    is_over: bool = False


def can_answer(lead: Lead) -> Question | None:
    """The newest open question of `lead` that an account of ours can answer; None when there is
    none, or when the person wants no contact."""
    question = open_question(lead)
    if question is None or question.problem:
        return None
    return question if may_send(lead.person, Channel.ALL, Purpose.ANSWER).allowed else None


def open_question(lead: Lead) -> Question | None:
    """The newest question of `lead` that nobody answered, those first that can be answered now;
    None without one."""
    found = _open_questions(lead)
    return next((one for one in found if not one.problem), found[0] if found else None)


def answers_of(lead_id: int) -> list[Answer]:
    """What was answered to the lead on portals, oldest first. One statement."""
    events = db.session.scalars(
        sa.select(LeadEvent)
        .where(LeadEvent.lead_id == lead_id, LeadEvent.kind.in_((WRITTEN, SENT, FAILED)))
        .order_by(LeadEvent.id)
    ).all()
    ends = {event.data.get("written_id"): event for event in events if event.kind != WRITTEN}
    written = [event for event in events if event.kind == WRITTEN]
    return [_answer_of(event, ends.get(event.id)) for event in written]


def _answer_of(event: LeadEvent, end: LeadEvent | None) -> Answer:
    answer = Answer(
        enquiry_id=int(event.data.get("enquiry_id") or 0),
        text=str(event.data.get("text") or ""),
        by=event.actor,
        token=str(event.data.get("token") or ""),
        state="waiting",
        at=event.at,
    )
    if end is None:
        return answer
    return replace(
        answer,
        state="sent" if end.kind == SENT else "failed",
        at=end.at,
        problem=str(end.data.get("problem") or ""),
        is_over=end.kind == SENT or bool(end.data.get("is_over")),
    )


def answer(lead_id: int, text: str, by: str, *, enquiry_id: int = 0, token: str = "") -> bool:
    """Keep the answer that `by` (a staff e-mail) wrote, and have it sent; whether it is new. Inside
    `writing()`. The same `token` (of the form) again is the same answer; `enquiry_id` is what it
    answers (default: the newest open question). Raises NotAnswerable and leads.stop_list.Stopped.
    """
    lead = db.session.get_one(Lead, lead_id, with_for_update=True, populate_existing=True)
    if token and any(one.token == token for one in answers_of(lead_id)):
        return False
    question = _asked(lead, enquiry_id)
    words = clean_text(text, LONGEST_TEXT + 1)
    if question is None:
        raise NotAnswerable(_("There is no question of theirs that waits for an answer."))
    if question.problem:
        raise NotAnswerable(question.problem)
    if not words:
        raise NotAnswerable(_("The text is empty."))
    if len(words) > LONGEST_TEXT:
        raise NotAnswerable(_("That is too long: %(most)s characters at most.", most=LONGEST_TEXT))
    gate(lead.person, Channel.ALL, Purpose.ANSWER)
    facts: dict[str, Any] = {"token": token} if token else {}
    event = record(lead, WRITTEN, by, enquiry_id=question.enquiry_id, text=words, **facts)
    enqueue(
        JOB,
        {"event_id": event.id},
        dedup_key=str(event.id),
        priority=URGENT,
        max_attempts=MOST_ATTEMPTS,
    )
    return True


def _asked(lead: Lead, enquiry_id: int) -> Question | None:
    if not enquiry_id:
        return open_question(lead)
    return next((one for one in _open_questions(lead) if one.enquiry_id == enquiry_id), None)


def _open_questions(lead: Lead) -> list[Question]:
    """What nobody answered, newest first. An answer in a chat is one to all that stood there
    before it."""
    rows = db.session.execute(
        sa.select(Enquiry, Submission.payload)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Enquiry.lead_id == lead.id, Enquiry.source.in_(("mercadolivre", "olx")))
        .order_by(Enquiry.at.desc(), Enquiry.id.desc())
        .limit(_RECENT)
    ).all()
    answered = _answered(answers_of(lead.id)) if rows else set()
    came_by = {_account_id(payload) for _enquiry, payload in rows}
    known = {number: _account(number) for number in came_by}
    closed: set[tuple[str, str]] = set()
    found = []
    for enquiry, payload in rows:
        question = _question_of(enquiry, known[_account_id(payload)])
        if question is None:
            continue
        place = (question.source, question.place)
        if question.enquiry_id in answered:
            closed.add(place)
        if place not in closed:
            found.append(question)
    return found


def _answered(answers: Sequence[Answer]) -> set[int]:
    """Ids of the enquiries that have an answer, or one on its way, or that take none."""
    return {one.enquiry_id for one in answers if one.state != "failed" or one.is_over}


def _account_id(payload: dict[str, Any]) -> int:
    return int(payload.get("account_id") or 0)


def _account(account_id: int) -> Account | None:
    try:
        return accounts.loaded(account_id)
    except accounts.NoSuchAccount:
        return None


def _question_of(enquiry: Enquiry, account: Account | None) -> Question | None:
    """`enquiry` as a question, when it came by an account of ours."""
    if enquiry.source == "olx":
        place = str(enquiry.details.get("chat") or "")
    else:
        is_question = enquiry.external_id.startswith(_QUESTION)
        place = enquiry.external_id.removeprefix(_QUESTION) if is_question else ""
    if account is None or not place or account.kind != enquiry.source:
        return None
    return Question(
        enquiry_id=enquiry.id,
        account_id=account.id,
        source=enquiry.source,
        place=place,
        text=enquiry.message,
        asked_at=enquiry.at,
        problem=_problem(account),
    )


def _problem(account: Account) -> str:
    """Why nobody can answer by the account now."""
    if not account.is_active:
        return _("The account “%(name)s” is not connected now.", name=account.name)
    if account.kind == "olx" and not account.get("access_token"):
        return _("The account “%(name)s” only receives: connect it to answer.", name=account.name)
    return ""


# --- sending ---------------------------------------------------------------------------------


def send_answer(payload: dict[str, Any]) -> Record | None:
    """Handler: say what was written. What the portal answers no to is told in the lead's history;
    what may not have arrived raises, and the queue tries again."""
    event_id = payload["event_id"]
    event = db.session.get(LeadEvent, event_id)
    if event is None or "text" not in event.data or _has_ended(event):
        return None
    lead = db.session.get_one(Lead, event.lead_id)
    row = db.session.execute(
        sa.select(Enquiry, Submission.payload)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Enquiry.id == event.data["enquiry_id"])
    ).first()
    question = _question_of(row[0], _account(_account_id(row[1]))) if row else None
    text = str(event.data["text"])
    if question is None or question.problem:
        words = question.problem if question else _("The account is not connected any more.")
        return lambda: _end(event_id, FAILED, words)
    if event.at < now() - LONGEST_WAIT:
        words = _("It could not be delivered for hours. Look there whether it arrived.")
        return lambda: _end(event_id, FAILED, words)
    try:
        with writing():
            gate(lead.person, Channel.ALL, Purpose.ANSWER)
    except Stopped as stopped:
        return _stopped(event_id, stopped)
    pace = Pace(_CALLS_PER_SECOND, _CALLS_PER_SECOND)
    try:
        with PortalCalls(accounts.loaded(question.account_id), pace) as calls:
            say = _tell_mercadolivre if question.source == "mercadolivre" else _tell_olx
            say(calls, question.place, text, event_id)
    except (NotAnswerable, Locked) as error:
        reason, is_over = str(error), isinstance(error, IsClosed)
        return lambda: _end(event_id, FAILED, reason, is_over=is_over)
    return lambda: _end(event_id, SENT)


def _tell_mercadolivre(calls: Calls, number: str, text: str, _event_id: int) -> None:
    """A question is open once: what the answer to us was when it got lost, it says itself."""
    asked = ask(calls, "GET", f"/questions/{number}")
    said = asked.table.get("answer")
    if isinstance(said, dict) and said.get("text") == text:
        return
    if not asked.is_good:
        raise IsClosed(_("The question is not there any more."))
    if str(asked.table.get("status") or "UNANSWERED").upper() != "UNANSWERED":
        raise IsClosed(_("The question was answered or closed there meanwhile."))
    told = {"question_id": int(number), "text": text}
    _check(ask(calls, "POST", "/answers", json=told))


def _tell_olx(calls: Calls, chat: str, text: str, event_id: int) -> None:
    """A message of a chat, under an id of ours that a repeat would carry too."""
    token = calls.account.secret("access_token")
    told = {"textMessage": text, "messageId": f"vitrine-{event_id}", "chatId": chat}
    headers = {"Authorization": f"Bearer {token}"}
    try:
        reply = calls.ask("POST", "/autoservice/v1/chat/send", json=told, headers=headers)
    except Unclear:
        raise NotAnswerable(
            _("It is not known whether the answer arrived: look at the chat in OLX.")
        ) from None
    if reply.status in {401, 403}:
        raise NotAnswerable(_("OLX does not let us in: connect the account again."))
    _check(reply)


def _check(reply: Reply) -> None:
    if not reply.is_good:
        said = reply.table.get("message") or reply.table.get("error") or reply.status
        raise NotAnswerable(_("The service says no: %(said)s", said=clean_line(str(said), 100)))


def _has_ended(event: LeadEvent) -> bool:
    ends = db.session.scalars(
        sa.select(LeadEvent).where(
            LeadEvent.lead_id == event.lead_id, LeadEvent.kind.in_((SENT, FAILED))
        )
    )
    return any(end.data.get("written_id") == event.id for end in ends)


def _stopped(event_id: int, stopped: Stopped) -> Record:
    def note() -> None:
        note_stopped(stopped.channel, stopped.purpose, stopped.verdict)
        _end(event_id, FAILED, str(stopped))

    return note


def _end(event_id: int, kind: str, problem: str = "", *, is_over: bool = False) -> None:
    """Say in the lead's history how it ended. What was said is a contact, and stops the clock of
    the first answer for the colleague who wrote it. Inside `writing()`."""
    written = db.session.get(LeadEvent, event_id)
    if written is None:
        return
    lead = db.session.get_one(Lead, written.lead_id)
    facts: dict[str, Any] = {"problem": problem[:300]} if problem else {}
    if is_over:
        facts["is_over"] = True
    record(lead, kind, "system", written_id=event_id, **facts)
    if kind == SENT:
        with suppress(NotAllowed):
            touch(lead, "human_contact", written.actor, channel="portal", evidence="portal")


JOBS: Final = {JOB: send_answer}
