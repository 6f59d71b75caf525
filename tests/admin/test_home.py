"""The first page: what waits, counted right within one's stores, at a fixed price."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.clock import now, today
from core.db import db, writing
from dealership.models import Dealership
from inventory.models import Photo, Vehicle
from jobs.models import Job
from landing import editing
from landing.goals import Goal
from landing.models import LandingPage, LandingRevision
from leads.capture import spool
from leads.models import Appointment, Lead, Mail, SubjectRequest, Submission
from tests.admin.test_leads import ask
from tests.factories import make_store, make_vehicle

HOME = "/admin/"
CANARY = "<script>alert('canario')</script>"


def numbers(page: str) -> dict[str, int]:
    """The to-do list: address -> number."""
    found = {}
    for part in page.split('<ul class="todo home-todo">')[-1].split('<a href="')[1:]:
        if '<span class="num">' in part:
            path = part.split('"')[0].replace("&amp;", "&")
            found[path] = int(part.split('<span class="num">')[1].split("<")[0])
    return found


def todo(client) -> dict[str, int]:
    answer = client.get(HOME)
    assert answer.status_code == 200
    return numbers(answer.text)


def test_with_nothing_to_do_all_is_in_order(sign_in):
    page = sign_in("seller").get(HOME).text
    assert "Tudo em ordem" in page
    assert numbers(page) == {}


def test_people_who_wait_are_counted_as_their_lists_show_them(sign_in):
    store = make_store()
    ask("1", phone="11987654321", store_id=store.id)
    ask("2", phone="11987654322", store_id=store.id, kind="call_back")
    ask("3", phone="11987654323", store_id=store.id, is_suspect=True)
    coming = ask("4", phone="11987654324", store_id=store.id, kind="test_drive")
    submission = db.session.scalars(
        sa.select(Submission.id).order_by(Submission.received_at.desc())
    ).first()
    with writing() as session:
        session.add(
            Appointment(kind="test_drive", store_id=store.id, submission_id=submission,
                        lead_id=coming.id, starts_at=now(), minutes=30)
        )  # fmt: skip
    attendant = sign_in("attendant", stores=[store])
    found = todo(attendant)
    assert found == {
        "/admin/leads/?novos=1": 3,
        "/admin/leads/?ligar=1": 1,
        "/admin/leads/?visitas=1": 1,
        "/admin/leads/?dias=7&suspeitos=1": 1,
    }
    for path, count in found.items():
        listed = attendant.get(path).text
        assert listed.count('<th scope="row"') == count, path
    assert f'href="/admin/leads/{coming.id}/"' in attendant.get(HOME).text  # today's agenda
    attendant.get(f"/admin/leads/{coming.id}/")
    assert todo(attendant)["/admin/leads/?novos=1"] == 2


def test_cars_that_lack_something_are_counted_within_ones_stores(sign_in):
    mine, other = make_store(), make_store()
    late, soon = now() - timedelta(days=9), today() + timedelta(days=2)
    for store in (mine, other):
        make_vehicle(store=store)  # on the site without a photo
        make_vehicle(store=store, state="draft", price_cents=None)
        make_vehicle(store=store, state="reserved", state_changed_at=late)
        make_vehicle(store=store, state="reserved")
        promoted = make_vehicle(store=store, promo_price_cents=60_000_00, promo_until=soon)
        later = soon + timedelta(days=5)
        make_vehicle(store=store, promo_price_cents=60_000_00, promo_until=later)
        broken = make_vehicle(store=store)
        ready = make_vehicle(store=store, state="draft")
        with writing() as session:
            session.add_all(
                [Photo(vehicle_id=promoted.id, state="ready"),
                 Photo(vehicle_id=broken.id, state="failed", error="404"),
                 Photo(vehicle_id=ready.id, state="ready")]
            )  # fmt: skip
    found = todo(sign_in("seller", stores=[mine]))
    assert found == {
        "/admin/estoque/?situacao=publicado&foto=sem": 2,
        "/admin/estoque/?situacao=rascunho&situacao=publicado&situacao=reservado&sem-preco=1": 1,
        "/admin/pendencias/prontos": 1,
        "/admin/pendencias/promocoes": 1,
        "/admin/pendencias/reservados": 1,
        "/admin/pendencias/fotos": 1,
    }
    whole = todo(sign_in("owner"))
    assert {path: whole[path] for path in found} == {path: 2 * n for path, n in found.items()}


def test_a_draft_is_ready_only_when_nothing_keeps_it_back(sign_in):
    strict = make_store(requires_provenance=True)
    texts = "Parcelas de R$ 999 sem juros!"
    ended = {"promo_price_cents": 1_000_00, "promo_until": today() - timedelta(days=1)}
    for values in ({"store": strict}, {"price_cents": None}, {"description": texts}, ended):
        vehicle = make_vehicle(state="draft", **values)
        with writing() as session:
            session.add(Photo(vehicle_id=vehicle.id, state="ready"))
    make_vehicle(state="draft")
    assert "/admin/pendencias/prontos" not in todo(sign_in("seller"))


def test_a_ready_draft_is_published_from_its_list(sign_in):
    vehicle = make_vehicle(state="draft", make="Fiat", model="Pulse")
    with writing() as session:
        session.add(Photo(vehicle_id=vehicle.id, state="ready"))
    seller = sign_in("seller")
    page = seller.get("/admin/pendencias/prontos").text
    assert "Fiat Pulse" in page
    posted = {"para": "published", "volta": "/admin/pendencias/prontos"}
    answer = seller.post(f"/admin/estoque/{vehicle.id}/situacao", posted)
    assert answer.location == "/admin/pendencias/prontos"
    db.session.rollback()
    assert db.session.get_one(Vehicle, vehicle.id).state == "published"


def page_with(slug: str, *, vehicles=(), query="", **values) -> LandingPage:
    """A live page with one grid of cars."""
    grid = {"kind": "grid", "heading": "Carros", "vehicles": list(vehicles), "filter": query,
            "action": {"text": "Quero", "goal": "proposal"}}  # fmt: skip
    content = {"title": "Página", "description": "Carros", "blocks": [grid]}
    with writing() as session:
        page = editing.create(slug, CANARY[:20] + slug, Goal.PROPOSAL)
        page.state = "published"
        for name, value in values.items():
            setattr(page, name, value)
        session.flush()
        session.add(
            LandingRevision(page_id=page.id, number=9, content=content, author="x",
                            publish_at=now() - timedelta(days=20))
        )  # fmt: skip
    return page


def test_pages_that_ended_or_lost_their_cars_are_named(sign_in):
    here, gone = make_vehicle(), make_vehicle(state="sold")
    page_with("viva", vehicles=[here.public_id, gone.public_id])
    page_with("vazia", vehicles=[gone.public_id])
    page_with("filtro", query="marca=chevrolet")
    page_with("nada", query="marca=inexistente")
    page_with("fim", vehicles=[here.public_id], ends_at=now() - timedelta(days=2))
    page_with("antiga", vehicles=[here.public_id], ends_at=now() - timedelta(days=40))
    editor = sign_in("editor")
    found = todo(editor)
    assert found["/admin/pendencias/sem-carro"] == 2
    assert found["/admin/pendencias/encerradas"] == 1
    page = editor.get("/admin/pendencias/sem-carro").text
    assert "/lp/vazia" in page
    assert "/lp/nada" in page
    assert "/lp/viva" not in page
    assert "<script>alert" not in page


def test_what_the_machine_could_not_finish_is_told_to_who_can_help(app, sign_in):
    store = make_store()
    lead = ask("1", phone="11987654321", store_id=store.id)
    with writing() as session:
        session.add_all(
            [Job(kind="send_mail", state="dead", last_error=CANARY),
             Mail(dedup_key="a", message_id="a", kind="confirmation", to_address="a@b.example",
                  subject=CANARY, text="", html="", state="failed", error="cheia", lead_id=lead.id),
             SubjectRequest(token="t", kind="erasure", contact="segredo@exemplo.com",
                            due_at=now() + timedelta(days=2))]
        )  # fmt: skip
        session.execute(sa.update(Submission).values(state="parked", error="JSON inválido"))
    spool().put({"id": "x"})
    owner = sign_in("owner")
    found = todo(owner)
    expected = ("tarefas", "emails", "privacidade", "nao-lidos", "disco")
    assert [found[f"/admin/pendencias/{code}"] for code in expected] == [1] * 5
    for code in expected:
        page = owner.get(f"/admin/pendencias/{code}").text
        assert "<script>alert" not in page
        assert "segredo@exemplo.com" not in page
    elsewhere = sign_in("supervisor", stores=[make_store()])
    assert not set(todo(elsewhere)) & {f"/admin/pendencias/{code}" for code in expected}
    for path in (Path(spool().path) / "new").iterdir():
        path.unlink()


def test_a_task_that_gave_up_is_tried_again_by_who_may(sign_in):
    with writing() as session:
        job = Job(kind="send_mail", state="dead", last_error="fora do ar")
        session.add(job)
        session.flush()
        path = f"/admin/pendencias/tarefas/{job.id}"
        job_id = job.id
    assert sign_in("seller").post(f"{path}/tentar").status_code == 404
    owner = sign_in("owner")
    assert owner.post(f"{path}/apagar").status_code == 404
    for _time in range(2):  # the second finds it running and says so
        assert owner.post(f"{path}/tentar").status_code == 303
    db.session.rollback()
    assert db.session.get_one(Job, job_id).state == "ready"


@pytest.mark.parametrize(
    ("role", "code"),
    [("editor", "emails"), ("seller", "tarefas"), ("attendant", "prontos"), ("seller", "sem-carro"),
     ("owner", "nada")],
)  # fmt: skip
def test_lists_beyond_the_role_are_not_there(sign_in, role, code):
    assert sign_in(role).get(f"/admin/pendencias/{code}").status_code == 404


def test_first_steps_leave_when_they_are_done(sign_in):
    owner = sign_in("owner")
    page = owner.get(HOME).text
    assert "Primeiros passos" in page
    assert page.count('class="home-open"') == 5
    make_vehicle()  # with its store and address
    with writing() as session:
        session.add(Dealership(name="Loja", logo_key="logo.png"))
        editing.create("oferta", "Oferta", Goal.PROPOSAL)
    page = owner.get(HOME).text
    assert page.count('class="home-open"') == 1
    seller = sign_in("seller")
    assert "Primeiros passos" not in seller.get(HOME).text
    assert "Primeiros passos" not in owner.get(HOME).text


def test_the_first_page_costs_the_same_however_much_waits(sign_in, statements):
    store_id = make_store().id
    owner = sign_in("owner")

    def fill(first: int, count: int) -> None:
        for number in range(first, first + count):
            ask(f"k{number}", phone=f"1198765{number:04d}", kind="call_back", store_id=store_id)
            car = make_vehicle(state="draft")
            with writing() as session:
                session.add(Photo(vehicle_id=car.id, state="ready"))
            page_with(f"pagina-{number}", vehicles=[car.public_id])

    def cost() -> int:
        db.session.remove()
        statements.clear()
        assert owner.get(HOME).status_code == 200
        return len(statements)

    fill(1000, 1)
    few = cost()
    fill(2000, 12)
    assert cost() == few
    assert few <= 40
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Lead)) == 13
