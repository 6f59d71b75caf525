"""The page as a visitor gets it: one way out, true cars, the ad's promise, a form that is kept."""

import json
import re
import time
from datetime import UTC, date, datetime, timedelta
from html import escape, unescape

import pytest
import sqlalchemy as sa
import time_machine
from flask import g

from core.clock import now
from core.db import db, writing
from inventory.lifecycle import move
from inventory.models import Photo, Vehicle
from landing import editing
from landing.goals import Goal
from leads.capture import drain, spool
from leads.models import Submission
from tests.factories import make_store, make_vehicle
from tests.landing.pages import ACT, FORM, GRID, HERO, content, make_page

BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Language": "pt-BR"}
TYPED = {"nome": "Ana Souza", "telefone": "(19) 98765-4321"}


@pytest.fixture
def client(app):
    return app.test_client()


def read(client, slug: str, query: str = "") -> str:
    answer = client.get(f"/lp/{slug}{query}", headers=BROWSER)
    assert answer.status_code == 200, answer.status_code
    return answer.text


def sell(vehicle: Vehicle) -> None:
    with writing() as session:
        move(session.get(Vehicle, vehicle.id), "sold", by="test")


def post(client, slug: str, query: str = "", **values):
    page = read(client, slug, query)
    action = unescape(re.search(r'<form[^>]*id="pedido"[^>]*action="([^"]+)"', page)[1])
    hidden = dict(
        re.findall(r'<input[^>]*name="(submission_id|carimbo)"[^>]*value="([^"]+)"', page)
    )
    return client.post(action, data={**hidden, **TYPED, **values}, headers=BROWSER)


# ---- what stands on it ----


def test_the_head_is_complete_and_the_page_has_one_heading(client):
    make_vehicle()
    make_page(content(GRID), slug="laudo")
    page = read(client, "laudo")
    assert page.count("<h1") == 1
    assert "<title>Seminovos com laudo</title>" in page
    assert '<link rel="canonical" href="http://localhost/lp/laudo">' in page
    assert 'property="og:image" content="http://localhost/' in page
    assert 'name="robots"' not in page
    graph = json.loads(re.search(r'<script type="application/ld\+json">(.+?)</script>', page)[1])
    (node,) = graph["@graph"]
    assert node["@type"] == "WebPage"
    assert len(node["mainEntity"]["itemListElement"]) == 1


def test_an_untitled_block_is_no_section(client):
    make_vehicle()
    benefits = {
        "kind": "benefits",
        "items": [{"title": t, "icon": "check"} for t in ("Laudo", "Troca")],
    }
    make_page(content(GRID, benefits), slug="laudo")
    for section in re.findall(r"<section.*?</section>", read(client, "laudo"), re.S):
        assert re.search(r"<h[1-6]", section), section[:200]


def test_a_near_copy_asks_not_to_be_indexed(client):
    make_page(content(is_indexable=False), slug="laudo")
    assert 'name="robots" content="noindex' in read(client, "laudo")


def test_there_is_no_way_out_but_the_action_and_the_legal_link(client):
    vehicle = make_vehicle()
    make_page(content(GRID, {"kind": "text", "markdown": "[fora](https://x.example)"},
                      {"kind": "legal", "text": "Veja www.x.example"}), slug="laudo")  # fmt: skip
    body = read(client, "laudo").partition("<body")[2]
    links = {unescape(link) for link in re.findall(r'<a\s[^>]*href="([^"]+)"', body)}
    assert links == {
        "#main",
        "#formulario",
        f"/lp/laudo?carro={vehicle.public_id}#formulario",
        "/privacidade",
    }
    assert "<nav" not in body
    assert body.count("<form") == 1


def test_the_legal_footer_names_the_dealer_and_its_address(client):
    make_store(street="Rua das Laranjeiras, 7")
    make_page(slug="laudo")
    foot = read(client, "laudo").partition("<footer")[2]
    assert "Rua das Laranjeiras, 7" in foot


