"""`/admin/cliente-oculto/`: our own leads through our own doors. Whether each door works, how long
it takes, and how people answer.

Doors belong to the whole house, so this is for who answers for all of it.
"""

from typing import Any, Final

from flask import Response, make_response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from admin import groups, shopper_rows
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.shopper_doors import Door, doors
from admin.shopper_rows import CHECK_WORDS, STATE_WORDS, took
from admin.shopper_running import add_round
from core.clock import now
from core.db import db
from core.errors import DomainError
from dealership.roles import Permission
from leads import shopper
from leads.shopper import CHECKS, ShopperRound
from leads.shopper_plan import EVERY_MINUTES, MOST_A_WEEK, PlanRefused, facts_of, plan, set_plan

HERE: Final = "/admin/cliente-oculto/"
_P: Final = Permission.SUPERVISE_LEADS
_LOOK_AGAIN: Final = "3"  # seconds
EVERY: Final = {
    30: _l("every half hour"),
    60: _l("every hour"),
    120: _l("every 2 hours"),
    240: _l("every 4 hours"),
}
_HOURS: Final = range(25)


class Shopper(StaffView):
    """The mystery shopper."""

    icon = "eye"

    def is_visible(self) -> bool:
        """Not for people of some stores."""
        return super().is_visible() and staff().store_ids is None

    @at("/", _P)
    def index(self) -> Response:
        """Every door with how it does, people's answers, the plan and the newest rounds."""
        _everywhere()
        return self._page(facts_of(plan()))

    @at("/", _P, methods=("POST",))
    def save(self) -> AnyResponse:
        """Let the plan that was typed hold."""
        _everywhere()
        typed = _typed()
        try:
            with changing("shopper.plan", label=_("Mystery shopper")) as change:
                change.before = _told(facts_of(plan()))
                change.after = _told(facts_of(set_plan(**_read(typed))))
        except DomainError as error:
            return self._page(typed, str(error), status=422)
        done(_("Saved. It holds from now on."))
        return redirect(f"{HERE}#plano", code=303)

    @at("/testar", _P, methods=("POST",))
    def send(self) -> AnyResponse:
        """Try one door now, or all of them; a second tap in the same minute is the same try."""
        _everywhere()
        key = request.form.get("porta", "")
        chosen = [one for one in doors() if not one.why_not and key in {"", one.key}]
        if not chosen:
            return answer(PlanRefused(_("This door is not there any more.")), HERE)
        slot = f"now:{now():%Y-%m-%dT%H:%M}"
        with changing("shopper.send", label=_names(chosen)):
            for one in chosen:
                add_round(one, slot)
        done(
            ngettext(
                "The test lead is on its way.", "%(num)s test leads are on their way.", len(chosen)
            )
        )
        return redirect(HERE, code=303)

    @at("/<int:round_id>/conferir", _P, methods=("POST",))
    def check(self, round_id: int) -> AnyResponse:
        """Keep how an answer was judged."""
        _everywhere()
        row: ShopperRound = found(db.session.get(ShopperRound, round_id))
        found(row if row.state == shopper.ANSWERED else None)
        given = {name: request.form.get(name, "") for name in CHECKS}
        if any(value not in {"sim", "nao"} for value in given.values()):
            refusal = PlanRefused(_("Say yes or no to each question."))
            return answer(refusal, f"{HERE}#r-{round_id}")
        with changing("shopper.check", f"shopper:{round_id}") as change:
            row = db.session.get_one(ShopperRound, round_id, with_for_update=True)
            change.before = dict(row.answers)
            row.answers = {name: value == "sim" for name, value in given.items()}
            row.checked_by = staff().email
            change.after = dict(row.answers)
        done(_("The check was kept."))
        return redirect(f"{HERE}#r-{round_id}", code=303)

    def _page(self, typed: dict[str, Any], problem: str = "", status: int = 200) -> Response:
        there = doors()
        rows = shopper_rows.door_rows(there)
        names = {one.key: one.name for one in there}
        page = self.render(
            "admin/shopper.html",
            rows=rows,
            running=shopper_rows.is_running(rows),
            people=shopper_rows.answered_rounds(),
            history=shopper_rows.history(),
            names=names,
            state_words=STATE_WORDS,
            check_words=CHECK_WORDS,
            took=took,
            typed=typed,
            problem=problem,
            every={minutes: EVERY[minutes] for minutes in EVERY_MINUTES},
            hours=_HOURS,
            most_a_week=MOST_A_WEEK,
        )
        response = make_response(page, status)
        if status == 200 and shopper_rows.is_running(rows):
            response.headers["Refresh"] = _LOOK_AGAIN  # works without a script, and ends by itself
        return response


def _everywhere() -> None:
    found(True if staff().store_ids is None else None)


def _names(chosen: list[Door]) -> str:
    return chosen[0].name if len(chosen) == 1 else str(_("All doors"))


def _typed() -> dict[str, Any]:
    """The form's fields, under the plan's names."""
    form = request.form
    return {
        "is_on": form.get("ligado") == "1",
        "starts": form.get("das", "").strip(),
        "ends": form.get("ate", "").strip(),
        "every_minutes": form.get("cada", "").strip(),
        "is_human": form.get("pessoas") == "1",
        "human_a_week": form.get("por-semana", "").strip(),
        "phone": form.get("telefone", "").strip()[:40],
        "email": form.get("email", "").strip()[:254],
    }


def _read(typed: dict[str, Any]) -> dict[str, Any]:
    """The same with its numbers read. Raises PlanRefused."""
    numbers = {}
    for name in ("starts", "ends", "every_minutes", "human_a_week"):
        text = typed[name]
        if not (text.isascii() and text.isdigit() and len(text) < 4):
            raise PlanRefused(_("Choose hours and numbers from the lists."))
        numbers[name] = int(text)
    return {**typed, **numbers}


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """What the audit log keeps: that somebody gets the answers, not who."""
    return {
        **{name: value for name, value in facts.items() if name not in {"phone", "email"}},
        "told": bool(facts["phone"] or facts["email"]),
    }


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Shopper(name=_l("Mystery shopper"), category=groups.PORTALS, url="/admin/cliente-oculto",
                endpoint="staff_shopper")
    ]  # fmt: skip
