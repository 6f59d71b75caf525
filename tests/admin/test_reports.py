"""Reports: right numbers within one's stores and by their clock, at a fixed price, of nobody."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from core.clock import now, today
from core.db import db, writing
from dealership.models import Store
from dealership.roles import Role
from dealership.staff import create_staff
from integrators.models import PortalAccount
from inventory.figures import stock_by_age
from landing import editing
from landing.figures import page_results, wilson
from landing.goals import Goal
from landing.models import LandingVisit
from leads import figures
from leads.figures import Window
from leads.models import Appointment, ContactClick, Lead, Person, Submission
from leads.pipeline.log import record
from tests.admin.test_leads import ask
from tests.factories import make_store, make_vehicle

HOME = "/admin/relatorios/"
CODES = ("leads", "resposta", "funil", "conversao", "equipe", "paginas", "portais", "estoque")
CANARY = "<script>alert('canario')</script>"


def window(store_ids=None, days: int = 30) -> Window:
    return Window(now() - timedelta(days=days), now() + timedelta(hours=1), store_ids)


def fill(count: int, *, store_id: int | None = None, source: str = "form:oferta") -> None:
    """Many leads at once, spread over the last 25 days; one in two is answered after ten
    minutes."""
    moment = now()
    with writing() as session:
        first = (session.scalar(sa.select(sa.func.max(Person.id))) or 0) + 1
        ids = range(first, first + count)
        session.execute(sa.insert(Person), [{"id": n, "name": f"Segredo {n}"} for n in ids])
        session.execute(
            sa.insert(Lead),
            [
                {
                    "id": n,
                    "person_id": n,
                    "department": "sales",
                    "source": source,
                    "store_id": store_id,
                    "created_at": (at := moment - timedelta(minutes=(n * 37) % (25 * 1440))),
                    "first_contact_at": at + timedelta(minutes=10) if n % 2 else None,
                }
                for n in ids
            ],
        )


# --- numbers -----------------------------------------------------------------------------------


def test_leads_are_counted_by_source_without_machines_and_other_stores(app):
    mine, other = make_store(), make_store()
    ask("1", phone="11987654321", source="olx", store_id=mine.id)
    ask("2", phone="11987654322", source="olx", store_id=mine.id)
    ask("3", phone="11987654323", source="form:oferta", store_id=other.id)
    ask("4", phone="11987654324", source="olx", store_id=mine.id, is_suspect=True)
    ask("5", phone="11987654325", source="olx", at=now() - timedelta(days=31), store_id=mine.id)
    ask("6", phone="11987654326", source="landing")
    assert figures.leads_by_source(window([mine.id])) == {"olx": 2}
    assert figures.leads_by_source(window()) == {"olx": 2, "form:oferta": 1, "landing": 1}


def test_days_and_hours_are_those_of_the_store(app):
    """Ten past two in the night in Brasília is ten past midnight in Rio Branco; UTC says
    five."""
    acre = make_store(zone="America/Rio_Branco")
    paulista = make_store()
    at = datetime(2026, 8, 5, 5, 10, tzinfo=UTC)  # a Wednesday
    ask("1", phone="11987654321", store_id=acre.id, at=at)
    ask("2", phone="11987654322", store_id=paulista.id, at=at)
    zones = {one.id: ZoneInfo(one.zone) for one in (acre, paulista)}
    found = figures.rhythm(Window(at - timedelta(days=1), at + timedelta(days=1)), zones)
    assert found.hours == {(2, 0): 1, (2, 2): 1}
    assert found.days == {at.date(): 2}


def test_only_a_persons_answer_ends_the_wait(app):
    start = now() - timedelta(days=2)
    waits = [3, 5, 14, 16, 600]  # minutes
    leads = [ask(str(n), phone=f"1198765432{n}", at=start) for n in range(6)]
    with writing():
        ana = create_staff("ana@loja.example", Role.ATTENDANT)
        for lead, wait in zip(leads, waits, strict=False):
            record(lead, "claimed", ana.email, at=start, owner_id=ana.id)
            for later in (wait, wait + 500):
                at = start + timedelta(minutes=later)
                facts = {"channel": "whatsapp", "evidence": "whatsapp"}
                record(lead, "human_contact", ana.email, at=at, **facts)
        record(leads[5], "mail_sent", "site", at=start)
    found = figures.answer_times(window())
    assert (found.leads, found.answered) == (6, 5)
    assert (found.median_minutes, found.slow_minutes) == (14, 600)
    assert found.within == {5: 2 / 6, 15: 3 / 6}


def test_without_an_answer_there_are_no_data_yet(sign_in):
    ask(phone="11987654321")
    assert figures.answer_times(window()).median_minutes is None
    page = sign_in("owner").get(f"{HOME}resposta").text
    assert "Sem dados ainda" in page


def test_the_funnel_follows_the_windows_own_leads(app):
    store = make_store()
    booked, won = (ask(str(n), phone=f"1198765432{n}", store_id=store.id) for n in range(2))
    ask("9", phone="11987654329", store_id=store.id)
    submission = db.session.scalars(sa.select(Submission.id)).first()
    with writing() as session:
        session.add(
            Appointment(kind="test_drive", store_id=store.id, submission_id=submission,
                        lead_id=booked.id, starts_at=now(), minutes=30)
        )  # fmt: skip
        session.get_one(Lead, won.id).state = "won"
    found = figures.funnel(window([store.id]))
    assert (found.leads, found.appointments, found.won) == (3, 1, 1)


def test_portals_are_told_by_account(app):
    for number, account in enumerate(("OLX Centro", "OLX Centro", "OLX Norte")):
        ask(str(number), phone=f"1198765432{number}", source="olx", actor=f"portal:{account}")
    ask("9", phone="11987654329")
    assert figures.leads_by_account(window()) == {"OLX Centro": 2, "OLX Norte": 1}


def test_a_pages_rate_comes_with_how_sure_it_is(app):
    with writing() as session:
        page = editing.create("oferta", "Oferta", Goal.PROPOSAL)
        session.flush()
        session.add(LandingVisit(page_id=page.id, day=today(), views=40))
        session.add(ContactClick(code="a", channel="whatsapp", page="/lp/oferta"))
    ask(phone="11987654321", source="landing", source_ref="oferta")
    asked = window()
    (found,) = page_results(today(), today(), asked.since, asked.until, None)
    assert (found.views, found.leads, found.taps, found.rate) == (40, 1, 1, 0.05)
    low, high = found.interval
    assert low == pytest.approx(0.0138, abs=0.001)
    assert high == pytest.approx(0.1650, abs=0.001)


def test_an_interval_stays_between_nothing_and_all():
    assert wilson(0, 1)[0] == 0
    assert wilson(1, 1)[1] == 1


def test_stock_is_counted_by_age_and_state(app):
    store = make_store()
    for days, state in ((1, "draft"), (15, "published"), (16, "published"), (100, "reserved"),
                        (3, "sold")):  # fmt: skip
        make_vehicle(store=store, state=state, created_at=now() - timedelta(days=days, hours=1))
    make_vehicle(store=make_store())
    found = stock_by_age([store.id])
    assert found["0-15"] == {"draft": 1, "published": 1, "reserved": 0}
    assert found["16-30"]["published"] == 1
    assert found["91"]["reserved"] == 1
    assert sum(sum(counts.values()) for counts in found.values()) == 4


# --- pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_an_empty_report_says_what_fills_it(sign_in, code):
    answer = sign_in("owner").get(f"{HOME}{code}")
    assert answer.status_code == 200
    assert "<svg" not in answer.text.split("<main")[1] or 'class="chart' not in answer.text


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("query", ["", "?periodo=7", "?periodo=2026-02", "?periodo=x&loja=nada",
                                   "?periodo=2099-01", "?periodo=%00%0a"])  # fmt: skip
def test_every_span_can_be_asked_for(sign_in, code, query):
    assert sign_in("owner").get(f"{HOME}{code}{query}").status_code == 200


def test_who_may_see_no_reports_finds_none(sign_in):
    for role in ("seller", "attendant"):
        client = sign_in(role)
        for path in ("", "leads", "leads/origem.csv"):
            assert client.get(f"{HOME}{path}").status_code == 404
    owner = sign_in("owner")
    assert owner.get(f"{HOME}nada").status_code == 404
    assert owner.get(f"{HOME}leads/nada.csv").status_code == 404


def test_a_supervisor_of_one_store_sees_its_numbers_only(sign_in):
    mine, other = make_store(), make_store()
    ask("1", phone="11987654321", source="olx", store_id=mine.id)
    for number in range(2, 9):
        ask(str(number), phone=f"1198765432{number}", source="webmotors", store_id=other.id)
    supervisor = sign_in("supervisor", stores=[mine])
    for query in ("", f"?loja={other.slug}"):  # another store's name changes nothing
        page = supervisor.get(f"{HOME}leads{query}").text
        assert "OLX" in page
        assert "Webmotors" not in page
    assert "Webmotors" in sign_in("owner").get(f"{HOME}leads?loja={other.slug}").text


def test_a_table_comes_as_csv_for_a_brazilian_spreadsheet(sign_in):
    with writing() as session:
        session.add(PortalAccount(kind="olx", name="=1+1", token_digest="d"))
    ask(phone="11987654321", source="olx", actor="portal:=1+1")
    answer = sign_in("owner").get(f"{HOME}portais/portais.csv?periodo=7")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = answer.data.decode("utf-8").splitlines()
    assert lines[0].startswith("\ufeffConta;")
    assert lines[1] == "'=1+1;OLX;1"


def test_hostile_names_stay_text_in_charts_and_tables(sign_in):
    with writing() as session:
        session.add(PortalAccount(kind="olx", name=CANARY, token_digest="d"))
        page = editing.create("x", CANARY, Goal.PROPOSAL)
        session.flush()
        session.add(LandingVisit(page_id=page.id, day=today(), views=3))
    ask("1", phone="11987654321", source=CANARY, actor=f"portal:{CANARY}")
    ask("2", phone="11987654322", source="landing", source_ref="x")
    owner = sign_in("owner")
    for code in CODES:
        text = owner.get(f"{HOME}{code}").text
        assert "<script>alert" not in text
        assert not re.search(r"<main.*(style=|onclick|onload|<style)", text, re.DOTALL)


def test_reports_of_many_leads_cost_what_few_do_and_name_nobody(sign_in, statements):
    store_id = make_store().id
    owner = sign_in("owner")

    def cost() -> dict[str, int]:
        counts = {}
        for code in CODES:
            db.session.remove()
            statements.clear()
            answer = owner.get(f"{HOME}{code}")
            assert answer.status_code == 200
            assert "Segredo" not in answer.text
            assert len(answer.data) < 200_000
            counts[code] = len(statements)
        return counts

    fill(5, store_id=store_id)
    few = cost()
    fill(4000, store_id=store_id)
    assert cost() == few
    assert max(few.values()) <= 16
    assert figures.answer_times(window()).answered > 1000
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Store)) == 1