def test_every_kind_of_block_is_drawn(client):
    vehicle = make_vehicle()
    quote = {"text": "Recomendo.", "name": "Ana", "city": "Campinas", "month": "2026-03",
             "has_permission": True}  # fmt: skip
    blocks = [
        GRID,
        {"kind": "offer", "vehicles": [vehicle.public_id], "action": ACT},
        {"kind": "benefits", "items": [{"title": "Laudo cautelar"}, {"title": "Garantia"}]},
        {"kind": "testimonial", "items": [quote]},
        {"kind": "video", "heading": "Veja a loja", "youtube": "aqz-KE-bpKQ", "seconds": 75},
        {"kind": "countdown", "text": "Vale", "until": "page"},
        {"kind": "faq", "heading": "Dúvidas", "items": [{"question": "Aceita troca?",
                                                        "answer": "Sim."}]},
        {"kind": "text", "markdown": "**Como funciona**"},
        {"kind": "legal", "text": "Condições na loja."},
    ]  # fmt: skip
    make_page(content(*blocks), slug="tudo", ends_at=now() + timedelta(days=3))
    page = read(client, "tudo")
    for words in ("Na loja hoje", "Laudo cautelar", "Recomendo.", "Veja a loja", "1:15", "Vale",
                  "data-countdown", "Aceita troca?", "<strong>Como funciona</strong>",
                  "Condições na loja."):  # fmt: skip
        assert words in page, words
    assert "<iframe" not in page
    assert "ytimg" not in page


HOSTILE = '<script>alert("x")</script>{{ 7*7 }}{% raw %}</script>&"\''


def test_hostile_texts_stand_escaped_in_every_field(client):
    make_vehicle()
    quote = {"text": HOSTILE, "name": "<b>Ana</b>", "city": HOSTILE[:60], "bought": "<i>x</i>",
             "month": "2026-03", "has_permission": True}  # fmt: skip
    blocks = [
        {**HERO, "headline": HOSTILE, "text": HOSTILE, "reasons": [HOSTILE]},
        {**FORM, "heading": HOSTILE, "text": HOSTILE},
        {**GRID, "heading": HOSTILE, "text": HOSTILE},
        {"kind": "benefits", "heading": HOSTILE, "items": [{"title": "<b>a</b>", "text": HOSTILE},
                                                           {"title": "{{ x }}"}]},
        {"kind": "testimonial", "heading": HOSTILE, "items": [quote]},
        {"kind": "faq", "heading": HOSTILE, "items": [{"question": HOSTILE, "answer": HOSTILE}]},
        {"kind": "text", "heading": HOSTILE, "markdown": HOSTILE},
        {"kind": "legal", "text": HOSTILE},
    ]  # fmt: skip
    data = content(title="</title>{{ 7*7 }}", description='"><script>x</script>')
    make_page({**data, "blocks": blocks}, slug="hostil")
    page = read(client, "hostil")
    assert "<script>alert" not in page
    assert "<script>x" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert ">49" not in page
    assert "</script>49" not in unescape(page)
    assert "{{ 7*7 }}" in unescape(page)
    assert escape("<script>alert(", quote=False) in page


# ---- when it is there ----


def test_drafts_early_and_unknown_pages_are_not_found(client):
    make_page(slug="rascunho", is_published=False)
    make_page(slug="cedo", starts_at=now() + timedelta(hours=1))
    for slug in ("rascunho", "cedo", "nada", "%00", "á", "x" * 500, "..", "laudo'--"):
        assert client.get(f"/lp/{slug}").status_code == 404, slug


def test_head_is_answered_like_get(client):
    make_page(slug="laudo")
    answer = client.head("/lp/laudo")
    assert answer.status_code == 200
    assert answer.data == b""


def test_a_page_comes_and_leaves_by_itself(client):
    moment = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        make_page(slug="laudo", starts_at=moment + timedelta(days=1),
                  ends_at=moment + timedelta(days=2))  # fmt: skip
        assert client.get("/lp/laudo").status_code == 404
    with time_machine.travel(moment + timedelta(days=1, seconds=1), tick=False):
        assert client.get("/lp/laudo").status_code == 200
    with time_machine.travel(moment + timedelta(days=2), tick=False):
        assert client.get("/lp/laudo").status_code == 410


def test_a_page_that_is_taken_down_is_gone_at_once(client):
    make_page(slug="laudo")
    read(client, "laudo")
    with writing():
        editing.unpublish(editing.find("laudo"))
    assert client.get("/lp/laudo").status_code == 404


