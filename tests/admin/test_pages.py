"""Landing pages behind the staff door: built by posts alone, guarded by rules, kept by versions."""

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from content import media
from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from dealership.models import Store
from landing import editing
from landing.models import LandingDraft, LandingPage, LandingVisit
from landing.starts import STARTS
from tests.factories import make_store, make_vehicle
from tests.landing.pages import ACT, FORM, GRID, HERO, content, make_page
from tests.pictures import photo

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}'


QUESTION = '<div class="page-acts store-end">'


def fields_of(page_html: str, begins: str = '<form class="builder-form"') -> MultiDict[str, str]:
    """What a browser would post of the builder's form, or of the first one after `begins`, without
    pressing a button."""
    form = page_html[page_html.index(begins) :]
    form = form[: form.index("</form>")]
    found: MultiDict[str, str] = MultiDict()
    pattern = r"<input ([^>]*)>|<textarea ([^>]*)>(.*?)</textarea>|<select ([^>]*)>(.*?)</select>"
    for match in re.finditer(pattern, form, re.DOTALL):
        given, area, text, select, options = match.groups()
        attributes = given or area or select
        name = re.search(r'name="([^"]*)"', attributes)
        if not name:
            continue
        kind = re.search(r'type="([^"]*)"', attributes)
        if kind and kind[1] in {"checkbox", "radio"} and " checked" not in attributes:
            continue
        if select:
            chosen = re.search(r'<option value="([^"]*)" selected', options)
            first = re.search(r'<option value="([^"]*)"', options)
            value = (chosen or first)[1] if (chosen or first) else ""
        else:
            shown = re.search(r'value="([^"]*)"', attributes)
            value = text if area else shown[1] if shown else ""
        found.add(name[1], unescaped(value))
    return found


def unescaped(text: str) -> str:
    for sign, code in (
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&#34;"),
        ("'", "&#39;"),
        ("&", "&amp;"),
    ):
        text = text.replace(code, sign)
    return text


def press(client: Any, page_id: int, do: str, **changes: str) -> Any:
    """Press one button of the builder with everything that stands in its form."""
    form = fields_of(client.get(f"/admin/paginas/{page_id}/").text)
    for name, value in changes.items():
        form[name.replace("__", ".")] = value
    return client.post(
        f"/admin/paginas/{page_id}/", data=MultiDict([*form.items(multi=True), ("do", do)])
    )


def newest(page_id: int) -> Any:
    db.session.expire_all()
    return editing.revision_of(db.session.get(LandingPage, page_id))


def live(page_id: int) -> Any:
    db.session.expire_all()
    return editing.live_revision(db.session.get(LandingPage, page_id))


# ---- who ----


@pytest.mark.parametrize("role", ["seller", "attendant"])
def test_who_sells_does_not_see_landing_pages(sign_in, role):
    page = make_page()
    client = sign_in(role)
    assert client.get("/admin/paginas/").status_code == 404
    assert client.get(f"/admin/paginas/{page.id}/").status_code == 404
    assert client.post(f"/admin/paginas/{page.id}/", {"do": "save"}).status_code == 404


@pytest.mark.parametrize("address", ["", "previa", "versoes", "agenda", "teste", "copiar"])
def test_the_page_of_another_store_is_not_there(sign_in, address):
    mine, other = make_store(), make_store()
    page = make_page(store_id=other.id)
    client = sign_in("editor", stores=[db.session.merge(mine)])
    assert client.get(f"/admin/paginas/{page.id}/{address}").status_code == 404
    assert page.name not in client.get("/admin/paginas/").text


def test_the_group_s_pages_belong_to_everybody_who_edits(sign_in):
    store = make_store()
    page = make_page()
    client = sign_in("editor", stores=[store])
    assert client.get(f"/admin/paginas/{page.id}/").status_code == 200


# ---- the list ----


def test_without_pages_the_list_says_how_to_begin(sign_in):
    text = sign_in().get("/admin/paginas/").text
    assert "Nenhuma landing page ainda" in text
    assert "/admin/paginas/nova" in text


