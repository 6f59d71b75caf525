"""Testimonials: asked for, sent, looked at, shown with permission, taken back everywhere."""

import io
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from content import consents, invitations, models, testimonials
from content.models import ImageConsent
from core.clock import now
from core.db import db, writing
from core.storage import storage
from dealership.audit import AuditEntry
from jobs.models import Job
from jobs.worker import Worker
from leads import cases, erasure, privacy
from leads.models import Mail
from tests.factories import make_store
from tests.pictures import photo

HERE = "/admin/depoimentos/"
WORDS = {"texto": "Comprei em uma tarde.", "nome": "Renata M.", "cidade": "Campinas",
         "carro": "Comprou um hatch", "mes": "2026-09", "loja": ""}  # fmt: skip


def rows() -> list[models.Testimonial]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(models.Testimonial).order_by(models.Testimonial.id)))


def write_down(staff: Any, **changes: str) -> int:
    answer = staff.post(f"{HERE}novo", {**WORDS, **changes})
    assert answer.status_code == 303, answer.text
    return rows()[-1].id


def invite(email: str = "renata@example.com") -> str:
    with writing():
        row = invitations.invite(email, name="Renata", car="Onix 2022", by="a@b.example")
    return invitations.path_of(row)


def send(client: Any, path: str, **changes: Any) -> Any:
    data = {**WORDS, "autoriza": "sim", **changes}
    return client.post(path, data=data, content_type="multipart/form-data")


def test_nothing_is_shown_without_permission_and_everything_with_it(sign_in, client):
    editor = sign_in("editor")
    number = write_down(editor)
    refused = editor.post(f"{HERE}{number}/publicar")
    assert refused.status_code == 303
    assert rows()[0].state == "hidden"
    editor.post(f"{HERE}{number}/autorizacao", {"prova": "Pasta 12, gaveta da loja"})
    editor.post(f"{HERE}{number}/publicar")
    page = client.get("/depoimentos").text
    assert "Comprei em uma tarde." in page
    assert "Review" not in page
    assert "Rating" not in page


def test_a_paper_without_its_place_proves_nothing(sign_in):
    editor = sign_in("editor")
    number = write_down(editor)
    editor.post(f"{HERE}{number}/autorizacao", {"prova": "  "})
    assert db.session.scalar(sa.select(sa.func.count(ImageConsent.id))) == 0


def test_a_buyer_writes_by_a_link_and_staff_publish(sign_in, client):
    path = invite()
    assert "Renata" in client.get(path).text
    answer = send(client, path, foto=(io.BytesIO(photo(1)), "eu.jpg"), imagem="sim")
    assert answer.status_code == 303
    row = rows()[0]
    assert row.state == "waiting"
    assert row.photo["stem"]
    assert row.consent.covers_image
    assert row.consent.version == consents.version_of(row.consent.wording)
    assert "Comprei em uma tarde" not in client.get("/depoimentos").text
    editor = sign_in("editor")
    assert "Comprei em uma tarde" in editor.get(HERE).text
    editor.post(f"{HERE}{row.id}/publicar")
    page = client.get("/depoimentos").text
    assert "Comprei em uma tarde" in page
    assert row.photo["stem"] in page


def test_the_link_works_once_and_twice_the_same_is_one(client):
    path = invite()
    send(client, path)
    again = send(client, path, texto="Outra coisa.")
    assert again.status_code == 303
    assert [row.text for row in rows()] == ["Comprei em uma tarde."]
    invitation = db.session.scalars(sa.select(models.TestimonialInvitation)).one()
    assert invitation.email == ""


def test_a_link_that_expired_or_was_made_up_opens_nothing(client):
    path = invite()
    with writing() as session:
        session.scalars(sa.select(models.TestimonialInvitation)).one().expires_at = (
            now() - timedelta(1)
        )
    assert client.get(path).status_code == 404
    assert send(client, path).status_code == 404
    assert client.get("/depoimentos/convite/abc").status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"autoriza": ""}, "Sem a sua autorização"),
        ({"texto": ""}, "Escreva o que"),
        ({"texto": "x" * 1201}, "Longo demais"),
        ({"nome": ""}, "Preencha"),
        ({"mes": "2098-01"}, "ainda não chegou"),
    ],
)
def test_what_lacks_is_said_and_the_words_are_kept(client, changes, words):
    answer = send(client, invite(), **changes)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Campinas" in answer.text
    assert rows() == []


def test_a_photo_without_its_permission_is_not_taken(client):
    answer = send(client, invite(), foto=(io.BytesIO(photo(1)), "eu.jpg"))
    assert answer.status_code == 422
    assert "autorize" in answer.text