def test_after_the_end_the_same_car_then_one_like_it_then_a_helpful_page(client):
    vehicle = make_vehicle()
    block = {"kind": "offer", "vehicles": [vehicle.public_id], "action": ACT}
    make_page(content(block), slug="fim")
    with writing():
        editing.schedule(editing.find("fim"), None, now() - timedelta(minutes=1))
    answer = client.get("/lp/fim?utm_source=google&x=1")
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"-{vehicle.public_id}?utm_source=google")
    assert "no-store" in answer.headers["Cache-Control"]
    other = make_vehicle()
    sell(vehicle)
    assert client.get("/lp/fim").headers["Location"].endswith(other.public_id)
    sell(other)
    gone = client.get("/lp/fim")
    assert gone.status_code == 410
    assert 'action="/estoque"' in gone.text
    assert 'content="noindex' in gone.text


# ---- true cars ----


def test_the_price_is_the_one_of_now(client):
    vehicle = make_vehicle(price_cents=50_000_00)
    block = {"kind": "offer", "vehicles": [vehicle.public_id], "action": ACT}
    make_page(content(block), slug="laudo")
    assert "R$\xa050.000" in read(client, "laudo")
    with writing() as session:
        session.get(Vehicle, vehicle.id).price_cents = 47_500_00
    page = read(client, "laudo")
    assert "R$\xa047.500" in page
    assert "R$\xa050.000" not in page


def test_a_sold_car_leaves_the_grid_at_once(client):
    vehicle, other = make_vehicle(), make_vehicle()
    make_page(content(GRID), slug="laudo")
    assert vehicle.public_id in read(client, "laudo")
    sell(vehicle)
    page = read(client, "laudo")
    assert vehicle.public_id not in page
    assert other.public_id in page


def test_a_sold_car_picked_by_hand_is_replaced_by_one_like_it(client):
    vehicle, stays, like = make_vehicle(), make_vehicle(), make_vehicle()
    block = {**GRID, "filter": "", "vehicles": [vehicle.public_id, stays.public_id]}
    make_page(content(block), slug="laudo")
    assert like.public_id not in read(client, "laudo")
    sell(vehicle)
    page = read(client, "laudo")
    assert vehicle.public_id not in page
    assert page.index(stays.public_id) < page.index(like.public_id)


def test_an_offer_whose_car_is_sold_turns_into_similar_ones(client):
    vehicle = make_vehicle()
    block = {"kind": "offer", "vehicles": [vehicle.public_id], "action": ACT}
    count = {"kind": "countdown", "text": "Vale", "until": "promotion"}
    make_page(content(block, count), slug="laudo")
    others = [make_vehicle() for _n in range(4)]
    sell(vehicle)
    page = read(client, "laudo")
    assert vehicle.public_id not in page
    assert sum(other.public_id in page for other in others) == 3


def test_a_block_without_any_car_is_not_drawn(client):
    make_page(content(GRID), slug="laudo")
    assert "Na loja hoje" not in read(client, "laudo")


def test_the_countdown_names_the_end_of_the_promotion_in_the_store_s_day(client):
    with time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC), tick=False):
        vehicle = make_vehicle(promo_price_cents=60_000_00, promo_until=date(2026, 6, 3))
        block = {"kind": "offer", "vehicles": [vehicle.public_id], "action": ACT}
        count = {"kind": "countdown", "text": "Vale", "until": "promotion"}
        make_page(content(count, block), slug="laudo")
        page = read(client, "laudo")
        assert 'data-countdown="2026-06-04T00:00:00-03:00"' in page
        assert "3 de junho" in page
    with time_machine.travel(datetime(2026, 6, 4, 4, tzinfo=UTC), tick=False):
        assert "data-countdown" not in read(client, "laudo")


def test_a_car_chosen_on_the_page_stands_in_its_form(client):
    vehicle = make_vehicle(make="Fiat", model="Argo")
    hidden = make_vehicle(state="draft", published_at=None, make="Ford", model="Ka")
    make_page(content(GRID), slug="laudo")
    assert "lp-about" not in read(client, "laudo")
    page = read(client, "laudo", f"?carro={vehicle.public_id}&utm_source=google")
    assert "Fiat Argo" in page.partition('class="lp-about"')[2].partition("</p>")[0]
    assert f"carro={vehicle.public_id}" in page.partition('id="pedido"')[2].partition(">")[0]
    for chosen in (hidden.public_id, "'--", "x" * 99, "<b>"):
        assert "lp-about" not in read(client, "laudo", f"?carro={chosen}")


# ---- the ad's promise ----