def test_the_list_costs_the_same_with_many_pages(sign_in, statements):
    client = sign_in()
    variants = {"a": {}, "b": {"headline": "Outra promessa"}}
    make_page(content(variants=variants))
    client.get("/admin/paginas/")
    statements.clear()
    client.get("/admin/paginas/")
    few = len(statements)
    for _number in range(12):
        make_page(content(variants=variants))
    statements.clear()
    client.get("/admin/paginas/")
    assert len(statements) == few


def test_the_list_shows_visits_contacts_and_conversion(client, sign_in):
    page = make_page(slug="com-visitas")
    agent = {"User-Agent": "Mozilla/5.0", "Accept-Language": "pt-BR"}
    for _number in range(4):
        client.get("/lp/com-visitas", headers=agent)
    client.get("/lp/com-visitas", headers={"User-Agent": "Googlebot/2.1"})
    assert db.session.scalar(sa.select(LandingVisit.views)) == 4
    row = sign_in().get("/admin/paginas/").text
    assert re.search(r'data-label="Visitas">4<', row)
    assert page.slug in row


@pytest.mark.parametrize("state", ["no-ar", "rascunho", "planejada", "encerrada"])
def test_the_list_filters_by_state(sign_in, state):
    pages = {
        "no-ar": make_page(slug="pg-no-ar"),
        "rascunho": make_page(slug="pg-rascunho", is_published=False),
        "planejada": make_page(slug="pg-planejada", starts_at=now() + timedelta(days=1)),
        "encerrada": make_page(slug="pg-encerrada"),
    }
    with writing():
        ended = db.session.merge(pages["encerrada"])
        ended.ends_at = now() - timedelta(days=1)
    text = sign_in().get(f"/admin/paginas/?estado={state}").text
    for key in pages:
        assert (f"/lp/pg-{key} " in text) is (key == state)


# ---- new ----


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.key)
def test_every_beginning_may_be_published_as_it_comes(sign_in, start):
    car = make_vehicle(body="suv")
    client = sign_in()
    given = {"nome": "Campanha", "carro": car.public_id, "carroceria": "suv"}
    answer = client.post(f"/admin/paginas/nova/{start.key}", given)
    assert answer.status_code == 303
    page = db.session.scalars(sa.select(LandingPage)).one()
    assert page.slug == "campanha"
    assert press(client, page.id, "publish").status_code == 303
    assert client.client.get("/lp/campanha").status_code == 200


def test_a_taken_address_keeps_what_was_typed(sign_in):
    make_page(slug="troca")
    answer = sign_in().post("/admin/paginas/nova/troca", {"nome": "Minha", "endereco": "troca"})
    assert answer.status_code == 422
    assert 'value="Minha"' in answer.text
    assert 'value="troca"' in answer.text


def test_a_start_about_a_car_wants_the_car(sign_in):
    answer = sign_in().post("/admin/paginas/nova/carro", {"nome": "Onix"})
    assert answer.status_code == 422
    assert "Escolha o carro" in answer.text


def test_a_copy_is_a_draft_under_its_own_address(sign_in):
    page = make_page(slug="feirao")
    client = sign_in()
    assert 'value="feirao-2"' in client.get(f"/admin/paginas/{page.id}/copiar").text
    client.post(f"/admin/paginas/{page.id}/copiar", {"nome": "Outra", "endereco": "feirao-2"})
    copy = editing.find("feirao-2")
    assert copy.state == "draft"
    assert newest(copy.id).content == newest(page.id).content


# ---- building without a script ----


def test_a_block_is_added_moved_copied_removed_and_brought_back(sign_in):
    page = make_page()
    client = sign_in()

    def kinds() -> list[str]:
        text = client.get(f"/admin/paginas/{page.id}/").text
        return re.findall(r'name="b\d+\.kind" value="(\w+)"', text)

    press(client, page.id, "add:faq")
    assert kinds() == ["hero", "form", "faq"]
    press(client, page.id, "up:2")
    assert kinds() == ["hero", "faq", "form"]
    press(client, page.id, "copy:1")
    assert kinds() == ["hero", "faq", "faq", "form"]
    press(client, page.id, "remove:2")
    assert kinds() == ["hero", "faq", "form"]
    client.post(f"/admin/paginas/{page.id}/desfazer")
    assert kinds() == ["hero", "faq", "faq", "form"]
    assert newest(page.id).number == 1  # nothing was saved yet


