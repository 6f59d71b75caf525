"""What staff do with landing pages: one goal, revisions, windows, copies, previews."""

from datetime import timedelta

import pytest
from flask import g

from core.clock import now
from core.db import WriteOutsideTransaction, db, writing
from landing import editing
from landing.blocks import read_content
from landing.editing import BadAddress, BadWindow, NoSuchPage, NotPublishable
from landing.goals import Goal
from landing.models import LandingPage, LandingRevision
from tests.factories import make_store, make_vehicle
from tests.landing.pages import ACT, FORM, GRID, HERO, content, make_page

OTHER = {"text": "Agendar test drive", "goal": "test_drive"}


def refused(data, goal=Goal.PROPOSAL, **values) -> tuple[str, ...]:
    page = make_page(data, goal=goal, is_published=False, **values)
    with pytest.raises(NotPublishable) as caught, writing():
        editing.publish(db.session.merge(page))
    return caught.value.reasons


def test_a_page_with_two_goals_is_refused(app):
    (reason,) = refused(content({**GRID, "action": OTHER}))
    assert "2" in reason


def test_a_page_that_asks_for_nothing_is_refused(app):
    data = {**content(), "blocks": [{"kind": "legal", "text": "Só isto."}]}
    assert len(refused(data)) == 2  # and it has no opening


def test_a_goal_with_a_form_needs_the_form(app):
    assert refused({**content(), "blocks": [HERO]})


def test_a_second_form_is_refused(app):
    assert refused(content(FORM))


def test_another_goal_than_the_page_s_is_refused(app):
    assert refused(content(), goal=Goal.TEST_DRIVE)


def test_whatsapp_takes_no_form_and_needs_a_number(app):
    talk = {"text": "Falar no WhatsApp", "goal": "whatsapp"}
    hero, form = {**HERO, "action": talk}, {**FORM, "action": talk}
    assert refused({**content(), "blocks": [hero, form]}, goal=Goal.WHATSAPP)
    assert refused({**content(), "blocks": [hero]}, goal=Goal.WHATSAPP)  # no store has a number
    make_store()
    g.pop("dealer", None)
    assert make_page({**content(), "blocks": [hero]}, goal=Goal.WHATSAPP).state == "published"


@pytest.mark.parametrize("text", ["Saiba mais", "Clique aqui", "Enviar"])
def test_a_button_that_says_nothing_is_refused_with_a_suggestion(app, text):
    action = {**ACT, "text": text}
    (reason,) = refused({**content(), "blocks": [{**HERO, "action": action}, FORM]})
    assert text in reason


def test_a_variant_s_button_is_checked_too(app):
    assert refused(content(variants={"a": {}, "b": {"action_text": "Saiba mais"}}))


@pytest.mark.parametrize(
    "variants",
    [{"a": {}}, {"b": {}, "c": {}}, {"a": {"weight": 0}, "b": {"weight": 0}},
     {"a": {}, "b": {"order": [2, 1]}}],
)  # fmt: skip
def test_a_test_that_cannot_be_one_is_refused(app, variants):
    assert refused(content(variants=variants))


def test_a_countdown_needs_a_real_end(app):
    count = {"kind": "countdown", "text": "Vale", "until": "page"}
    assert refused(content(count))
    assert refused(content({**count, "until": "promotion"}))
    assert make_page(content(count), ends_at=now() + timedelta(days=2)).state == "published"


def test_praise_without_permission_is_refused(app):
    quote = {"text": "Bom.", "name": "Ana", "city": "Campinas", "month": "2026-03"}
    assert refused(content({"kind": "testimonial", "items": [quote]}))
    allowed = {**quote, "has_permission": True}
    make_page(content({"kind": "testimonial", "items": [allowed]}))


def test_a_vehicle_that_does_not_exist_is_named(app):
    (reason,) = refused(content({**GRID, "filter": "", "vehicles": ["nada1234"]}))
    assert "nada1234" in reason
    vehicle = make_vehicle()
    make_page(content({**GRID, "filter": "", "vehicles": [vehicle.public_id]}))


def test_revisions_are_added_and_an_earlier_one_comes_back(app):
    page = make_page(slug="laudo")
    with writing():
        page = editing.find("laudo")
        editing.save_draft(page, content(title="Segunda"), "ana@x.example", "texto novo")
        editing.publish(page)
        editing.restore(page, 1, "bia@x.example")
    assert _live_title("laudo") == "Segunda"  # restoring alone shows nothing
    with writing():
        editing.publish(editing.find("laudo"))
    assert _live_title("laudo") == "Seminovos com laudo"
    revisions = editing.revisions(editing.find("laudo"))
    assert [each.number for each in revisions] == [3, 2, 1]
    assert revisions[0].author == "bia@x.example"


def test_an_earlier_revision_published_again_keeps_the_history(app):
    make_page(slug="laudo")
    with writing():
        page = editing.find("laudo")
        editing.save_draft(page, content(title="Segunda"), "ana")
        editing.publish(page)
        again = editing.publish(page, number=1)
    assert again.number == 3
    assert _live_title("laudo") == "Seminovos com laudo"
    assert all(each.publish_at for each in editing.revisions(editing.find("laudo")))


