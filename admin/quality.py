"""`/admin/qualidade/`: the week's sample of conversations, judged on a card; whom to help how.

Supervisors judge. Whose work it was reads the judgement and may answer it; nobody judges their own
work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import abort, request
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.desk.desk import DESK
from admin.door import StaffView, answer, at, changing, done, found, may, staff
from admin.lead_page import page_of
from admin.leads import lead_title, note_view
from core.clock import today
from core.db import db
from core.errors import DomainError
from core.text import clean_line, row_number
from dealership.roles import Permission
from dealership.staff import StaffMember
from leads.pipeline import quality as noun
from leads.pipeline.quality import (
    MOST_CRITERIA,
    QUESTIONS,
    WEEKS_BACK,
    Criterion,
    QualityRefused,
    QualityRules,
    QualitySample,
    Weakness,
    quality_rules,
    set_quality_rules,
    week_of,
)
from leads.pipeline.stages import Stage
from leads.words import state_label

HERE: Final = "/admin/qualidade/"
SEE: Final = Permission.WORK_LEADS
JUDGE: Final = Permission.SUPERVISE_LEADS
SHOWN: Final = 60  # rows of a list
NEW_ROWS: Final = 2  # empty questions at the end of the card's form
KINDS: Final = {noun.LOST: _l("Lost"), noun.TALK: _l("Conversation")}
ANSWERS: Final[Mapping[str, tuple[Any, int | None]]] = {
    "2": (_l("yes"), 2),
    "1": (_l("partly"), 1),
    "0": (_l("no"), 0),
    "": (_l("does not apply"), None),
}


@dataclass(frozen=True)
class Row:
    """One drawn lead in a list."""

    sample: QualitySample
    kind: str
    person: str
    week: str


@dataclass(frozen=True)
class Help:
    """One line of the coaching list."""

    weakness: Weakness
    person: str


class Quality(StaffView):
    """Samples, judgements, the card."""

    icon = "quote"

    @at("/", SEE)
    def index(self) -> str:
        """What is to be judged and whom to help; for whoever judges nobody, their own."""
        me, names = staff(), _names()
        first = week_of(today()) - timedelta(weeks=WEEKS_BACK)
        ids = me.store_ids if may(JUDGE) else None
        judged = noun.judged_since(first, ids)
        own = [one for one in judged if one.staff_id == me.id]
        open_ones = noun.samples(ids).where(QualitySample.total.is_(None))
        waiting = db.session.scalars(
            open_ones.where(QualitySample.staff_id != me.id).limit(SHOWN)
        ).all()
        examples = [one for one in judged if one.is_example]
        if not may(JUDGE):
            examples = [one for one in examples if me.serves(one.lead.store_id)]
        averages = noun.averages(judged)
        return str(
            self.render(
                "admin/quality.html",
                may_judge=may(JUDGE),
                may_set=may(JUDGE) and me.store_ids is None,
                waiting=[_row(one, names) for one in waiting] if may(JUDGE) else [],
                replied=[_row(one, names) for one in judged if may(JUDGE) and _has_answer(one)][
                    :SHOWN
                ],
                own=[_row(one, names) for one in own][:SHOWN],
                own_average=averages.get(me.id),
                team=sorted(
                    ((names[who], *numbers) for who, numbers in averages.items() if who in names),
                    key=lambda row: (-row[1], row[0]),
                )
                if may(JUDGE)
                else [],
                coaching=[
                    Help(one, names[one.staff_id])
                    for one in noun.weaknesses(judged if may(JUDGE) else own)
                    if one.staff_id in names
                ],
                examples=[_row(one, names) for one in examples][:5],
                weeks=WEEKS_BACK,
                rules=quality_rules(),
            )
        )

    @at("/<int:sample_id>/", SEE)
    def show(self, sample_id: int) -> str:
        """One conversation with its card. Reading it is noted, as with every lead."""
        note_view(_own(sample_id).lead_id)
        return self._page(_own(sample_id))

    @at("/<int:sample_id>/avaliar", JUDGE, methods=("POST",))
    def judge(self, sample_id: int) -> Response | tuple[str, int]:
        """Judge it, or judge it anew."""
        sample = _own(sample_id)
        try:
            points = _points(quality_rules())
            with changing(
                "quality.judge", f"sample:{sample_id}", store_id=_store(sample)
            ) as change:
                sample = _own(sample_id)
                change.label = lead_title(sample.lead)
                change.before = {"total": sample.total}
                noun.judge(
                    sample,
                    points,
                    request.form.get("comentario", ""),
                    by=staff(),
                    is_example="exemplo" in request.form,
                )
                change.after = {"total": sample.total}
        except QualityRefused as refusal:
            return self._page(_own(sample_id), str(refusal), request.form), 422
        done(_("Judged: %(percent)s%%.", percent=sample.total))
        return redirect(HERE, code=303)

    @at("/<int:sample_id>/responder", SEE, methods=("POST",))
    def reply(self, sample_id: int) -> Response:
        """What whose work it was says to it."""
        sample = _own(sample_id)
        here = f"{HERE}{sample_id}/"
        try:
            with changing("quality.reply", f"sample:{sample_id}", store_id=_store(sample)):
                noun.answer_back(_own(sample_id), request.form.get("texto", ""), by=staff())
        except QualityRefused as refusal:
            return answer(refusal, here)
        done(_("Your answer stands beside the judgement."))
        return redirect(here, code=303)

    @at("/<int:sample_id>/reabrir", JUDGE, methods=("POST",))
    def reopen(self, sample_id: int) -> Response:
        """It was given up too soon: back into the queue."""
        sample = _own(sample_id)
        try:
            with changing("quality.reopen", f"lead:{sample.lead_id}", store_id=_store(sample)):
                event = noun.reopen(_own(sample_id), by=staff().email)
                undo = f"{DESK}{event.lead_id}/desfazer/{event.id}"
        except DomainError as refusal:
            return answer(refusal, f"{HERE}{sample_id}/")
        done(_("The lead waits in the queue again."), undo=undo)
        return redirect(f"{HERE}{sample_id}/", code=303)

    @at("/ficha", JUDGE)
    def card(self) -> str:
        """The questions, their weights, how many are drawn."""
        return self._card(_typed_of(quality_rules()))

    @at("/ficha", JUDGE, methods=("POST",))
    def save_card(self) -> Response | tuple[str, int]:
        """Let another card hold from now on."""
        found(True if staff().store_ids is None else None)
        try:
            wanted = _read_card()
            with changing("quality.card", label=_("Score card")) as change:
                change.before = _flat(quality_rules())
                change.after = _flat(set_quality_rules(*wanted, by=staff().email))
        except QualityRefused as refusal:
            return self._card(_typed(), str(refusal)), 422
        done(_("Saved. It holds for what is judged from now on."))
        return redirect(f"{HERE}ficha", code=303)

    def _card(self, typed: Mapping[str, Any], problem: str = "") -> str:
        return str(
            self.render(
                "admin/quality_card.html",
                typed=typed,
                problem=problem,
                may_set=staff().store_ids is None,
                most=MOST_CRITERIA,
            )
        )

    def _page(
        self, sample: QualitySample, problem: str = "", typed: Mapping[str, str] | None = None
    ) -> str:
        names = _names()
        is_own = sample.staff_id == staff().id
        page = page_of(sample.lead)
        return str(
            self.render(
                "admin/quality_one.html",
                title=lead_title(sample.lead),
                row=_row(sample, names),
                page=page,
                stage=state_label(sample.lead.state),
                problem=problem,
                typed=typed if typed is not None else _given(sample),
                card=quality_rules().criteria,
                scores=[(_question(one), one) for one in sample.scores],
                answers={key: words for key, (words, _worth) in ANSWERS.items()},
                judge_name=_judge_name(sample),
                is_own=is_own,
                may_judge=may(JUDGE) and not is_own,
                may_reopen=may(JUDGE) and sample.lead.state == Stage.LOST,
            )
        )


# --- who sees what -------------------------------------------------------------------------------


def _own(sample_id: int) -> QualitySample:
    """A sample that whoever asks may read: of their stores for supervisors, their own or a good
    example for everybody else. 404 for others, and for a lead that dropped out."""
    me = staff()
    sample = db.session.scalars(
        noun.samples(None).where(QualitySample.id == sample_id)
    ).one_or_none()
    if sample is None or not me.serves(sample.lead.store_id):
        abort(404)
    is_shown = sample.staff_id == me.id and sample.scored_at is not None
    if not (may(JUDGE) or is_shown or sample.is_example):
        abort(404)
    return sample


def _has_answer(sample: QualitySample) -> bool:
    """Whether the judgement was answered and not judged anew since."""
    return bool(sample.replied_at and sample.scored_at and sample.replied_at > sample.scored_at)


def _store(sample: QualitySample) -> int | None:
    return sample.lead.store_id


def _names() -> dict[int, str]:
    people = db.session.scalars(sa.select(StaffMember).order_by(StaffMember.id)).unique()
    return {one.id: one.shown_name for one in people}


def _judge_name(sample: QualitySample) -> str:
    if not sample.scored_by:
        return ""
    person = db.session.scalars(
        sa.select(StaffMember).where(StaffMember.email == sample.scored_by)
    ).first()
    return person.shown_name if person else sample.scored_by


# --- words ---------------------------------------------------------------------------------------


def _row(sample: QualitySample, names: Mapping[int, str]) -> Row:
    return Row(
        sample=sample,
        kind=str(KINDS.get(sample.kind, sample.kind)),
        person=names.get(sample.staff_id, ""),
        week=week_words(sample.week),
    )


def week_words(monday: date) -> str:
    """ "16/11 – 22/11"."""
    return f"{format_date(monday, 'dd/MM')} – {format_date(monday + timedelta(days=6), 'dd/MM')}"


def _question(score: Mapping[str, Any]) -> str:
    return Criterion(code=score["code"], words=score.get("words", "")).question


def _given(sample: QualitySample) -> dict[str, str]:
    """The form as it was judged."""
    points = {
        f"p_{one['code']}": "" if one["points"] is None else str(one["points"])
        for one in sample.scores
    }
    example = {"exemplo": "1"} if sample.is_example else {}
    return {**points, "comentario": sample.comment, **example}


def _points(rules: QualityRules) -> dict[str, int | None]:
    """What was chosen for each question. Raises QualityRefused for what nobody offers."""
    points: dict[str, int | None] = {}
    for one in rules.criteria:
        chosen = request.form.get(f"p_{one.code}", "")
        if chosen not in ANSWERS:
            raise QualityRefused(_("Choose from the list."))
        points[one.code] = ANSWERS[chosen][1]
    return points


# --- the card's form -----------------------------------------------------------------------------


def _typed_of(rules: QualityRules) -> dict[str, Any]:
    rows = [(one.code, one.question, str(one.weight)) for one in rules.criteria]
    rows += [("", "", "")] * min(NEW_ROWS, MOST_CRITERIA - len(rows))
    return {
        "perdidos": str(rules.lost_percent), "conversas": str(rules.talks_each), "rows": rows
    }  # fmt: skip


def _typed() -> dict[str, Any]:
    """The form as it was sent."""
    columns = [
        [clean_line(one, 80) for one in request.form.getlist(name)[: MOST_CRITERIA + NEW_ROWS]]
        for name in ("codigo", "pergunta", "peso")
    ]
    return {
        "perdidos": request.form.get("perdidos", ""),
        "conversas": request.form.get("conversas", ""),
        "rows": list(zip(*columns, strict=False)),
    }


def _read_card() -> tuple[int, int, list[Criterion]]:
    """(percent of lost leads, conversations each, questions). A question without words goes."""
    typed = _typed()
    numbers = [row_number(typed[name].strip()) for name in ("perdidos", "conversas")]
    numbers = [
        0 if typed[name].strip() == "0" else number
        for name, number in zip(("perdidos", "conversas"), numbers, strict=True)
    ]
    if None in numbers:
        raise QualityRefused(_("Type whole numbers."))
    criteria: list[Criterion] = []
    for code, words, weight in typed["rows"]:
        if not words:
            continue
        number = row_number(weight.strip()) if weight.strip() else 1
        if number is None or not 1 <= number <= 10:
            raise QualityRefused(_("A weight is a number from 1 to 10."))
        known = {one.code: one for one in quality_rules().criteria}
        if not (code in known and known[code].question == words):
            code = noun.new_code(words, [one.code for one in criteria])  # noqa: PLW2901
        own = "" if code in QUESTIONS and str(QUESTIONS[code]) == words else words
        criteria.append(Criterion(code=code, words=own, weight=number))
    return numbers[0] or 0, numbers[1] or 0, criteria


def _flat(rules: QualityRules) -> dict[str, Any]:
    questions = "; ".join(f"{one.question} ({one.weight})" for one in rules.criteria)
    return {
        "lost_percent": rules.lost_percent, "talks_each": rules.talks_each, "questions": questions
    }  # fmt: skip


def views() -> Sequence[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Quality(name=_l("Quality"), category=groups.LEADS, url="/admin/qualidade",
                endpoint="staff_quality")
    ]  # fmt: skip