def test_what_is_typed_lasts_without_being_a_version(sign_in):
    page = make_page()
    client = sign_in()
    press(client, page.id, "keep", b0__headline="Outra promessa")
    assert 'value="Outra promessa"' in client.get(f"/admin/paginas/{page.id}/").text
    assert newest(page.id).number == 1
    press(client, page.id, "save", note="Nova promessa")
    assert newest(page.id).content["blocks"][0]["headline"] == "Outra promessa"
    assert newest(page.id).note == "Nova promessa"
    assert db.session.scalar(sa.select(sa.func.count(LandingDraft.id))) == 0
    assert live(page.id).number == 1  # saving is not publishing


def test_saving_twice_adds_one_version(sign_in):
    page = make_page()
    client = sign_in()
    form = fields_of(client.get(f"/admin/paginas/{page.id}/").text)
    form["b0.headline"] = "Outra promessa"
    data = MultiDict([*form.items(multi=True), ("do", "save")])
    for _number in range(2):
        assert client.post(f"/admin/paginas/{page.id}/", data=data).status_code == 303
    assert newest(page.id).number == 2


def test_everything_of_a_page_survives_the_form(sign_in):
    car = make_vehicle()
    data = content(
        {**GRID, "filter": "marca=chevrolet&preco_max=900000&cor=branco", "limit": 3},
        {"kind": "offer", "vehicles": [car.public_id], "action": ACT},
        {"kind": "benefits", "items": [{"title": "Um"}, {"icon": "pin", "title": "Dois"}]},
        {"kind": "testimonial", "items": [{"text": "Bom", "name": "Ana", "city": "Campinas",
                                           "month": "2026-10", "has_permission": True}]},
        {"kind": "video", "heading": "Veja", "youtube": "dQw4w9WgXcQ", "seconds": 90},
        {"kind": "countdown", "text": "Vale", "until": "promotion"},
        {"kind": "faq", "heading": "Dúvidas", "items": [{"question": "Q?", "answer": "R & S"}]},
        {"kind": "text", "markdown": "**a**\n\n- b"},
        {"kind": "legal", "text": "Válido."},
        is_indexable=False,
        matches=[{"keys": ["primeiro carro", "suv"], "headline": "Seu primeiro"}],
        car_headline="{carro} hoje",
        variants={
            "a": {"weight": 1},
            "b": {"weight": 0, "headline": "B", "order": [1, 2, *range(4, 12), 3]},
        },
    )  # fmt: skip
    page = make_page(data)
    client = sign_in()
    before = newest(page.id).content
    assert press(client, page.id, "save").status_code == 303
    assert newest(page.id).number == 1, "nothing changed"
    assert newest(page.id).content == before


def test_cars_are_found_and_picked_without_a_script(sign_in):
    car = make_vehicle(make="Fiat", model="Pulse")
    page = make_page(content({**GRID, "filter": "marca=fiat"}))
    client = sign_in()
    answer = press(client, page.id, "find:2", b2__busca="pulse")
    shown = client.get(answer.location).text
    assert f'value="{car.public_id}"' in shown
    form = fields_of(shown)
    form["b2.stock.modo"] = "mao"
    form["b2.stock.carros"] = car.public_id
    client.post(
        f"/admin/paginas/{page.id}/", data=MultiDict([*form.items(multi=True), ("do", "save")])
    )
    assert newest(page.id).content["blocks"][2]["vehicles"] == [car.public_id]


def test_an_unfinished_page_is_kept_and_says_what_to_mend(sign_in):
    page = make_page()
    client = sign_in()
    answer = press(client, page.id, "save", b0__headline="", title="x" * 80)
    assert answer.status_code == 422
    assert "aria-invalid" in answer.text
    assert "x" * 80 in answer.text
    assert newest(page.id).number == 1
    assert "x" * 80 in client.get(f"/admin/paginas/{page.id}/").text


