"""The demo's goals and commissions: two goals that run, one set of rules, last month closed."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa

from core.clock import today
from core.db import db, writing
from leads.pipeline.commission_months import CommissionRule, add_rule, close_month, month_after
from leads.pipeline.commissions import Rule
from leads.pipeline.goals import Aim, Goal, Measure, Scope, read_feats, set_goal

BY: Final = "gerente@demo.example"
ANSWERED_PERCENT: Final = 80
FEWEST_VISITS: Final = 12
MONTHS_BACK: Final = 3  # the rules hold since
RULES: Final = (
    Rule(0, "Visita agendada", "visited", date.min, fixed_cents=40_00, needs_contact=True),
    Rule(0, "Passagem aceita", "handoff_accepted", date.min, tiers=((1, 15_00), (11, 25_00))),
    Rule(0, "Venda", "won", date.min, basis_points=50, attendant_percent=40, cap_cents=2_500_00),
)


def set_goals() -> None:
    """Goals and rules from what there is, and close the month that is over; unless that was done. A
    door of its own: call it outside `writing()`."""
    day = today()
    month = day.strftime("%Y-%m")
    with writing():
        if db.session.scalar(sa.select(Goal.id).limit(1)) is None:
            _set_goals(day)
        if db.session.scalar(sa.select(CommissionRule.id).limit(1)) is None:
            since = date.fromisoformat(f"{month_after(month, -MONTHS_BACK)}-01")
            for rule in RULES:
                add_rule(replace(rule, valid_from=since), by=BY)
            close_month(month_after(month, -1), by=BY)


def _set_goals(day: date) -> None:
    """This month's: most answers on time, and somewhat more visits than the month before."""
    first = day.replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    before = first - timedelta(days=1)
    seen = [
        one for one in read_feats(before.replace(day=1), before) if one.measure is Measure.VISITS
    ]
    visits = max(FEWEST_VISITS, len(seen) * 11 // 10)
    set_goal(Aim(Measure.VISITS, visits, first, last), by=BY)
    team = Aim(Measure.ANSWERED, ANSWERED_PERCENT, first, last, scope=Scope.TEAM, role="attendant")
    set_goal(team, by=BY)
