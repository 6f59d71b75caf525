"""The sample of the week, its judgement, the answer to it, and what follows for people."""

from datetime import datetime, time, timedelta

import pytest
import sqlalchemy as sa

from core.clock import DEFAULT_ZONE, now, today
from core.db import db, writing
from dealership.roles import Role
from dealership.staff import find_staff
from leads.erasure import erase
from leads.models import Lead, Person
from leads.pipeline import quality
from leads.pipeline.quality import JOBS, QualitySample, draw, week_of
from leads.pipeline.stages import Stage
from tests.admin.conftest import SignIn
from tests.factories import make_store
from tests.leads.pipeline.waiting import fresh, happen, make_lead, make_staff

HERE = "/admin/qualidade/"


def last_week(hour: int = 10) -> datetime:
    monday = week_of(today()) - timedelta(days=7)
    return datetime.combine(monday, time(hour), tzinfo=DEFAULT_ZONE)


def lose(lead, who):
    happen(lead, "claimed", who.email, at=last_week(), owner_id=who.id)
    happen(lead, "lost", who.email, at=last_week(11), reason="price")


def talk(lead, who, **facts):
    happen(lead, "claimed", who.email, at=last_week(), owner_id=who.id)
    facts = {"channel": "phone", "evidence": "call", **facts}
    happen(lead, "human_contact", who.email, at=last_week(11), **facts)


def drawn() -> list[QualitySample]:
    return list(db.session.scalars(sa.select(QualitySample).order_by(QualitySample.id)))


def test_the_draw_is_by_lot_the_same_again_and_leaves_out_what_is_none(app):
    ana, bia = make_staff(name="Ana"), make_staff(name="Bia")
    lost = [make_lead(at=last_week(9)) for _ in range(21)]
    for lead in lost:
        lose(lead, ana)
    talks = [make_lead(at=last_week(9)) for _ in range(6)]
    for lead, who in zip(talks, [ana, ana, ana, bia, bia, bia], strict=True):
        talk(lead, who, **({"grade": "declared"} if lead is talks[-1] else {}))
    test = make_lead(at=last_week(9), is_test=True)
    lose(test, bia)
    make_lead()  # this week's
    JOBS["draw_samples"]({})
    found = drawn()
    kinds = [(one.kind, one.staff_id) for one in found]
    assert kinds.count(("lost", ana.id)) == 3  # 10 % of 21, rounded up
    assert kinds.count(("talk", ana.id)) == kinds.count(("talk", bia.id)) == 2
    assert {one.lead_id for one in found if one.kind == "lost"} < {one.id for one in lost}
    assert talks[-1].id not in {one.lead_id for one in found}
    assert [(one.place, one.of) for one in found if one.kind == "lost"] == [
        (1, 21), (2, 21), (3, 21)
    ]  # fmt: skip

    JOBS["draw_samples"]({})  # a second time, or after all was lost: the same
    first = [(one.lead_id, one.place) for one in found]
    with writing() as session:
        session.execute(sa.delete(QualitySample))
        assert draw(week_of(today()) - timedelta(days=7)) == 7
        assert draw(week_of(today()) - timedelta(days=7)) == 0
    assert [(one.lead_id, one.place) for one in drawn()] == first


def test_a_judgement_is_weighed_read_and_answered(sign_in: SignIn):
    store = make_store()
    owner = sign_in("owner")
    attendant = sign_in("attendant", stores=[store])
    who = find_staff("attendant@loja.example")
    lead = make_lead(at=last_week(9), store_id=store.id)
    lose(lead, who)
    JOBS["draw_samples"]({})
    (sample,) = drawn()
    here = f"{HERE}{sample.id}/"
    assert attendant.get(here).status_code == 404  # not judged yet
    assert "Ficha" in owner.get(here).text
    assert "Uma conversa para avaliar" in owner.get("/admin/").text

    answers = {"p_named": "2", "p_car": "1", "p_answered": "0", "p_next_step": "", "p_tone": "2"}
    for wrong in ({**answers, "p_tone": "9"}, {}):
        refused = owner.post(f"{here}avaliar", data={**wrong, "comentario": "Quase"})
        assert refused.status_code == 422
        assert "Quase" in refused.text
    sent = {**answers, "comentario": "Faltou responder o preço."}
    assert owner.post(f"{here}avaliar", data=sent).status_code == 303
    db.session.rollback()
    # 1×2 + 2×1 + 3×0 + 1×2 of twice the weights that count
    assert drawn()[0].total == round(100 * 6 / 14)
    assert "para avaliar" not in owner.get("/admin/").text
    assert "Faltou responder o preço." in attendant.get(HERE).text
    assert attendant.post(f"{here}avaliar", data=sent).status_code == 404
    assert owner.post(f"{here}responder", data={"texto": "Eu"}).status_code == 303
    assert drawn()[0].reply == ""
    attendant.post(f"{here}responder", data={"texto": "O preço estava no anúncio."})
    assert "O preço estava no anúncio." in owner.get(HERE).text
    db.session.rollback()
    assert drawn()[0].replied_at is not None