def test_a_button_that_says_nothing_is_told_with_a_suggestion_one_tap_away(sign_in):
    page = make_page(is_published=False)
    client = sign_in()
    answer = press(client, page.id, "publish", b1__action="Clique aqui")
    assert answer.status_code == 422
    assert "serve em qualquer" in answer.text or "Clique aqui" in answer.text
    assert 'value="use:1"' in answer.text
    assert live(page.id) is None
    press(client, page.id, "use:1")
    assert press(client, page.id, "publish").status_code == 303
    assert live(page.id).content["blocks"][1]["action"]["text"] == "Quero uma proposta"


def test_the_script_is_told_problems_counts_and_advice(sign_in):
    make_vehicle()
    page = make_page(content(GRID))
    client = sign_in()
    form = fields_of(client.get(f"/admin/paginas/{page.id}/").text)
    form["b0.action"] = "Saiba mais"
    data = MultiDict([*form.items(multi=True), ("do", "keep")])
    told = client.post(
        f"/admin/paginas/{page.id}/", data=data, headers={"Accept": "application/json"}
    ).get_json()
    assert "Saiba mais" in told["blocks"]["0"]
    assert told["blocks"]["1"].strip() == ""
    assert told["counts"] == {"2": "1 carro hoje"}
    assert told["is_drawable"] is True


def test_the_goal_of_a_page_is_not_to_be_forged(sign_in):
    page = make_page()
    press(sign_in(), page.id, "save", b0__action="Agendar test drive")
    assert newest(page.id).content["blocks"][0]["action"]["goal"] == "proposal"