def test_a_program_is_no_photo(client):
    answer = send(client, invite(), foto=(io.BytesIO(b"MZ\x90 not a picture"), "eu.jpg"),
                  imagem="sim")  # fmt: skip
    assert answer.status_code == 422
    assert rows() == []


def test_taking_back_empties_the_page_and_deletes_the_photo(app, client):
    path = invite()
    send(client, path, foto=(io.BytesIO(photo(1)), "eu.jpg"), imagem="sim")
    row = rows()[0]
    kept = dict(row.photo)
    with writing():
        testimonials.publish_testimonial(row)
    assert "Comprei em uma tarde" in client.get("/depoimentos").text
    assert client.post(f"{path}/retirar").status_code == 303
    assert "Comprei em uma tarde" not in client.get("/depoimentos").text
    assert "retirada" in client.get(path).text
    row = rows()[0]
    assert row.state == "hidden"
    assert row.photo == {}
    assert row.consent.revoked_by == "convite"
    job = db.session.scalars(sa.select(Job).where(Job.kind == "drop_picture")).one()
    testimonials.drop_picture(job.payload)
    key = f"{kept['stem']}-{kept['widths'][0]}.jpg"
    assert key not in {file.key for file in storage().files(public=True)}


def test_a_photo_that_staff_remove_is_deleted(sign_in, client):
    send(client, invite(), foto=(io.BytesIO(photo(1)), "eu.jpg"), imagem="sim")
    number = rows()[0].id
    owner = sign_in("owner")
    owner.post(f"{HERE}{number}/", WORDS)
    assert rows()[0].photo["stem"]
    owner.post(f"{HERE}{number}/", {**WORDS, "tirar_foto": "y"})
    assert rows()[0].photo == {}
    assert db.session.scalars(sa.select(Job).where(Job.kind == "drop_picture")).one()


def test_who_asks_to_be_erased_sees_what_they_said_and_it_goes(app, sign_in, client):
    """Also somebody who never wrote by a form: the invitation's e-mail is enough."""
    path = invite()
    send(client, path, foto=(io.BytesIO(photo(1)), "eu.jpg"), imagem="sim")
    row = rows()[0]
    stem = row.photo["stem"]
    assert "renata@example.com" not in str(vars(row.consent))
    with writing():
        testimonials.publish_testimonial(row)
        other = testimonials.create_testimonial(
            testimonials.TestimonialFacts("Gostei.", "Rui", "Itu", "Comprou", "2026-09"), by="a"
        )
    with writing():
        testimonials.record_permission(
            other, covers_image=False, evidence="Pasta 1", by="a", contact="(11) 97531-8642"
        )
    invite("Renata+2@example.com")
    with writing():
        case = cases.open_case("erasure", "renata@example.com")
    assert Worker(app, app.extensions["vitrine_jobs"], threads=1).run(drain=True)
    db.session.rollback()
    assert "renata@example.com" in [
        mail.to_address
        for mail in db.session.scalars(sa.select(Mail))
        if mail.kind == "privacy_code"
    ]
    with writing():
        person = cases.confirm_by_staff(cases.case_of(case.id))
        room = cases.path_of(case)
    page = client.get(room).text
    assert "Comprei em uma tarde." in page
    assert "Gostei." not in page
    told = privacy.dossier(person.id)["testimonials"]
    assert [one["what"] for one in told] == ["testimonial", "invitation"]
    assert client.get(f"{room}/apagar").status_code == 200
    with writing():
        privacy.erase(person.id, "asked by the person")
    assert "Comprei em uma tarde" not in client.get("/depoimentos").text
    assert [one.name for one in rows()] == ["Rui"]
    kept = db.session.scalars(sa.select(ImageConsent).order_by(ImageConsent.id)).first()
    assert (kept.person, kept.contact, kept.revoked_by) == ("", "", "erasure")
    asked = db.session.scalars(sa.select(models.TestimonialInvitation)).all()
    assert {(one.email, one.name) for one in asked} == {("", "")}
    jobs = db.session.scalars(sa.select(Job).where(Job.kind == "drop_picture")).all()
    assert [job.payload["photo"]["stem"] for job in jobs] == [stem]


def test_the_log_which_is_never_erased_names_nobody(sign_in):
    staff = sign_in("editor")
    number = write_down(staff)
    page = {**WORDS, "texto": "Comprei em duas tardes.", "nome": "Renata Melo"}
    assert staff.post(f"{HERE}{number}/", page).status_code == 303
    staff.post(f"{HERE}{number}/autorizacao", {"prova": "Pasta da Renata"})
    staff.post(f"{HERE}{number}/publicar")
    entries = db.session.scalars(sa.select(AuditEntry)).all()
    told = str([(one.label, one.before, one.after) for one in entries])
    assert len(entries) == 4
    assert not any(word in told for word in ("Renata", "tarde", "Campinas"))