def test_publishing_what_is_live_changes_nothing(app):
    make_page(slug="laudo")
    before = editing.live_revision(editing.find("laudo")).publish_at
    with writing():
        editing.publish(editing.find("laudo"))
    assert editing.live_revision(editing.find("laudo")).publish_at == before
    assert len(editing.revisions(editing.find("laudo"))) == 1


def test_a_planned_revision_comes_by_itself(app):
    make_page(slug="laudo")
    later = now() + timedelta(hours=3)
    with writing():
        page = editing.find("laudo")
        editing.save_draft(page, content(title="Amanhã"), "ana")
        editing.publish(page, at=later)
    assert _live_title("laudo") == "Seminovos com laudo"
    page = editing.find("laudo")
    then = editing.live_revision(page, later + timedelta(seconds=1))
    assert read_content(then.content).title == "Amanhã"


def test_a_planned_revision_can_be_published_at_once(app):
    make_page(slug="laudo")
    with writing():
        page = editing.find("laudo")
        editing.save_draft(page, content(title="Amanhã"), "ana")
        editing.publish(page, at=now() + timedelta(hours=3))
        editing.publish(page)
    assert _live_title("laudo") == "Amanhã"
    assert len(editing.revisions(editing.find("laudo"))) == 2


def test_a_copy_is_a_draft_of_its_own(app):
    make_page(slug="laudo", ends_at=now() + timedelta(days=1))
    with writing():
        copy = editing.duplicate(editing.find("laudo"), "laudo-2", "Cópia", "ana")
        editing.save_draft(copy, content(title="Só a cópia"), "ana")
    copy = editing.find("laudo-2")
    assert (copy.state, copy.ends_at, copy.goal) == ("draft", None, "proposal")
    assert _live_title("laudo") == "Seminovos com laudo"


@pytest.mark.parametrize("slug", ["", "Com Espaço", "á", "a/b", "-", "x" * 200, "laudo"])
def test_an_address_that_cannot_be_used_is_refused(app, slug):
    make_page(slug="laudo")
    with pytest.raises(BadAddress), writing():
        editing.create(slug, "Nome", Goal.PROPOSAL)


def test_an_end_before_the_start_is_refused(app):
    page = make_page(slug="laudo")
    with pytest.raises(BadWindow), writing():
        editing.schedule(db.session.merge(page), now(), now() - timedelta(hours=1))


def test_a_page_that_is_not_there_is_said_so(app):
    with pytest.raises(NoSuchPage):
        editing.find("nada")
    make_page(slug="laudo")
    with pytest.raises(NoSuchPage):
        editing.revision_of(editing.find("laudo"), 9)


def test_a_preview_opens_its_own_page_and_revision_only(app):
    make_page(slug="laudo", is_published=False)
    make_page(slug="outra", is_published=False)
    token = editing.preview_token(editing.revision_of(editing.find("laudo")))
    _page, revision = editing.read_preview("laudo", token)
    assert revision.number == 1
    assert editing.read_preview("outra", token) is None
    for forged in ("", "x", token[:-2], token + "x"):
        assert editing.read_preview("laudo", forged) is None


def test_verbs_write_only_inside_writing(app):
    with pytest.raises(WriteOutsideTransaction):
        editing.create("laudo", "Laudo", Goal.PROPOSAL)
    db.session.rollback()
    assert db.session.query(LandingPage).count() == 0
    assert db.session.query(LandingRevision).count() == 0


def test_advice_speaks_of_form_and_proof(app):
    data = content()
    data["blocks"] = [HERO, GRID, FORM]
    assert len(editing.advice(read_content(data))) == 2


def _live_title(slug: str) -> str:
    return read_content(editing.live_revision(editing.find(slug)).content).title


def test_the_sitemap_names_open_pages_that_want_to_be_found(client, statements):
    day = timedelta(days=1)
    make_page(slug="aberta")
    make_page({**content(), "is_indexable": False}, slug="copia")
    make_page(slug="rascunho", is_published=False)
    over = make_page(slug="acabou")
    with writing():
        db.session.merge(over).ends_at = now() - day
    make_page(slug="amanha", starts_at=now() + day)
    statements.clear()
    assert editing.indexable_paths() == ["/lp/aberta"]
    assert len(statements) == 1
    body = client.get("/sitemap-paginas.xml").text
    assert "/lp/aberta</loc>" in body
    assert body.count("/lp/") == 1


def test_credit_without_what_the_law_asks_is_refused(app):
    text = {"kind": "text", "markdown": "Leve em **48x de R$ 999,00** e pronto."}
    page = make_page(content(text), is_published=False)
    found = editing.problems(page, read_content(content(text)))
    assert found
    with pytest.raises(NotPublishable), writing():
        editing.publish(db.session.merge(page))


def test_bold_words_are_no_footnote(app):
    text = {"kind": "text", "markdown": "Um carro **revisado**."}
    assert not [one for one in editing.advice(read_content(content(text))) if "asterisco" in one]