def test_hostile_words_are_shown_as_words(sign_in):
    page = make_page()
    client = sign_in()
    press(client, page.id, "save", b0__headline=HOSTILE, title="t" + HOSTILE, note=HOSTILE)
    press(client, page.id, "publish")
    for path in (f"/admin/paginas/{page.id}/", f"/admin/paginas/{page.id}/versoes?de=1&ate=2"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "49" not in re.findall(r"alert\(1\)[^<]{0,40}", text)
    assert "<script>alert" not in client.client.get(f"/lp/{page.slug}").text


# ---- two people ----


def test_who_saves_second_sees_what_the_first_saved_and_chooses(sign_in):
    page = make_page()
    ana, bia = (
        sign_in("owner", email="ana@loja.example"),
        sign_in("editor", email="bia@loja.example"),
    )
    press(bia, page.id, "keep", b0__headline="De Bia")
    press(ana, page.id, "save", b0__headline="De Ana")
    answer = press(bia, page.id, "save")
    assert answer.status_code == 409
    assert "ana@loja.example" in answer.text
    assert "De Ana" in answer.text
    assert "De Bia" in answer.text
    assert newest(page.id).content["blocks"][0]["headline"] == "De Ana"
    assert press(bia, page.id, "override").status_code == 303
    assert newest(page.id).content["blocks"][0]["headline"] == "De Bia"
    assert newest(page.id).number == 3


def test_who_keeps_the_other_s_version_loses_the_draft_only(sign_in):
    page = make_page()
    ana, bia = (
        sign_in("owner", email="ana@loja.example"),
        sign_in("editor", email="bia@loja.example"),
    )
    press(bia, page.id, "keep", b0__headline="De Bia")
    press(ana, page.id, "save", b0__headline="De Ana")
    asked = press(bia, page.id, "drop", b1__heading="Ainda de Bia")
    assert asked.status_code == 200
    assert "<h1>Descartar suas alterações?</h1>" in asked.text
    kept = bia.get(f"/admin/paginas/{page.id}/").text  # "cancel" leads here: nothing is lost
    assert "De Bia" in kept
    assert "Ainda de Bia" in kept
    bia.post(f"/admin/paginas/{page.id}/", fields_of(asked.text, QUESTION))
    assert "De Ana" in bia.get(f"/admin/paginas/{page.id}/").text
    assert newest(page.id).number == 2


# ---- preview and framing ----


def test_only_the_preview_may_stand_in_a_frame_and_only_in_ours(sign_in):
    page = make_page()
    client = sign_in()
    builder = client.get(f"/admin/paginas/{page.id}/")
    assert "frame-src 'self'" in builder.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in builder.headers["Content-Security-Policy"]
    preview = unescaped(re.search(r'src="(/lp/[^"]*previa=[^"]*)"', builder.text)[1])
    policy = client.client.get(preview).headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "frame-src" not in policy
    for path in (f"/lp/{page.slug}", "/", "/admin/paginas/", f"/lp/{page.slug}?previa=nada"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "frame-src" not in policy, path


def test_the_preview_shows_what_is_not_saved(sign_in):
    page = make_page()
    client = sign_in()
    press(client, page.id, "keep", b0__headline="Ainda em rascunho")
    text = client.get(f"/admin/paginas/{page.id}/").text
    preview = unescaped(re.search(r'src="(/lp/[^"]*previa=[^"]*)"', text)[1])
    shown = client.client.get(preview)
    assert "Ainda em rascunho" in shown.text
    assert shown.headers["X-Robots-Tag"] == "noindex"
    assert "Ainda em rascunho" not in client.client.get(f"/lp/{page.slug}").text


def test_a_page_without_its_opening_says_so_in_the_preview(client):
    page = make_page({**content(), "blocks": [FORM]}, is_published=False)
    token = editing.preview_token(editing.revision_of(page))
    answer = client.get(f"/lp/{page.slug}?previa={token}")
    assert answer.status_code == 422
    assert "abertura" in answer.text


# ---- versions, dates, tests ----


def test_an_earlier_version_is_compared_and_restored(sign_in):
    page = make_page()
    client = sign_in()
    press(client, page.id, "save", b0__headline="Segunda")
    text = client.get(f"/admin/paginas/{page.id}/versoes?de=1&ate=2").text
    assert "<ins>Segunda</ins>" in text
    assert f"<del>{HERO['headline']}</del>" in text
    assert client.post(f"/admin/paginas/{page.id}/versoes/1/restaurar").status_code == 303
    assert newest(page.id).number == 3
    assert newest(page.id).content["blocks"][0]["headline"] == HERO["headline"]
    assert client.post(f"/admin/paginas/{page.id}/versoes/99/restaurar").status_code == 404
    assert client.get(f"/admin/paginas/{page.id}/versoes?de=1&ate=99").status_code == 404


def test_a_version_goes_live_at_its_hour(sign_in):
    page = make_page()
    client = sign_in()
    press(client, page.id, "save", b0__headline="Amanhã")
    tomorrow = (now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    client.post(f"/admin/paginas/{page.id}/versoes/2/publicar", {"quando": tomorrow})
    assert live(page.id).number == 1
    assert newest(page.id).publish_at > now()
    client.post(f"/admin/paginas/{page.id}/versoes/2/publicar", {"quando": "quando der"})
    assert live(page.id).number == 1


def test_dates_are_kept_in_the_zone_of_the_store_and_must_be_in_order(sign_in):
    page = make_page()
    client = sign_in()
    given = {
        "nome": "Natal",
        "inicio": "2026-12-01T08:00",
        "fim": "2026-12-24T18:00",
        "campanha": "x",
    }
    assert client.post(f"/admin/paginas/{page.id}/agenda", given).status_code == 303
    db.session.expire_all()
    kept = db.session.get(LandingPage, page.id)
    assert kept.ends_at.isoformat() == "2026-12-24T21:00:00+00:00"
    assert (kept.name, kept.source_ref) == ("Natal", "x")
    wrong = {**given, "fim": "2026-11-01T08:00", "nome": "Outro"}
    answer = client.post(f"/admin/paginas/{page.id}/agenda", wrong)
    assert answer.status_code == 422
    assert 'value="Outro"' in answer.text
    entry = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "page.dates")).one()
    assert entry.after["name"] == "Natal"


def test_a_page_is_taken_down_and_put_back(sign_in):
    page = make_page()
    client = sign_in()
    path = f"/admin/paginas/{page.id}/tirar"
    asked = client.post(path)
    assert asked.status_code == 200
    assert client.client.get(f"/lp/{page.slug}").status_code == 200
    client.post(path, fields_of(asked.text, QUESTION))
    assert client.client.get(f"/lp/{page.slug}").status_code == 404
    client.post(f"/admin/paginas/{page.id}/voltar")
    assert client.client.get(f"/lp/{page.slug}").status_code == 200


def test_a_test_is_begun_judged_and_ended_by_its_winner(sign_in):
    page = make_page()
    client = sign_in()
    press(client, page.id, "variant")
    press(
        client,
        page.id,
        "keep",
        v__b__headline="Com garantia",
        v__b__action_text="Quero garantir o meu",
    )
    assert press(client, page.id, "publish").status_code == 303
    assert set(live(page.id).content["variants"]) == {"a", "b"}
    assert "Não conclusivo" in client.get(f"/admin/paginas/{page.id}/teste").text
    client.post(f"/admin/paginas/{page.id}/teste/escolher", {"variante": "b"})
    assert press(client, page.id, "publish").status_code == 303
    final = live(page.id).content
    assert "variants" not in final
    assert final["blocks"][0]["headline"] == "Com garantia"
    assert {block["action"]["text"] for block in final["blocks"]} == {"Quero garantir o meu"}
    assert (
        client.post(f"/admin/paginas/{page.id}/teste/escolher", {"variante": "z"}).status_code
        == 404
    )


def test_orders_of_variants_follow_moved_blocks(sign_in):
    data = content(GRID, {"kind": "legal", "text": "Fim"},
                   variants={"a": {}, "b": {"order": [1, 3, 2, 4]}})  # fmt: skip
    page = make_page(data)
    client = sign_in()
    press(client, page.id, "up:2")
    press(client, page.id, "add:text")
    press(client, page.id, "remove:3")
    press(client, page.id, "save")
    assert newest(page.id).content["variants"]["b"]["order"] == [1, 2, 3, 4]


def test_numbers_that_name_nothing_change_nothing(sign_in):
    page = make_page()
    client = sign_in()
    for do in (
        "up:99",
        "remove:x",
        "less:b9.items/0",
        "add:script",
        "choose:z",
        "unvariant:z",
        "?",
    ):
        assert press(client, page.id, do).status_code == 303, do
    assert press(client, page.id, "save").status_code == 303
    assert newest(page.id).number == 1


def test_a_store_s_only_editor_makes_pages_for_it(sign_in):
    store = make_store()
    client = sign_in("editor", stores=[store])
    client.post("/admin/paginas/nova/troca", {"nome": "Troca"})
    page = db.session.scalars(sa.select(LandingPage)).one()
    assert page.store_id == db.session.scalars(sa.select(Store.id)).one()


# ---- pictures of the library ----


def library_picture(number: int = 1) -> media.MediaItem:
    prepared = media.prepare_media(photo(number))
    with writing():
        return media.record_media(prepared, title="fachada", by="a@b.example", alt="Fachada")


def test_a_picture_of_the_library_is_chosen_kept_and_told_as_used(sign_in):
    item = library_picture()
    page = make_page()
    client = sign_in()
    press(client, page.id, "publish", b0__picture=f"midia:{item.id}")
    assert live(page.id).content["blocks"][0]["picture"]["alt"] == "Fachada"
    assert f'value="midia:{item.id}" selected' in client.get(f"/admin/paginas/{page.id}/").text
    assert [use.path for use in media.used_by(db.session.merge(item))] == [
        f"/admin/paginas/{page.id}/"
    ]


def test_a_replaced_picture_is_a_version_that_is_live_where_the_old_one_was(sign_in):
    item = library_picture()
    page = make_page()
    press(sign_in(), page.id, "publish", b0__picture=f"midia:{item.id}")
    before = live(page.id)
    prepared = media.prepare_media(photo(2))
    with writing():
        media.replace_media(db.session.merge(item), prepared)
    after = live(page.id)
    assert after.number == before.number + 1
    assert after.content["blocks"][0]["picture"]["stem"] == prepared.photo["stem"]
