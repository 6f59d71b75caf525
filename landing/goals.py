"""What a landing page is for: exactly one thing.

DomainError
└── NotPublishable    a page that may not go live, with every reason
"""

from collections.abc import Iterable
from typing import Any, Final

from flask_babel import gettext as _

from content.calls_to_action import Goal as Goal  # the pages' goals are those of all content
from core.errors import DomainError
from leads.forms import CallBackForm, FinancingForm, InterestForm, LeadForm, TradeInForm
from leads.forms import TestDriveForm as BookedTestDriveForm


class NotPublishable(DomainError):
    """A page that may not go live. `reasons` are sentences, one per thing to mend."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(" ".join(self.reasons))


class TestDriveWishForm(BookedTestDriveForm):
    """A test drive asked for on a landing page: the day and time are arranged in the answer."""

    __test__ = False
    loja = None  # type: ignore[assignment]
    horario = None  # type: ignore[assignment]

    def details(self) -> dict[str, Any]:
        return {}


# Each goal's form; a goal without one ends in a conversation.
FORMS: Final[dict[Goal, type[LeadForm]]] = {
    Goal.PROPOSAL: InterestForm,
    Goal.TEST_DRIVE: TestDriveWishForm,
    Goal.TRADE_IN: TradeInForm,
    Goal.FINANCING: FinancingForm,
    Goal.CALL_BACK: CallBackForm,
}
# Name and phone, and what the answer cannot do without. The rest is asked once the lead is safe.
FIELDS: Final[dict[Goal, tuple[str, ...]]] = {
    Goal.PROPOSAL: ("nome", "telefone"),
    Goal.TEST_DRIVE: ("nome", "telefone"),
    Goal.TRADE_IN: ("nome", "telefone", "marca", "modelo", "ano"),
    Goal.FINANCING: ("nome", "telefone"),
    Goal.CALL_BACK: ("nome", "telefone", "quando"),
}


def goal_label(goal: Goal) -> str:
    """The goal as staff read it."""
    return {
        Goal.PROPOSAL: _("ask for a proposal"),
        Goal.TEST_DRIVE: _("book a test drive"),
        Goal.TRADE_IN: _("have a car valued"),
        Goal.FINANCING: _("simulate instalments"),
        Goal.CALL_BACK: _("be called back"),
        Goal.WHATSAPP: _("talk on WhatsApp"),
    }[goal]


def goal_problems(page_goal: Goal, actions: Iterable[Goal], forms: Iterable[Goal]) -> list[str]:
    """Why a page with these goals in its buttons and forms may not go live; empty when it may.

    One page, one goal: a second one makes visitors weigh instead of act, and makes the page's
    figures mean nothing.
    """
    buttons, formed = list(actions), list(forms)
    found = list(dict.fromkeys([*buttons, *formed]))
    if not found:
        return [_("The page asks for nothing: give it a button or a form.")]
    if len(found) > 1:
        names = ", ".join(goal_label(goal) for goal in found)
        return [_("The page has %(n)s goals (%(names)s). Keep one.", n=len(found), names=names)]
    if found[0] is not page_goal:
        return [
            _(
                "The page's goal is to %(goal)s, but its buttons ask to %(other)s.",
                goal=goal_label(page_goal),
                other=goal_label(found[0]),
            )
        ]
    if page_goal in FORMS and not formed:
        return [_("The goal is to %(goal)s: add its form.", goal=goal_label(page_goal))]
    if len(formed) > 1:
        return [_("One form is enough: the other buttons lead to it.")]
    if page_goal not in FORMS and formed:
        return [_("The goal is to talk on WhatsApp: leave the form out.")]
    return []
