"""The demo's supervision: four weeks of drawn conversations, most of them judged, a newcomer with a
goal that grows, a special rule."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from core.clock import today
from core.db import db, writing
from dealership.roster import set_work, work_of
from dealership.staff import StaffMember, find_staff
from leads.pipeline.goals import Aim, Goal, Measure, Scope, set_goal
from leads.pipeline.quality import (
    QualitySample,
    answer_back,
    draw,
    judge,
    quality_rules,
    samples,
    week_of,
)
from leads.pipeline.rules import rules_at, set_rules

BY: Final = "gerente@demo.example"
OWNER: Final = "dona@demo.example"
NEWCOMER: Final = "atendente3@demo.example"
SELLER: Final = "vendedor@demo.example"
WEEKS: Final = 4
LEFT: Final = 5  # that nobody has judged yet
STARTED: Final = timedelta(days=24)  # ago
# What each does well: chances of yes by question, the rest is partly or no.
USUAL: Final = {"named": 0.8, "car": 0.85, "answered": 0.75, "next_step": 0.7, "tone": 0.9}
WEAK: Final = {NEWCOMER: "next_step", "atendente2@demo.example": "named"}
COMMENTS: Final = (
    "Respondeu rápido e foi direto ao ponto. Da próxima vez, já ofereça um horário de visita.",
    "Boa conversa. Faltou confirmar o valor da troca antes de falar da parcela.",
    "Chamou pelo nome e lembrou do carro certo. É assim.",
    "A pessoa perguntou do IPVA e ficou sem resposta. Vale retomar.",
    "Encerrou sem combinar nada. Um “posso ligar amanhã às dez?” teria bastado.",
)
REPLY: Final = "O cliente pediu para falar só depois do dia dez; anotei no lead."


def fill_quality(seed: int = 1) -> None:
    """Draw and judge, unless that was done. A door of its own: call it outside `writing()`, after
    the desk is filled."""
    with writing():
        if db.session.scalar(sa.select(QualitySample.id).limit(1)) is not None:
            return
        judges = [one for email in (BY, OWNER) if (one := find_staff(email)) is not None]
        if len(judges) < 2:
            return
        for back in range(WEEKS, 0, -1):
            draw(week_of(today()) - timedelta(weeks=back))
        _judge(random.Random(seed), judges)
        _welcome()
        seller = find_staff(SELLER)
        if seller is not None and not rules_at().special:
            set_rules({"special": [{"kind": "fleet", "people": [seller.id]}]}, by=OWNER)


def _judge(rng: random.Random, judges: list[StaffMember]) -> None:
    """All but the newest, each by somebody whose work it was not."""
    drawn = list(db.session.scalars(samples(None)))
    people = {one.id: one for one in db.session.scalars(sa.select(StaffMember)).unique()}
    codes = [one.code for one in quality_rules().criteria]
    for number, sample in enumerate(reversed(drawn[LEFT:])):
        who = people[sample.staff_id]
        by = next(one for one in judges if one.id != who.id)
        points: dict[str, int | None] = {
            code: _points(rng, 0.2 if WEAK.get(who.email) == code else USUAL[code])
            for code in codes
        }
        comment = COMMENTS[number % len(COMMENTS)]
        judge(sample, points, comment, by=by, is_example=number % 9 == 2)
        if number == 1:
            answer_back(sample, REPLY, by=who)


def _points(rng: random.Random, chance: float) -> int:
    return 2 if rng.random() < chance else rng.choice((0, 1))


def _welcome() -> None:
    """Somebody who began lately, and is asked for more each month."""
    who = find_staff(NEWCOMER)
    if who is None:
        return
    facts = work_of(who)
    set_work(who, replace(facts, started_on=today() - STARTED))
    day = today()
    first = day.replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    own = sa.select(Goal.id).where(Goal.staff_id == who.id)
    if db.session.scalar(own.limit(1)) is None:
        aim = Aim(Measure.VISITS, 10, first, last, Scope.PERSON, staff_id=who.id, ramp=(50, 75))
        set_goal(aim, by=BY)