MATCHES = [{"keys": ["cambio automatico", "automaticos"], "headline": "Seminovos automáticos"}]


@pytest.mark.parametrize(
    ("query", "headline"),
    [
        ("?utm_term=carro+com+c%C3%A2mbio+autom%C3%A1tico", "Seminovos automáticos"),
        ("?utm_campaign=br_AUTOMATICOS_2026", "Seminovos automáticos"),
        ("?utm_term=comprar+onix+2021", "Chevrolet Onix com laudo"),
        ("?utm_content=Chevrolet-usado", "Chevrolet com laudo"),
        ("?utm_term=corolla", "Seminovos com laudo na mão"),
        ("?utm_term=cambio", "Seminovos com laudo na mão"),
        ("?utm_term=208", "Seminovos com laudo na mão"),
        ("?utm_term=peugeot+208", "Peugeot 208 com laudo"),
        ("?utm_source=onix", "Seminovos com laudo na mão"),
        ("?utm_term=", "Seminovos com laudo na mão"),
        ("", "Seminovos com laudo na mão"),
    ],
)
def test_the_headline_follows_the_ad(client, query, headline):
    make_vehicle()
    make_vehicle(make="Peugeot", model="208")
    make_page(content(GRID, matches=MATCHES, car_headline="{carro} com laudo"), slug="laudo")
    page = read(client, "laudo", query)
    assert f"<h1>{headline}</h1>" in page


def test_the_cars_of_the_ad_come_first(client):
    argo = make_vehicle(make="Fiat", model="Argo")
    for _n in range(8):
        make_vehicle()
    make_page(content({**GRID, "limit": 3}), slug="laudo")
    page = read(client, "laudo", "?utm_term=fiat+argo")
    first = re.search(r'data-offer="(\w+)"', page)[1]
    assert first == argo.public_id
    assert page.count("data-offer=") == 3


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "Grátis ligue 0900-666", "%00%ff", "x" * 5000, "{{7*7}}",
     "\u202eonix", "' OR 1=1 --", "á" * 900, "\r\nSet-Cookie: a=b"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["utm_term", "utm_content", "utm_campaign", "utm_source"])
def test_the_ad_s_own_words_never_reach_the_page(client, name, text):
    make_vehicle()
    make_page(content(GRID, car_headline="{carro} com laudo"), slug="laudo")
    answer = client.get("/lp/laudo", query_string={name: text}, headers=BROWSER)
    assert answer.status_code == 200
    shown = re.sub(r'(href|action)="[^"]*"', "", answer.text)
    assert text not in unescape(shown)
    assert "<script>alert" not in answer.text
    assert "49</" not in answer.text


# ---- variants ----


VARIANTS = {"a": {"weight": 1}, "b": {"weight": 1, "headline": "Outra promessa",
            "action_text": "Pedir minha proposta", "order": [1, 3, 2]}}  # fmt: skip


def test_each_variant_is_drawn_whole_by_the_server(client):
    make_vehicle()
    make_page(content(GRID, variants=VARIANTS), slug="teste")
    token = editing.preview_token(editing.revision_of(editing.find("teste")))
    first = read(client, "teste", f"?previa={token}&v=a")
    second = read(client, "teste", f"?previa={token}&v=b")
    assert "<h1>Seminovos com laudo na mão</h1>" in first
    assert "<h1>Outra promessa</h1>" in second
    assert "Pedir minha proposta" in second
    assert "Quero uma proposta" not in second
    assert second.index("Na loja hoje") < second.index('id="formulario"')
    assert first.index("Na loja hoje") > first.index('id="formulario"')


def test_a_visitor_keeps_the_variant_and_the_lead_says_which(client):
    make_page(content(GRID, variants=VARIANTS), slug="teste")
    make_vehicle()
    pages = {re.search(r"<h1>(.+?)</h1>", read(client, "teste"))[1] for _n in range(5)}
    assert len(pages) == 1
    answer = post(client, "teste")
    assert answer.status_code == 303
    (kept,) = db.session.scalars(sa.select(Submission))
    assert kept.meta["variant"] == ("b" if pages == {"Outra promessa"} else "a")


def test_a_page_without_variants_sets_no_cookie(client):
    make_page(slug="laudo")
    assert "Set-Cookie" not in client.get("/lp/laudo", headers=BROWSER).headers


# ---- the form ----


