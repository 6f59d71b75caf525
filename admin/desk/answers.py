"""`/admin/atendimento/<lead>/responder`: answering a question where it was asked, on a portal, and
how that went. The answer counts once the portal took it (integrators.answering), not before."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from flask import abort, request
from flask_babel import format_datetime
from flask_babel import gettext as _
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin.desk.desk import DESK
from admin.desk.texts import LeadTexts
from admin.door import StaffView, answer, at, done, may, staff
from admin.leads import own_lead
from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from core.text import group_thousands, row_number
from dealership.identity import identity
from dealership.roles import Permission
from integrators import answering
from integrators.answering import LONGEST_TEXT, Answer, NotAnswerable, Question
from leads.models import Lead
from leads.pipeline.clocks import schedule_for
from leads.stop_list import Channel, Purpose, Stopped, may_send, note_stopped
from leads.suggestions import Suggestion
from leads.words import source_label

SHOWN: Final = 3  # answers told about, the newest
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class AnswerRow:
    """An answer and how it fared: `when` it was written, or ended."""

    answer: Answer
    when: str


@dataclass(frozen=True)
class Talk:
    """What the screen of a lead shows of questions on portals. `text` is what the form begins
    with; `token` makes a second post of the same form the same answer."""

    question: Question | None
    service: str
    asked_when: str
    text: str
    token: str
    groups: Sequence[tuple[str, Sequence[Suggestion]]]
    rows: Sequence[AnswerRow]
    most: int = LONGEST_TEXT

    @property
    def most_words(self) -> str:
        return group_thousands(self.most)


def talk_of(lead: Lead, texts: LeadTexts, asked: Mapping[str, str]) -> Talk | None:
    """Questions of `lead` on portals and what was answered; None where there are neither. `asked`
    is the page's address, which names the ready text to begin with (`texto`), if one was chosen."""
    question, answers = _allowed_question(lead), answering.answers_of(lead.id)
    if question is None and not answers:
        return None
    groups = [(name, _sendable(group)) for name, group in texts.groups]
    groups = [(name, group) for name, group in groups if group]
    zone = _zone(lead)
    return Talk(
        question=question,
        service=source_label(question.source) if question else "",
        asked_when=_told(question.asked_at, zone) if question else "",
        text=_chosen(groups, asked) or _refused_text(question, answers),
        token=secrets.token_hex(16),
        groups=groups,
        rows=_rows(answers, zone),
    )


def _allowed_question(lead: Lead) -> Question | None:
    """The question that waits, unless the person wants no contact: then the page says so."""
    question = answering.open_question(lead)
    if question is None or not may_send(lead.person, Channel.ALL, Purpose.ANSWER).allowed:
        return None
    return question


def _sendable(group: Sequence[Suggestion]) -> list[Suggestion]:
    """Those without a subject, and with every fact in."""
    return [one for one in group if one.template.channel == "whatsapp" and one.filled.can_be_sent]


def _chosen(groups: Sequence[tuple[str, Sequence[Suggestion]]], asked: Mapping[str, str]) -> str:
    wanted = row_number(asked.get("texto", ""))
    texts = {one.template.id: one.filled.text for _name, group in groups for one in group}
    return texts.get(wanted, "") if wanted else ""


def _refused_text(question: Question | None, answers: Sequence[Answer]) -> str:
    """What was written and did not arrive: nobody types it twice."""
    tried = [one.text for one in answers if question and one.enquiry_id == question.enquiry_id]
    return tried[-1] if tried else ""


def _rows(answers: Sequence[Answer], zone: ZoneInfo) -> list[AnswerRow]:
    return [AnswerRow(one, _told(one.at, zone)) for one in reversed(answers[-SHOWN:])]


def _zone(lead: Lead) -> ZoneInfo:
    return schedule_for(lead.store_id).zone if identity().stores else DEFAULT_ZONE


def _told(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    time = str(format_datetime(local, "HH:mm", rebase=False))
    if local.date() == now().astimezone(zone).date():
        return _("at %(time)s", time=time)
    day = str(format_datetime(local, "dd/MM", rebase=False))
    return _("on %(day)s at %(time)s", day=day, time=time)


class DeskAnswer(StaffView):
    """The answer form of a lead's screen."""

    in_menu = False

    @at("/<int:lead_id>/resposta", Permission.WORK_LEADS)
    def state(self, lead_id: int) -> str:
        """How the answers fared: the part of the lead's page that changes by itself."""
        lead = own_lead(lead_id)
        rows = _rows(answering.answers_of(lead.id), _zone(lead))
        return str(self.render("admin/desk_answer_state.html", lead=lead, rows=rows))

    @at("/<int:lead_id>/responder", Permission.WORK_LEADS, methods=("POST",))
    def send(self, lead_id: int) -> Response | tuple[str, int]:
        """Send what was typed: 303 to the lead, or 422 with the form as it was typed. The same
        form again sends nothing more."""
        lead, here = own_lead(lead_id), f"{DESK}{lead_id}/"
        if lead.owner_id != staff().id and not may(Permission.MANAGE_STAFF, lead.store_id):
            abort(403)
        text, token = request.form.get("texto", ""), request.form.get("id", "")
        enquiry_id = row_number(request.form.get("pergunta", "")) or 0
        try:
            with writing():
                answering.answer(
                    lead.id,
                    text,
                    staff().email,
                    enquiry_id=enquiry_id,
                    token=token if _TOKEN.fullmatch(token) else "",
                )
        except Stopped as error:
            with writing():
                note_stopped(Channel.ALL, Purpose.ANSWER, error.verdict)
            return answer(error, here)
        except NotAnswerable as error:
            return self._refused(lead_id, text, error), 422
        done(_("Your answer is on its way. Once the portal takes it, it counts as your answer."))
        return redirect(f"{here}#m-responder", code=303)

    def _refused(self, lead_id: int, text: str, error: NotAnswerable) -> str:
        db.session.rollback()
        lead = own_lead(lead_id)
        question = _allowed_question(lead)
        talk = Talk(
            question=question,
            service=source_label(question.source) if question else "",
            asked_when=_told(question.asked_at, _zone(lead)) if question else "",
            text=text,
            token=secrets.token_hex(16),
            groups=(),
            rows=(),
        )
        return str(self.render("admin/desk_answer.html", lead=lead, talk=talk, problem=error))


def views() -> Sequence[StaffView]:
    """The view of this module."""
    return [DeskAnswer(name="Resposta", url="/admin/atendimento", endpoint="staff_desk_answer")]