def test_nobody_judges_their_own_work_nor_another_stores(sign_in: SignIn):
    mine, other = make_store(), make_store()
    supervisor = sign_in("supervisor", stores=[mine])
    who = find_staff("supervisor@loja.example")
    lose(make_lead(at=last_week(9), store_id=mine.id), who)
    lose(make_lead(at=last_week(9), store_id=other.id), make_staff())
    with writing():
        quality.set_quality_rules(100, 2, quality.QualityRules().criteria, by="x")
    JOBS["draw_samples"]({})
    own, foreign = sorted(drawn(), key=lambda one: one.staff_id != who.id)
    page = supervisor.get(f"{HERE}{own.id}/")
    assert "comentario" not in page.text
    assert supervisor.post(f"{HERE}{own.id}/avaliar", data={"p_tone": "2"}).status_code == 422
    assert supervisor.get(f"{HERE}{foreign.id}/").status_code == 404
    assert f"{HERE}{foreign.id}/" not in supervisor.get(HERE).text


def test_a_lead_given_up_too_soon_is_reopened_in_one_tap_and_back(sign_in: SignIn):
    owner, ana = sign_in("owner"), make_staff()
    lead = make_lead(at=last_week(9))
    lose(lead, ana)
    JOBS["draw_samples"]({})
    (sample,) = drawn()
    page = owner.post(f"{HERE}{sample.id}/reabrir", follow_redirects=True)
    assert fresh(lead).state == Stage.WAITING
    undo = page.text.partition(f"/admin/atendimento/{lead.id}/desfazer/")[2].partition('"')[0]
    assert owner.post(f"/admin/atendimento/{lead.id}/desfazer/{undo}").status_code == 303
    assert fresh(lead).state == Stage.LOST
    again = owner.post(f"{HERE}{sample.id}/reabrir")
    assert again.status_code == 303
    assert owner.post(f"{HERE}{sample.id}/reabrir").status_code == 303  # a double click
    assert fresh(lead).state == Stage.WAITING


def test_a_sale_or_a_wish_for_no_contact_is_not_reopened_from_here(sign_in: SignIn):
    owner, ana = sign_in("owner"), make_staff()
    leads = [make_lead(at=last_week(9)) for _ in range(2)]
    for lead, kind in zip(leads, ("won", "blocked"), strict=True):
        talk(lead, ana)
        happen(lead, kind, ana.email, at=last_week(12))
    JOBS["draw_samples"]({})
    assert len(drawn()) == 2
    for sample in drawn():
        assert "reabrir" not in owner.get(f"{HERE}{sample.id}/").text
        owner.post(f"{HERE}{sample.id}/reabrir")
    assert [fresh(one).state for one in leads] == [Stage.WON, Stage.BLOCKED]


def test_what_is_merged_or_erased_drops_out(sign_in: SignIn):
    owner, ana = sign_in("owner"), make_staff()
    leads = [make_lead(at=last_week(9), person=Person(name=name)) for name in ("Rui", "Lia")]
    for lead in leads:
        talk(lead, ana)
    JOBS["draw_samples"]({})
    erased, merged = drawn()
    with writing():
        lead = db.session.get_one(Lead, erased.lead_id)
        erase(lead.person_id, "person")
    happen(db.session.get_one(Lead, merged.lead_id), "merged", into=lead.id)
    assert [one.id for one in drawn()] == [merged.id]
    assert owner.get(f"{HERE}{merged.id}/").status_code == 404
    assert "Tudo avaliado" in owner.get(HERE).text