def test_a_post_is_kept_and_thanked(client):
    vehicle = make_vehicle()
    make_page(content(GRID), slug="laudo")
    answer = post(client, "laudo", f"?carro={vehicle.public_id}&utm_source=google&utm_term=onix")
    assert answer.status_code == 303
    (kept,) = db.session.scalars(sa.select(Submission))
    assert answer.headers["Location"] == f"/lp/laudo/obrigado?pedido={kept.id}"
    assert kept.source == "landing"
    assert kept.payload["source_ref"] == "laudo"
    assert kept.payload["vehicle"] == vehicle.public_id
    assert kept.payload["kind"] == "interest"
    assert kept.payload["phone"] == "+5519987654321"
    assert kept.meta["last_touch"]["source"] == "google"
    assert kept.meta["revision"] == 1
    thanks = client.get(answer.headers["Location"])
    assert thanks.status_code == 200
    assert "no-store" in thanks.headers["Cache-Control"]
    assert 'name="robots" content="noindex' in thanks.text
    assert vehicle.public_id in thanks.text
    assert "/w/oferta-" in thanks.text
    assert "Ana" not in thanks.text


def test_the_same_post_twice_is_one_submission(client):
    make_page(slug="laudo")
    data = {**TYPED, "submission_id": "5ba5f4c4-5b0e-4a3f-9c53-4a9c4f1c6a61"}
    first = client.post("/lp/laudo", data=data)
    again = client.post("/lp/laudo", data=data)
    assert first.headers["Location"] == again.headers["Location"]
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 1


def test_a_refused_post_is_redrawn_with_what_was_typed(client):
    make_page(slug="laudo")
    answer = client.post("/lp/laudo", data={"nome": "Ana <b>", "telefone": "12"})
    assert answer.status_code == 422
    assert 'value="Ana &lt;b&gt;"' in answer.text
    assert 'id="f-telefone-error"' in answer.text
    assert "<h1>" in answer.text
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 0


def test_a_page_that_ended_while_somebody_wrote_still_takes_the_form(client):
    make_page(slug="laudo")
    with writing():
        editing.schedule(editing.find("laudo"), None, now() - timedelta(seconds=1))
    assert client.post("/lp/laudo", data=TYPED).status_code == 303


def test_a_page_that_never_was_takes_none(client):
    make_page(slug="rascunho", is_published=False)
    assert client.post("/lp/rascunho", data=TYPED).status_code == 404
    assert client.post("/lp/nada", data=TYPED).status_code == 404


def test_extra_fields_and_large_bodies_do_no_harm(client):
    make_page(slug="laudo")
    extra = {"role": "owner", "price": "1", "status": "sold", "source": "x"}
    assert client.post("/lp/laudo", data={**TYPED, **extra}).status_code == 303
    (kept,) = db.session.scalars(sa.select(Submission))
    assert not {"role", "price", "status"} & set(kept.payload["fields"])
    big = client.post("/lp/laudo", data={**TYPED, "mensagem": "x" * 10_000_000})
    assert big.status_code == 413
    many = client.post("/lp/laudo", data={f"c{n}": "x" for n in range(100_000)})
    assert many.status_code in {413, 422}


@pytest.mark.parametrize(
    ("goal", "text", "kind", "more"),
    [
        (Goal.TEST_DRIVE, "Agendar test drive", "test_drive", {}),
        (Goal.TRADE_IN, "Avaliar meu carro", "trade_in",
         {"marca": "Fiat", "modelo": "Uno", "ano": "2015"}),
        (Goal.FINANCING, "Simular parcelas", "financing", {}),
        (Goal.CALL_BACK, "Quero uma ligação", "call_back", {"quando": "morning"}),
    ],
)  # fmt: skip
def test_each_goal_has_its_form_and_its_thanks(client, goal, text, kind, more):
    action = {"text": text, "goal": goal.value}
    blocks = [{**HERO, "action": action}, {**FORM, "action": action}]
    make_page({**content(), "blocks": blocks}, slug="meta", goal=goal)
    answer = post(client, "meta", **more)
    assert answer.status_code == 303
    (kept,) = db.session.scalars(sa.select(Submission))
    assert kept.payload["kind"] == kind
    assert client.get(answer.headers["Location"]).status_code == 200


