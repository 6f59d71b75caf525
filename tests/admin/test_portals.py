"""Accounts on other systems, kept by staff: by real requests and real posts to the door."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from admin.portal_words import ABOUT, KEY_LABELS, STEPS
from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from integrators import accounts
from integrators.incoming import trial
from integrators.incoming.processing import process_webhook
from integrators.kinds import KINDS
from integrators.models import PortalAccount, RefusedPost
from integrators.polling import poll_account
from jobs.models import Job
from jobs.queue import PermanentFailure
from jobs.worker import Worker
from leads.exporting import count_rows
from leads.figures import Window, leads_by_account, leads_by_source
from leads.models import Enquiry, Lead, Mail, Person, Submission
from tests.admin.test_portal_ads import connect as advertise
from tests.admin.test_portal_ads import list_car, passes
from tests.factories import make_store, make_vehicle

LEAD = {"nome": "Ana", "telefone": "(19) 98765-4321", "mensagem": "Oi", "id": "1"}


def connect(person, kind: str = "generic", **sent: str) -> str:
    """The secret address of a new account."""
    answer = person.post(f"/admin/portais/novo/{kind}", {"nome": "Meu portal", **sent})
    assert answer.status_code == 200, answer.text
    return address_in(answer.text)


def address_in(page: str) -> str:
    found = re.search(r'value="http://localhost(/webhooks/[^"]+)"', page)
    assert found, page
    return found[1]


def account() -> PortalAccount:
    db.session.rollback()
    return db.session.scalars(
        sa.select(PortalAccount).execution_options(populate_existing=True)
    ).one()


def work_off() -> None:
    for job in db.session.scalars(sa.select(Job).where(Job.kind == "process_webhook")).all():
        end = process_webhook(job.payload)
        if end:
            db.session.rollback()
            with writing():
                end()


def test_every_kind_and_key_has_words_for_staff():
    assert set(ABOUT) == set(STEPS) == set(KINDS)
    assert {key.name for kind in KINDS.values() for key in kind.keys} <= set(KEY_LABELS)


def test_every_kind_can_be_chosen_and_its_form_opened(sign_in):
    owner = sign_in("owner")
    page = owner.get("/admin/portais/novo").text
    for kind in KINDS:
        assert f'href="/admin/portais/novo/{kind}"' in page
        assert owner.get(f"/admin/portais/novo/{kind}").status_code == 200
    assert owner.get("/admin/portais/novo/nada").status_code == 404


def test_the_address_is_shown_once_and_takes_leads(sign_in, client):
    owner = sign_in("owner")
    address = connect(owner)
    assert client.post(address, json=LEAD).status_code == 200
    token = address.rpartition("/")[2]
    row = account()
    for page in ("/admin/portais/", f"/admin/portais/{row.id}/", "/admin/portais/recusados"):
        assert token not in owner.get(page).text
    entry = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "portal.create"))
    assert token not in str(entry.one().after)
    listed = owner.get("/admin/portais/").text
    assert "Meu portal" in listed
    assert "nenhum ainda" not in listed


def test_secrets_go_in_and_never_come_out(sign_in):
    owner = sign_in("owner")
    connect(owner, **{"k-secret": "segredo-muito-longo-9876", "k-auth_token": "bem-comprido-4321"})
    row = account()
    page = owner.get(f"/admin/portais/{row.id}/").text
    assert "segredo-muito-longo" not in page
    assert "…9876" in page
    sent = {"nome": "Meu portal", "esquecer": "auth_token"}
    assert owner.post(f"/admin/portais/{row.id}/", sent).status_code == 303
    told = accounts.seen(account())
    assert told.get("secret") == "segredo-muito-longo-9876"  # left empty: kept
    assert told.get("auth_token") == ""
    entries = db.session.scalars(sa.select(AuditEntry)).all()
    assert "segredo" not in str([(one.before, one.after) for one in entries])


def test_what_is_needed_is_asked_beside_its_field(sign_in):
    owner = sign_in("owner")
    answer = owner.post(
        "/admin/portais/novo/meta", {"nome": "Meta", "k-form_ids": "77", "k-app_secret": "xyz"}
    )
    assert answer.status_code == 422
    assert answer.text.count("não funciona sem isto") >= 2
    assert 'value="77"' in answer.text
    assert "xyz" not in answer.text
    assert not db.session.scalar(sa.select(PortalAccount.id))


def test_two_clicks_make_one_account(sign_in):
    owner = sign_in("owner")
    connect(owner)
    second = owner.post("/admin/portais/novo/generic", {"nome": "Meu portal"})
    assert second.status_code == 422
    assert "Meu portal" in second.text
    account()


def test_a_new_address_leaves_the_old_one_good_and_is_made_once(sign_in, client):
    owner = sign_in("owner")
    old = connect(owner)
    path = f"/admin/portais/{account().id}/novo-endereco"
    asked = owner.post(path)
    assert "7 dias" in asked.text
    seen = re.search(r'name="endereco" value="(\w+)"', asked.text)[1]
    new = address_in(owner.post(path, {"confirmado": "1", "endereco": seen}).text)
    assert new != old
    assert client.post(old, json=LEAD).status_code == 200
    assert client.post(new, json=LEAD).status_code == 200
    again = owner.post(path, {"confirmado": "1", "endereco": seen})
    assert again.status_code == 303
    assert client.post(new, json=LEAD).status_code == 200


def test_what_comes_during_a_pause_waits_and_is_read_afterwards(sign_in, client):
    owner = sign_in("owner")
    address = connect(owner)
    path = f"/admin/portais/{account().id}/"
    assert owner.post(f"{path}pausar").status_code == 303
    assert client.post(address, json=LEAD).status_code == 200
    work_off()
    assert db.session.scalars(sa.select(Submission)).one().state == "parked"
    assert "Pausada" in owner.get("/admin/portais/").text
    assert owner.post(f"{path}continuar").status_code == 303
    work_off()
    db.session.rollback()
    assert db.session.scalars(sa.select(Submission)).one().state == "done"


def test_a_change_of_settings_does_not_end_a_pause(sign_in):
    owner = sign_in("owner")
    connect(owner)
    path = f"/admin/portais/{account().id}/"
    owner.post(f"{path}pausar")
    assert owner.post(path, {"nome": "Outro nome"}).status_code == 303
    assert (account().name, account().state) == ("Outro nome", "paused")


def test_a_removed_account_answers_nobody_and_comes_back(sign_in, client):
    owner = sign_in("owner")
    address = connect(owner)
    path = f"/admin/portais/{account().id}/"
    assert owner.post(f"{path}remover").status_code == 200  # asked once more
    assert client.post(address, json=LEAD).status_code == 200
    assert owner.post(f"{path}remover", {"confirmado": "1"}).status_code == 303
    assert client.post(address, json=LEAD).status_code == 404
    assert owner.get(path).status_code == 404
    listed, _fold, removed = owner.get("/admin/portais/").text.partition('id="removidas"')
    assert f'href="{path}"' not in listed
    assert "Meu portal" in removed
    assert f"{path}continuar" in removed
    assert owner.post(f"{path}continuar").status_code == 303
    assert client.post(address, json=LEAD).status_code == 200


def test_refused_deliveries_are_told_in_words_and_tried_again(sign_in, client):
    owner = sign_in("owner")
    address = connect(owner, **{"k-auth_token": "certo-certo"})
    wrong = client.post(address, json=LEAD, headers={"Authorization": "Bearer outro-outro"})
    assert wrong.status_code == 401
    assert "1 entrega foi recusada" in owner.get("/admin/portais/").text
    page = owner.get("/admin/portais/recusados").text
    assert "o token não confere" in page.lower()
    assert "outro-outro" not in page
    owner.post(
        f"/admin/portais/{account().id}/", {"nome": "Meu portal", "k-auth_token": "outro-outro"}
    )
    assert owner.post("/admin/portais/recusados").status_code == 303
    db.session.rollback()
    assert not db.session.scalar(sa.select(RefusedPost.id))
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 1


def test_the_service_is_asked_by_a_job(sign_in):
    owner = sign_in("owner")
    connect(owner)
    for _click in range(2):
        owner.post(f"/admin/portais/{account().id}/buscar")
    count = sa.select(sa.func.count()).select_from(Job).where(Job.kind == "poll_lead_source")
    assert db.session.scalar(count) == 1


def test_the_second_save_sees_the_first(sign_in):
    first, second = sign_in("owner"), sign_in("supervisor")
    connect(first)
    path = f"/admin/portais/{account().id}/"
    seen = re.search(r'name="visto" value="(\w+)"', second.get(path).text)[1]
    assert first.post(path, {"nome": "Um", "visto": seen}).status_code == 303
    late = second.post(path, {"nome": "Dois", "visto": seen})
    assert late.status_code == 409
    assert 'value="Dois"' in late.text
    assert account().name == "Um"


@pytest.mark.parametrize("role", ["attendant", "seller", "editor"])
def test_who_sees_no_portals_finds_none(sign_in, role):
    connect(sign_in("owner"))
    person, number = sign_in(role), account().id
    for path in ("", "novo", "novo/generic", "recusados", f"{number}/"):
        assert person.get(f"/admin/portais/{path}").status_code == 404
    for path in (
        "novo/generic",
        "recusados",
        f"{number}/",
        f"{number}/remover",
        f"{number}/pausar",
    ):
        assert person.post(f"/admin/portais/{path}", {"nome": "x"}).status_code == 404


def test_people_of_one_store_see_its_accounts_only(sign_in):
    mine, other = make_store(), make_store()
    owner = sign_in("owner")
    for name, store in (("Meu", mine), ("Alheio", other), ("Do grupo", None)):
        connect(owner, nome=name, loja=str(store.id) if store else "")
    numbers = {row.name: row.id for row in db.session.scalars(sa.select(PortalAccount))}
    person = sign_in("supervisor", stores=[mine])
    listed = person.get("/admin/portais/").text
    assert "Meu" in listed
    assert "Alheio" not in listed
    assert "Do grupo" not in listed
    assert person.get(f"/admin/portais/{numbers['Meu']}/").status_code == 200
    for name in ("Alheio", "Do grupo"):
        for action in ("", "pausar", "continuar", "remover", "novo-endereco", "buscar"):
            assert person.post(f"/admin/portais/{numbers[name]}/{action}").status_code == 404
    answer = person.post("/admin/portais/novo/generic", {"nome": "x", "loja": str(other.id)})
    assert answer.status_code == 422
    assert person.post("/admin/portais/novo/generic", {"nome": "x"}).status_code == 422


def test_hostile_words_come_out_as_words(sign_in):
    owner = sign_in("owner")
    evil = "<script>alert(1)</script>{{7*7}}"
    connect(owner, kind="telephony", nome=evil, **{"k-auth_token": "t", "k-greeting": evil})
    for page in ("", f"{account().id}/"):
        text = owner.get(f"/admin/portais/{page}").text
        assert "<script>alert" not in text
        assert "{{7*7}}" in text


def test_without_accounts_the_page_says_what_to_do(sign_in):
    assert "Nada conectado ainda" in sign_in("owner").get("/admin/portais/").text


def test_a_mail_server_of_our_own_network_is_not_looked_at(sign_in):
    owner = sign_in("owner")
    told = {"k-host": "127.0.0.1", "k-port": "1", "k-security": "none", "k-username": "x"}
    connect(owner, kind="mailbox", **told)
    with pytest.raises(PermanentFailure):
        poll_account(account().id)
    assert account().state == "needs_reauth"
    page = owner.get("/admin/portais/").text
    assert "rede privada" in page
    assert "Precisa de você" in page


def test_a_test_lead_goes_the_real_way_counts_nowhere_and_is_deleted(app, sign_in):
    owner = sign_in("owner")
    connect(owner)
    path = f"/admin/portais/{account().id}/testar"
    for _click in range(2):
        assert owner.post(path).status_code == 303
    assert Worker(app, app.extensions["vitrine_jobs"], threads=1).run(drain=True)
    db.session.rollback()
    lead = db.session.scalars(sa.select(Lead)).one()  # of two clicks one
    assert lead.is_test
    listed = owner.get("/admin/leads/").text
    assert "Teste: Meu portal" in listed
    assert owner.get("/admin/leads/?novos=1").text.count("Teste: Meu portal") == 0
    window = Window(now() - timedelta(days=1), now() + timedelta(days=1))
    assert leads_by_source(window) == {}
    assert leads_by_account(window) == {}
    assert count_rows() == 0
    assert "nenhum ainda" in owner.get("/admin/portais/").text
    assert db.session.scalars(sa.select(Mail)).all() == []
    page = f"/admin/leads/{lead.id}/"
    assert "Este é um lead de teste" in owner.get(page).text
    assert owner.post(f"{page}apagar-teste").status_code == 303
    assert owner.get(page).status_code == 404
    for table in (Lead, Enquiry, Submission, Person):
        assert db.session.scalars(sa.select(table)).all() == [], table
    told = db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert told.count("portal.send_test") == told.count("lead.delete_test") == 1


def test_a_paused_account_says_so_instead_of_a_test_lead(app, sign_in):
    owner = sign_in("owner")
    connect(owner)
    trial.send(accounts.seen(account()), by="a@b.example")
    owner.post(f"/admin/portais/{account().id}/pausar")
    assert Worker(app, app.extensions["vitrine_jobs"], threads=1).run(drain=True)
    db.session.rollback()
    assert db.session.scalars(sa.select(Lead)).all() == []
    assert "/testar" not in owner.get(f"/admin/portais/{account().id}/").text


def test_removing_an_account_with_ads_up_says_what_stays(sign_in):
    owner, number = sign_in("owner"), advertise()
    list_car(number, make_vehicle())
    list_car(number, make_vehicle(), remote="offline")
    path = f"/admin/portais/{number}/"
    assert 'data-confirm="Remover' not in owner.get(path).text  # the page asks, not a dialog
    asked = owner.post(f"{path}remover").text
    assert "1 anúncio seu continua no portal" in asked
    assert f"{path}tirar-tudo" in asked
    owner.post(f"{path}remover", {"confirmado": "1"})
    assert "1 anúncio ficou no portal." in owner.get("/admin/portais/").text
    assert "1 anúncio dela ainda está no portal" in owner.get("/admin/portais/").text
    owner.post(f"{path}continuar")
    assert passes() == 1


def test_a_paused_account_promises_nothing_about_its_ads(sign_in):
    owner, number = sign_in("owner"), advertise(is_on=False)
    list_car(number, make_vehicle())
    path = f"/admin/portais/{number}/"
    assert "continua no ar até a conta continuar" in owner.post(f"{path}pausar").text
    assert account().state == "active"
    owner.post(f"{path}pausar", {"confirmado": "1"})
    for page in (path, "/admin/portais/", f"{path}anuncios", f"{path}comecar"):
        text = owner.get(page).text
        assert "Tudo em dia" not in text
        assert f'action="{path}comecar"' not in text
        assert f'action="{path}tirar-tudo"' not in text
    assert "não é acompanhado" in owner.get(path).text
    for verb in ("comecar", "tirar-tudo"):
        owner.post(f"{path}{verb}", {"confirmado": "1"})
        assert "A conta está pausada: continue primeiro." in owner.get(f"{path}anuncios").text
    assert passes() == 0


def test_a_paused_feed_says_that_it_is_still_handed_out(sign_in):
    owner = sign_in("owner")
    connect(owner)
    path = f"/admin/portais/{account().id}/"
    owner.post(f"{path}pausar")
    for page in (path, f"{path}anuncios"):
        assert "O feed continua sendo entregue" in owner.get(page).text


@pytest.mark.parametrize(("kind", "key"), [("olx", "access_token"), ("webmotors", "email")])
def test_what_ads_still_lack_is_said_until_it_is_there(sign_in, kind, key):
    owner = sign_in("owner")
    made = owner.post(f"/admin/portais/novo/{kind}", {"nome": "Meu portal"}).text
    path = f"/admin/portais/{account().id}/"
    assert "Ainda não dá para anunciar" in made
    assert "Ainda não dá para anunciar" in owner.get(path).text
    told = {
        "nome": "Meu portal",
        f"k-{key}": "abc",
        **({"k-password": "s"} if key == "email" else {}),
    }
    assert owner.post(path, told).status_code == 303
    assert "Ainda não dá para anunciar" not in owner.get(path).text
