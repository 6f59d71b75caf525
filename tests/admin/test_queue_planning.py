"""`/admin/regras/`, `/admin/replay/` and `/admin/capacidade/`: rules, what if, how many people."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from core.db import db, writing
from dealership.audit import AuditEntry
from dealership.models import OpeningInterval
from leads.pipeline.rules import DEFAULTS, QueueRulesRow, rules_at
from tests.factories import make_store
from tests.leads.pipeline.waiting import make_lead

RULES, REPLAY, CAPACITY = "/admin/regras/", "/admin/replay/", "/admin/capacidade/"
START = datetime(2026, 6, 1, 11, tzinfo=UTC)


def typed(**changed: str) -> dict[str, str]:
    """The form as the page shows it at first."""
    fields = {"mode": DEFAULTS.mode}
    for name in (
        "urgent",
        "priority",
        "today",
        "rescue",
        "reply",
        "handoff",
        "outcome",
        "proposal",
        "overdue",
    ):
        target = getattr(DEFAULTS, name)
        fields |= {f"{name}_due": str(target.minutes), f"{name}_late": str(target.late)}
    for name in ("retry_minutes", "follow_minutes", "turn_minutes", "most_returns", "reopen_days",
                 "fair_days"):  # fmt: skip
        fields[name] = str(getattr(DEFAULTS, name))
    return fields | changed


def rows() -> list[QueueRulesRow]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(QueueRulesRow).order_by(QueueRulesRow.id)))


def test_rules_are_changed_told_and_taken_back(sign_in):
    owner = sign_in("owner")
    owner.post(RULES, data=typed())
    assert rows() == []  # nothing was changed
    for _double in range(2):
        owner.post(RULES, data=typed(mode="push", priority_due="8", priority_late="20"))
    (row,) = rows()
    assert (row.by, rules_at().mode, rules_at().priority.late) == (owner.email, "push", 20)
    assert rules_at().waiting_weight == DEFAULTS.waiting_weight
    page = owner.get(RULES).text
    assert f'name="mudanca" value="{row.id}"' in page
    entry = db.session.scalars(
        sa.select(AuditEntry).where(AuditEntry.action == "queue.rules")
    ).one()
    assert entry.after["priority_due"] == "8"

    for _double in range(2):  # the second finds that the newest change is another one
        owner.post(f"{RULES}desfazer", data={"mudanca": row.id})
    assert [one.rules["mode"] for one in rows()] == ["push", "pull"]
    assert rules_at() == DEFAULTS


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "shove"},
        {"mode": ""},
        {"priority_due": "0"},
        {"priority_due": "30", "priority_late": "15"},
        {"most_returns": "21"},
        {"fair_days": "<script>"},
        {"fair_days": "9" * 400},
        {"reopen_days": "-1"},
        {"urgent_late": "²"},
    ],
)
def test_rules_that_make_no_sense_are_refused_in_words(sign_in, wrong):
    owner = sign_in("owner")
    answer = owner.post(RULES, data=typed(**wrong))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<script>" not in answer.text
    assert rows() == []


def test_supervisors_of_one_store_read_the_rules_of_all_and_attendants_do_not(sign_in):
    supervisor = sign_in("supervisor", stores=[make_store()])
    page = supervisor.get(RULES)
    assert page.status_code == 200
    assert "disabled" in page.text
    assert supervisor.post(RULES, data=typed(mode="push")).status_code == 404
    assert supervisor.post(f"{RULES}desfazer", data={"mudanca": "1"}).status_code == 404
    attendant = sign_in("attendant")
    assert [attendant.get(path).status_code for path in (RULES, REPLAY, CAPACITY)] == [404] * 3
    assert rows() == []


def fill(leads: int) -> None:
    """Leads of June, at random hours, in a store that is open Monday to Friday."""
    store, dice = make_store(), random.Random(7)
    for _ in range(leads):
        make_lead(at=START + timedelta(minutes=dice.randint(0, 28 * 24 * 60)), store_id=store.id)


def test_a_month_is_played_again_with_one_person_more(sign_in):
    sign_in("attendant")
    with time_machine.travel(START + timedelta(days=30), tick=False):
        fill(40)
    with time_machine.travel(START + timedelta(days=40), tick=True):
        owner = sign_in("owner")
        page = owner.get(f"{REPLAY}?mes=2026-06").text
        assert "<svg" in page
        more = owner.get(f"{REPLAY}?mes=2026-06&de=8&ate=18&dias=uteis&modo=push&alvo=9").text
        assert "8h" in more
        assert "18h" in more
        assert "<strong>" in more
        checked = owner.get(f"{REPLAY}?mes=2026-06&conferir=1").text
        assert len(checked) > len(page) - 2_000
        # Nonsense in the address falls back to what is usual.
        odd = owner.get(f"{REPLAY}?mes=1999-13&sem=77&de=99&ate=x&modo=%3Cb%3E&alvo=-1")
        assert odd.status_code == 200
        assert "<b>" not in odd.text


def test_too_little_history_says_how_much_is_missing(sign_in):
    with time_machine.travel(START + timedelta(days=10), tick=False):
        fill(0)
    with time_machine.travel(START + timedelta(days=12), tick=True):
        owner = sign_in("owner")
        make_lead(at=START + timedelta(days=2))
        assert 'class="empty"' in owner.get(f"{REPLAY}?mes=2026-06").text
        page = owner.get(CAPACITY).text
        assert "59" in page  # of the 60 leads
        assert 'class="table heat"' in page
        assert 'class="notice gap"' in page


def test_the_plan_stands_on_the_stores_own_hours_and_leads(sign_in):
    with time_machine.travel(START + timedelta(days=29), tick=False):
        fill(70)
    with time_machine.travel(START + timedelta(days=30), tick=True):
        owner = sign_in("owner")
        page = owner.get(CAPACITY).text
        assert 'class="notice gap"' not in page
        more = owner.get(f"{CAPACITY}?leads=2000&pessoas=9&alvo=95&minutos=15").text
        assert more != page
        assert owner.get(f"{CAPACITY}?leads=x&pessoas=99999&alvo=1&loja=zz").status_code == 200
        with writing() as session:
            session.execute(sa.delete(OpeningInterval))
        assert 'class="empty"' in owner.get(CAPACITY).text
