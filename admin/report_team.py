"""The report of the queue's work, for supervisors: losses, ageing, fairness, handoffs, returns."""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from admin.charts import row_chart
from admin.report_sections import HEAT_STEPS, MOST_BARS, Asked, Section, percent_words, share_words
from core.db import db
from core.text import group_thousands
from dealership.staff import StaffMember
from leads.pipeline import team_figures as noun
from leads.pipeline.stages import Stage
from leads.pipeline.team_figures import AGES_DAYS, of_kind
from leads.words import LOSS_REASONS, REASONS, URGENCIES, state_label

FEWEST: Final = 20  # turns of one class before their spread says anything


def team(asked: Asked) -> list[Section]:
    """Six sections, each one statement but for the last."""
    moves = noun.moves(asked.window)
    return [
        _losses(asked),
        _ageing(asked),
        _fairness(asked),
        _visits(asked, moves),
        _returns(moves),
        _privacy(asked),
    ]


def _losses(asked: Asked) -> Section:
    """Pareto: which few reasons make most of the losses."""
    found = noun.losses(asked.window)
    whole, reached, rows = sum(count for _code, count in found), 0, []
    for code, count in found:
        reached += count
        words = str(LOSS_REASONS.get(code, code) or _("No reason"))
        rows.append((words, count, percent_words(count, whole), percent_words(reached, whole)))
    return Section(
        "perdas", _("Why leads are lost"),
        head=[_("Reason"), _("Leads"), _("Of all"), _("Together")],
        rows=rows,
        chart=row_chart(_("Why leads are lost"), [(row[0], row[1]) for row in rows[:MOST_BARS]]),
        empty="" if found else _("No lead was lost in this time."),
    )  # fmt: skip


def _ageing(asked: Asked) -> Section:
    """Open leads now, by stage and days since they began."""
    found = noun.ageing(asked.window.store_ids)
    heads = [_("up to %(n)s d", n=days) for days in AGES_DAYS] + [_("older")]
    rows = [
        (state_label(stage), *found[stage], sum(found[stage])) for stage in Stage if stage in found
    ]
    most = max((max(found[stage]) for stage in found), default=0)
    return Section(
        "idade", _("Open leads by stage and age"),
        head=[_("Stage"), *heads, _("All")],
        rows=rows,
        heat=[_steps(found[stage], most) for stage in Stage if stage in found],
        empty="" if rows else _("No open lead."),
        note=_("As of now, by days since the lead began."),
    )  # fmt: skip


def _steps(counts: Sequence[int], most: int) -> list[int]:
    """How dark each cell is; the sum at the end stays light."""
    return [*(-(-HEAT_STEPS * count // most) if most else 0 for count in counts), 0]


def _fairness(asked: Asked) -> Section:
    """Who got which share of each class."""
    found, people = noun.shares(asked.window), _people()
    rows = []
    for one in found:
        whole = sum(one.counts.values())
        label = str(URGENCIES.get(one.urgency, one.urgency))
        for who, count in sorted(one.counts.items(), key=lambda pair: (-pair[1], pair[0])):
            name = people.get(who, _("Somebody who left"))
            rows.append((f"{label}: {name}", count, percent_words(count, whole)))
        if whole >= FEWEST:
            words = _("Gini %(gini)s", gini=f"{one.gini:.2f}".replace(".", ","))
            gap = _("gap %(gap)s", gap=share_words(one.gap))
            rows.append((f"{label}: {words}", whole, gap))
    return Section(
        "rodizio", _("Who gets how many"),
        head=[_("Class and person"), _("Leads"), _("Share of the class")],
        rows=rows,
        is_open=True,
        empty="" if rows else _("Nobody got a lead in this time."),
        note=_("Gap: the largest share less the smallest. Gini: 0 when all have the same, 1 when "
               "one has all. Who works fewer hours rightly gets fewer."),
    )  # fmt: skip


def _visits(asked: Asked, moves: Mapping[tuple[str, str], int]) -> Section:
    """Handoffs and visits."""
    offered, accepted = of_kind(moves, "handoff_offered"), of_kind(moves, "handoff_accepted")
    came, missed = of_kind(moves, "visited"), of_kind(moves, "no_show")
    saved = noun.rescued(asked.window)
    rows = [
        (_("Offered to sellers"), offered, ""),
        (_("Accepted"), accepted, percent_words(accepted, offered)),
        (_("Refused"), (n := of_kind(moves, "handoff_refused")), percent_words(n, offered)),
        (_("Not answered in time"), (n := of_kind(moves, "handoff_expired")),
         percent_words(n, offered)),
        (_("Given back by the seller"), (n := of_kind(moves, "given_back")),
         percent_words(n, accepted)),
        (_("Visits booked"), of_kind(moves, "booked"), ""),
        (_("Came"), came, percent_words(came, came + missed)),
        (_("Did not come"), missed, percent_words(missed, came + missed)),
        (_("Of these, booked again or came later"), saved, percent_words(saved, missed)),
    ]  # fmt: skip
    return Section(
        "passagens", _("Handoffs and visits"),
        head=[_("What"), _("Number"), _("Part")],
        rows=rows,
        is_open=True,
        empty="" if any(row[1] for row in rows) else _("No handoff and no visit in this time."),
    )  # fmt: skip


def _returns(moves: Mapping[tuple[str, str], int]) -> Section:
    """What comes back, is taken over or called late, by reason."""
    kinds = {
        "returned": _("Back into the queue"),
        "taken_over": _("Given to somebody else"),
        "escalated": _("Passed to the supervisors"),
        "handoff_refused": _("Refused by the seller"),
        "given_back": _("Given back by the seller"),
        "reopened": _("Opened again"),
    }
    taken = of_kind(moves, "claimed") + of_kind(moves, "assigned")
    rows = [
        (f"{words}: {REASONS.get(reason, reason or '–')}", count,
         percent_words(count, taken))
        for kind, words in kinds.items()
        for (name, reason), count in sorted(moves.items(), key=lambda pair: (-pair[1], pair[0]))
        if name == kind
    ]  # fmt: skip
    return Section(
        "devolucoes", _("What comes back"),
        head=[_("What and why"), _("Number"), _("Of leads taken")],
        rows=rows,
        is_open=True,
        empty="" if rows else _("Nothing came back in this time."),
        numbers=[(group_thousands(taken), _("leads taken"))] if rows else [],
    )  # fmt: skip


def _privacy(asked: Asked) -> Section:
    found = noun.privacy(asked.window)
    return Section(
        "privacidade", _("Privacy"),
        head=[_("What"), _("Number")],
        rows=[
            (_("Consents given"), found.consents_given),
            (_("Consents withdrawn"), found.consents_withdrawn),
            (_("People who want no contact"), found.stops),
            (_("Mails held back for it"), found.mails_stopped),
            (_("Requests about data that wait now"), found.requests_open),
        ],
        is_open=True,
        note=_("Of the whole house: people belong to no store."),
    )  # fmt: skip


def _people() -> dict[int, str]:
    people = db.session.scalars(sa.select(StaffMember)).unique()
    return {one.id: one.shown_name for one in people}