def test_a_weakness_is_named_from_three_on_with_its_examples(sign_in: SignIn):
    owner, ana = sign_in("owner"), make_staff(name="Ana Souza")
    week = week_of(today())
    for number in range(4):
        lead = make_lead()
        points = {"tone": 2, "named": 0 if number else 2, "car": 0 if number < 2 else None}
        scores = [
            {"code": code, "words": "", "weight": 1, "points": worth}
            for code, worth in points.items()
        ]
        row = QualitySample(week=week, kind="talk", lead_id=lead.id, staff_id=ana.id, place=1, of=1)
        row.scores, row.total, row.scored_at, row.scored_by = scores, 50, now(), "x"
        with writing() as session:
            session.add(row)
    (found,) = quality.weaknesses(quality.judged_since(week, None))
    assert (found.code, found.percent, found.judged, len(found.examples)) == ("named", 25, 4, 3)
    page = owner.get(HERE).text
    assert "Ana Souza</strong>: Chamou a pessoa pelo nome" in page


def test_the_card_is_data_and_what_was_judged_keeps_its_own(sign_in: SignIn):
    owner = sign_in("owner")
    page = owner.get(f"{HERE}ficha").text
    assert "Combinou o próximo passo" in page
    sent = {
        "perdidos": "25", "conversas": "0", "codigo": ["tone", ""], "peso": ["1", "4"],
        "pergunta": ["Foi cordial e claro", "Ofereceu o test drive"],
    }  # fmt: skip
    assert owner.post(f"{HERE}ficha", data=sent).status_code == 303
    rules = quality.quality_rules()
    assert (rules.lost_percent, rules.talks_each) == (25, 0)
    assert [one.question for one in rules.criteria] == [
        "Foi cordial e claro", "Ofereceu o test drive"
    ]  # fmt: skip
    for wrong in (
        {**sent, "perdidos": "x"}, {**sent, "perdidos": "101"}, {**sent, "peso": ["0", "1"]},
        {**sent, "pergunta": ["", ""]}, {**sent, "pergunta": ["A", "A"]},
    ):  # fmt: skip
        refused = owner.post(f"{HERE}ficha", data=wrong)
        assert refused.status_code == 422, wrong
    assert quality.quality_rules() == rules


@pytest.mark.sqlite_only
def test_special_rules_are_added_ordered_and_dated(sign_in: SignIn):
    from leads.pipeline.rules import rules_at, rules_history

    owner, ana = sign_in("owner"), make_staff(Role.SELLER, name="Ana Souza")
    here = "/admin/regras/especiais/"
    for wrong in (
        {}, {"tipo": "fleet"}, {"tipo": "price", "valor": "x", "pessoa": ana.id},
        {"tipo": "make", "marca": "nada", "pessoa": ana.id}, {"tipo": "fleet", "pessoa": "999"},
    ):  # fmt: skip
        assert owner.post(here, data=wrong).status_code == 422, wrong
    owner.post(here, data={"tipo": "price", "valor": "150.000", "pessoa": ana.id})
    owner.post(here, data={"tipo": "captor"})
    assert [(one.kind, one.value) for one in rules_at().special] == [
        ("price", "150000"), ("captor", "")
    ]  # fmt: skip
    page = owner.get(here).text
    assert "Ana Souza" in page
    rule = rules_at().special[1].model_dump_json()
    for _click in range(2):  # a double click moves nothing else
        owner.post(f"{here}mover", data={"lugar": "1", "regra": rule, "para": "primeira"})
    assert [one.kind for one in rules_at().special] == ["captor", "price"]
    owner.post(f"{here}mover", data={"lugar": "0", "regra": rule})
    assert [one.kind for one in rules_at().special] == ["price"]
    assert len(rules_history()) == 4
    owner.post("/admin/regras/desfazer", data={"mudanca": rules_history()[0].id})
    assert [one.kind for one in rules_at().special] == ["captor", "price"]


@pytest.mark.sqlite_only
def test_everybodys_own_link_carries_their_code(sign_in: SignIn):
    from dealership.personal_link import code_of

    seller, owner = sign_in("seller"), sign_in("owner")
    who = find_staff("seller@loja.example")
    page = seller.get("/admin/meu-link/?pagina=https://x.example/oferta/onix-1?a=1").text
    assert f"/oferta/onix-1?vendedor={code_of(who.id)}" in page
    assert "<svg" in page
    for odd in ("//x.example", "javascript:alert(1)", "[", "/admin/"):
        assert (
            f"localhost/?vendedor={code_of(who.id)}"
            in seller.get(f"/admin/meu-link/?pagina={odd}").text
        )
    endless = seller.get("/admin/meu-link/?pagina=/" + "\U0001f697" * 299)
    assert endless.status_code == 200  # no code holds that much
    boss = find_staff("owner@loja.example")
    assert seller.get(f"/admin/meu-link/?pessoa={boss.id}").status_code == 404
    assert code_of(who.id) in owner.get(f"/admin/meu-link/?pessoa={who.id}").text