def test_whatsapp_is_the_action_where_it_is_the_goal(client):
    store = make_store()
    vehicle = make_vehicle(store=store)
    action = {"text": "Falar no WhatsApp", "goal": "whatsapp"}
    blocks = [{**HERO, "action": action}, {**GRID, "action": action}]
    make_page({**content(), "blocks": blocks}, slug="conversa", goal=Goal.WHATSAPP)
    page = read(client, "conversa", "?utm_source=google")
    assert f"/w/oferta-{vehicle.public_id}?lp=conversa&amp;utm_source=google" in page
    assert f"/w/loja-{store.slug}?lp=conversa" in page
    assert "<form" not in page
    assert client.get(f"/w/loja-{store.slug}?lp=conversa").status_code == 302


# ---- thank-you, preview, without a database ----


@pytest.mark.parametrize("number", ["", "x", "'--", "0" * 32, "../..", "%00", "é"])
def test_a_thank_you_without_its_request_still_thanks(client, number):
    make_page(slug="laudo")
    answer = client.get("/lp/laudo/obrigado", query_string={"pedido": number})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_preview_shows_a_draft_counts_nothing_and_sends_nothing(client):
    make_page(slug="rascunho", is_published=False)
    token = editing.preview_token(editing.revision_of(editing.find("rascunho")))
    answer = client.get(f"/lp/rascunho?previa={token}", headers=BROWSER)
    assert answer.status_code == 200
    assert 'name="robots" content="noindex' in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    sent = client.post(f"/lp/rascunho?previa={token}", data=TYPED)
    assert sent.status_code == 303
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 0
    assert client.get(f"/lp/rascunho?previa={token}x").status_code == 404


def test_a_forged_preview_does_not_swallow_a_lead(client):
    make_page(slug="laudo")
    answer = client.post("/lp/laudo?previa=forjada", data=TYPED)
    assert answer.status_code == 303
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 1


def test_a_form_is_taken_while_the_database_is_away(app, client, monkeypatch):
    action = {"text": "Avaliar meu carro", "goal": "trade_in"}
    blocks = [{**HERO, "action": action}, {**FORM, "action": action}]
    make_page({**content(), "blocks": blocks}, slug="troca", goal=Goal.TRADE_IN)
    page = read(client, "troca")
    target = unescape(re.search(r'id="pedido"[^>]*action="([^"]+)"', page)[1])
    more = {"marca": "Fiat", "modelo": "Uno", "ano": "2015"}

    def refuse(*_args):
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("gone"))

    g.pop("identity", None)
    sa.event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        answer = client.post(target, data={**TYPED, **more})
        refused = client.post(target, data={"nome": "Ana", "telefone": "1", **more})
        thanks = client.get(answer.headers["Location"])
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", refuse)
    assert answer.status_code == 303
    assert spool().find(answer.headers["Location"].partition("pedido=")[2])
    assert refused.status_code == 422
    assert 'value="Ana"' in refused.text
    assert thanks.status_code == 200
    while not spool().is_empty():  # a thread of the application may be at it too
        drain()
        time.sleep(0.05)
    (kept,) = db.session.scalars(sa.select(Submission))
    assert kept.payload["kind"] == "trade_in"
    assert kept.payload["source_ref"] == "troca"
    assert kept.payload["details"]["make"] == "Fiat"


# ---- cost ----


def test_statements_are_bounded_however_many_cars(app, client):
    vehicles = [make_vehicle() for _n in range(14)]
    made = {"stem": "x", "widths": [400], "formats": ["jpg"]}
    known = {"position": 0, "state": "ready", "digest": "d", "original_key": "k", "color": ""}
    with writing() as session:
        for vehicle in vehicles:
            session.add(Photo(vehicle_id=vehicle.id, renditions=made, **known))
    ids = [vehicle.public_id for vehicle in vehicles]
    blocks = [
        {"kind": "offer", "vehicles": ids[:1], "action": ACT},
        {**GRID, "filter": "", "vehicles": ids[:12], "limit": 12},
        {**GRID, "limit": 12},
    ]
    make_page(content(*blocks), slug="tudo")
    read(client, "tudo")
    few = _statements(client, "tudo")
    assert few <= 16
    for vehicle in vehicles[:6]:
        sell(vehicle)
    read(client, "tudo")
    assert _statements(client, "tudo") <= few + 9


def _statements(client, slug: str) -> int:
    g.pop("identity", None)
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        read(client, slug)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)