def test_a_restored_testimonial_is_erased_again_and_a_later_one_stays(app):
    def said(contact: str, words: str = "Bom.") -> int:
        row = testimonials.create_testimonial(
            testimonials.TestimonialFacts(words, "Rui", "Itu", "Comprou", "2026-09"), by="a"
        )
        testimonials.record_permission(
            row, covers_image=False, evidence="Pasta", by="a", contact=contact
        )
        return row.id

    with writing():
        said("+55 11 97531-8642")
        erasure.erase(cases.person_of("(11) 7531-8642").id, "asked by the person")
    assert rows() == []
    with writing():
        back, later = said("11 97531-8642"), said("11 97531-8642", "Muito bom.")
        db.session.get(models.Testimonial, back).consent.given_at = now() - timedelta(days=1)
    privacy.reapply()
    assert [row.id for row in rows()] == [later]


def test_staff_take_back_only_when_asked_twice(sign_in, client):
    owner = sign_in("owner")
    number = write_down(owner)
    owner.post(f"{HERE}{number}/autorizacao", {"prova": "Pasta 12"})
    owner.post(f"{HERE}{number}/publicar")
    owner.post(f"{HERE}{number}/revogar")
    assert rows()[0].is_shown
    owner.post(f"{HERE}{number}/revogar", {"confirmado": "1"})
    assert not rows()[0].is_shown
    assert "Comprei em uma tarde" not in client.get("/depoimentos").text
    actions = list(db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions[-1] == "testimonial.revoke"


def test_the_invitation_goes_by_mail(app):
    path = invite()
    job = db.session.scalars(
        sa.select(Job).where(Job.kind == "compose_testimonial_invitation")
    ).one()
    record = invitations.compose_invitation(job.payload)
    assert record is not None
    with writing():
        record()
    mail = db.session.scalars(sa.select(Mail)).one()
    assert path in mail.text


def test_an_address_asked_twice_gets_one_link(sign_in):
    editor = sign_in("editor")
    for _time in range(2):
        editor.post(f"{HERE}convites", {"email": "r@example.com", "nome": "R", "loja": ""})
    assert db.session.scalar(sa.select(sa.func.count(models.TestimonialInvitation.id))) == 1
    bad = editor.post(f"{HERE}convites", {"email": "nada", "nome": "Rita", "loja": ""})
    assert bad.status_code == 422
    assert "Rita" in bad.text


def test_addresses_of_expired_links_are_forgotten(app):
    invite()
    with writing() as session:
        session.scalars(sa.select(models.TestimonialInvitation)).one().expires_at = (
            now() - timedelta(1)
        )
    invitations.forget_invitations({})
    db.session.expire_all()
    assert db.session.scalars(sa.select(models.TestimonialInvitation)).one().email == ""


def test_hostile_words_come_out_as_text(sign_in, client):
    canary = "<script>alert(1)</script>{{7*7}}"
    editor = sign_in("editor")
    number = write_down(editor, texto=canary, nome=canary[:60], cidade=canary, carro=canary)
    editor.post(f"{HERE}{number}/autorizacao", {"prova": canary})
    editor.post(f"{HERE}{number}/publicar")
    for page in (client.get("/depoimentos").text, editor.get(f"{HERE}{number}/").text,
                 editor.get(f"{HERE}?situacao=published").text):  # fmt: skip
        assert "<script>alert(1)" not in page
        assert "{{7*7}}" in page


def test_two_people_at_once(sign_in):
    editor = sign_in("editor")
    number = write_down(editor)
    page = editor.get(f"{HERE}{number}/").text
    mark = page.partition('name="marca"')[2].partition('value="')[2].partition('"')[0]
    editor.post(f"{HERE}{number}/", {**WORDS, "cidade": "Santos", "marca": mark})
    second = editor.post(f"{HERE}{number}/", {**WORDS, "cidade": "Jundiaí", "marca": mark})
    assert second.status_code == 409
    assert "Jundiaí" in second.text
    assert rows()[0].city == "Santos"


def test_roles_and_other_stores_do_not_reach(sign_in):
    mine, other = make_store(), make_store()
    owner = sign_in("owner")
    number = write_down(owner, loja=str(other.id))
    assert sign_in("seller").get(HERE).status_code == 404
    editor = sign_in("editor", stores=[mine])
    assert editor.get(f"{HERE}{number}/").status_code == 404
    assert editor.post(f"{HERE}{number}/publicar").status_code == 404
    assert "Renata" not in editor.get(f"{HERE}?situacao=hidden").text


def test_empty_pages_help(sign_in, client):
    assert "Convidar" in sign_in("editor").get(HERE).text
    answer = client.get("/depoimentos")
    assert answer.status_code == 200
    assert "noindex" in answer.text
