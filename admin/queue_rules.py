"""`/admin/regras/`: the rules of the lead queue, and who changed them when.

A change holds from now on and is a row of its own, so nothing that was judged by the rules of its
day is judged anew. Taking a change back sets the former rules once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import ValidationError
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, staff
from core.errors import DomainError
from dealership.roles import Permission
from leads.pipeline.rules import (
    DEFAULTS,
    QueueRules,
    QueueRulesRow,
    rules_at,
    rules_history,
    set_rules,
)
from leads.words import SPECIAL_RULES

HERE: Final = "/admin/regras/"
MANAGE: Final = Permission.MANAGE_STAFF
SHOWN: Final = 30  # rows of the history
# Field, words, what the second number says.
TARGETS: Final = {
    "urgent": _l("Calls and chats"),
    "priority": _l("Forms and portals"),
    "today": _l("Agreed for today"),
    "rescue": _l("Old leads that come back"),
    "reply": _l("Answers to us"),
    "handoff": _l("A seller accepts a lead"),
    "outcome": _l("What came of a visit"),
    "proposal": _l("After a proposal"),
    "overdue": _l("A next step past its date: red list, then supervisor"),
}
NUMBERS: Final = {
    "retry_minutes": _l("Minutes until the next try"),
    "follow_minutes": _l("Minutes until we look again at who was answered"),
    "turn_minutes": _l("Minutes that a turn in the line for a held car lasts"),
    "most_returns": _l("Times a lead comes back before a supervisor has it"),
    "reopen_days": _l("Days in which a closed lead is opened again"),
    "fair_days": _l("Days over which turns are counted"),
}
MODES: Final = {
    "pull": _l("Whoever is free takes the next one"),
    "push": _l("The next one is handed out in turn"),
}
_LIMITS: Final = {"most_returns": 20, "reopen_days": 730, "fair_days": 90}
_MOST: Final = 100_000


class BadRules(DomainError):
    """Rules that make no sense, in words."""


@dataclass(frozen=True)
class Version:
    """One row of the history: what it changed, as (what, before, after)."""

    row: QueueRulesRow
    changes: Sequence[tuple[str, str, str]]
    is_now: bool


class Rules(StaffView):
    """The rules of the queue."""

    icon = "scales"

    @at("/", MANAGE)
    def index(self) -> str:
        """The rules that hold, and every change."""
        return self._page(_typed_of(rules_at()))

    @at("/", MANAGE, methods=("POST",))
    def save(self) -> Response | tuple[str, int]:
        """Let what was typed hold from now on."""
        _everywhere()
        typed = {name: request.form.get(name, "").strip() for name in _typed_of(DEFAULTS)}
        try:
            wanted = _read(typed)
        except BadRules as refusal:
            return self._page(typed, str(refusal)), 422
        if wanted == rules_at().model_dump():
            done(_("Nothing was changed."))
            return redirect(HERE, code=303)
        _set(wanted)
        done(_("Saved. The new rules hold from now on."))
        return redirect(HERE, code=303)

    @at("/desfazer", MANAGE, methods=("POST",))
    def undo(self) -> Response:
        """Set what held before the newest change, unless somebody changed the rules since."""
        _everywhere()
        history = rules_history()
        if not history or str(history[0].id) != request.form.get("mudanca", ""):
            return answer(BadRules(_("The rules were changed again meanwhile. Look first.")), HERE)
        former = QueueRules.model_validate(history[1].rules) if len(history) > 1 else DEFAULTS
        _set(former.model_dump())
        done(_("The former rules hold again."))
        return redirect(HERE, code=303)

    def _page(self, typed: Mapping[str, str], problem: str = "") -> str:
        history = rules_history()
        return str(
            self.render(
                "admin/queue_rules.html",
                typed=typed,
                problem=problem,
                targets=TARGETS,
                numbers=NUMBERS,
                modes=MODES,
                limits=_LIMITS,
                most=_MOST,
                may_change=staff().store_ids is None,
                versions=_versions(history),
            )
        )


def _everywhere() -> None:
    """The queue has one set of rules: people of some stores only look at it."""
    found(True if staff().store_ids is None else None)


def _set(wanted: Mapping[str, Any]) -> None:
    with changing("queue.rules", label=_("Rules of the queue")) as change:
        change.before = _flat(rules_at())
        change.after = _flat(set_rules(wanted, by=staff().email))


def _read(typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as rules. Raises BadRules in words."""
    wanted: dict[str, Any] = rules_at().model_dump()
    wanted["mode"] = typed["mode"]
    if typed["mode"] not in MODES:
        raise BadRules(_("Choose how leads are given out."))
    for name, words in TARGETS.items():
        minutes, late = (_number(typed[f"{name}_{part}"], str(words)) for part in ("due", "late"))
        if late < minutes:
            raise BadRules(_("%(what)s: late must not come before the target.", what=words))
        wanted[name] = {"minutes": minutes, "late": late}
    for name, words in NUMBERS.items():
        wanted[name] = _number(typed[name], str(words), _LIMITS.get(name, _MOST))
    try:
        return QueueRules.model_validate(wanted).model_dump()
    except ValidationError as error:  # a limit of the rules that this form does not know
        raise BadRules(_("These rules make no sense together.")) from error


def _number(text: str, words: str, most: int = _MOST) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most):
        raise BadRules(_("%(what)s: a whole number from 1 to %(most)s.", what=words, most=most))
    return int(text)


def _typed_of(rules: QueueRules) -> dict[str, str]:
    """The fields of the form for these rules."""
    typed: dict[str, str] = {"mode": rules.mode}
    for name in TARGETS:
        target = getattr(rules, name)
        typed |= {f"{name}_due": str(target.minutes), f"{name}_late": str(target.late)}
    return typed | {name: str(getattr(rules, name)) for name in NUMBERS}


def _flat(rules: QueueRules) -> dict[str, str]:
    return _typed_of(rules)


def _versions(history: Sequence[QueueRulesRow]) -> list[Version]:
    shown: list[Version] = []
    for place, row in enumerate(history[:SHOWN]):
        after = QueueRules.model_validate(row.rules)
        before = (
            QueueRules.model_validate(history[place + 1].rules)
            if place + 1 < len(history)
            else DEFAULTS
        )
        shown.append(Version(row, _changes(before, after), place == 0))
    return shown


def _changes(before: QueueRules, after: QueueRules) -> list[tuple[str, str, str]]:
    old, new = _typed_of(before), _typed_of(after)
    changes = [
        (_words(name), _value(name, old[name]), _value(name, new[name]))
        for name in new
        if old[name] != new[name]
    ]
    if before.special != after.special:
        changes.append((_("Special rules"), _kinds(before), _kinds(after)))
    return changes


def _kinds(rules: QueueRules) -> str:
    words = (str(SPECIAL_RULES[one.kind]) for one in rules.special)
    return ", ".join(words) or _("none")


def _words(name: str) -> str:
    if name == "mode":
        return _("How leads are given out")
    if name in NUMBERS:
        return str(NUMBERS[name])
    target, _sep, part = name.rpartition("_")
    if part == "late":
        return _("%(what)s, late after", what=TARGETS[target])
    return _("%(what)s, target", what=TARGETS[target])


def _value(name: str, text: str) -> str:
    return str(MODES[text]) if name == "mode" else text


def views() -> Sequence[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Rules(name=_l("Queue rules"), category=groups.LEADS, url="/admin/regras",
              endpoint="staff_rules")
    ]  # fmt: skip
