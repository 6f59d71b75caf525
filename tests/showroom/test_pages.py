"""The buyer's pages over HTTP: truth, status, addresses, bounded work."""

import io
import re
from datetime import UTC, datetime, timedelta

import brotli
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.db import db, writing
from inventory.filters import PARAMETERS
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from inventory.visits import visits_of
from tests.factories import make_store, make_vehicle

PUBLIC_PAGES = ("/", "/estoque", "/lojas", "/financiamento", "/favoritos", "/comparar")


def path_of(vehicle: Vehicle) -> str:
    return f"/oferta/{vehicle.slug}-{vehicle.public_id}"


def change(vehicle: Vehicle, **values: object) -> None:
    with writing() as session:
        row = session.get(Vehicle, vehicle.id)
        for name, value in values.items():
            setattr(row, name, value)
        touch([row])


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_an_empty_installation_has_helpful_pages(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "<h1" in answer.text


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_public_pages_have_their_headers_and_no_cookie(client, path):
    answer = client.get(path)
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert " style=" not in answer.text
    assert not re.search(r"<\w+[^>]*\son\w+=", answer.text)


def test_an_offer_shows_its_price_and_hides_what_is_private(client):
    vehicle = make_vehicle(
        price_cents=89_900_00,
        cost_cents=70_123_00,
        license_plate="ABC1D23",
        renavam="00639884962",
        vin="9BWZZZ377VT004251",
    )
    answer = client.get(path_of(vehicle))
    assert answer.status_code == 200
    assert "R$\xa089.900" in answer.text
    for secret in ("ABC1D23", "00639884962", "9BWZZZ377VT004251", "70.123"):
        assert secret not in answer.text


READER = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/140", "Accept-Language": "pt-BR"}
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://google.com/bot.html)"


def test_people_who_open_a_car_are_counted_and_machines_are_not(app, client, statements):
    vehicle = make_vehicle()
    client.get(path_of(vehicle), headers=READER)
    statements.clear()
    client.get(path_of(vehicle), headers={**READER, "User-Agent": ROBOT})
    uncounted = len(statements)
    statements.clear()
    client.get(path_of(vehicle), headers={**READER, "If-None-Match": '"x"'})
    assert len(statements) == uncounted
    for headers in ({}, {**READER, "Sec-Purpose": "prefetch"}):
        assert client.get(path_of(vehicle), headers=headers).status_code == 200
    client.head(path_of(vehicle), headers=READER)
    client.get(f"/oferta/errado-{vehicle.public_id}", headers=READER)  # sent on, not shown
    client.get("/oferta/nada-zzzzzzz", headers=READER)
    app.extensions["vitrine_visits"].write()
    db.session.rollback()
    assert visits_of([vehicle.id]) == {vehicle.id: 2}


def test_a_wrong_slug_is_sent_to_the_right_one(client):
    vehicle = make_vehicle()
    answer = client.get(f"/oferta/outra-coisa-{vehicle.public_id}")
    assert answer.status_code == 301
    assert answer.headers["Location"].endswith(path_of(vehicle))


@pytest.mark.parametrize("name", ["x", "a-b-c", "-", "onix-zzzzzzzz", "%00", "é-ç", "a" * 3000])
def test_an_unknown_offer_is_a_helpful_404(client, name):
    answer = client.get(f"/oferta/{name}")
    assert answer.status_code == 404
    assert 'action="/estoque"' in answer.text


def test_a_draft_is_nowhere(client):
    vehicle = make_vehicle(state="draft", published_at=None)
    assert client.get(path_of(vehicle)).status_code == 404
    assert vehicle.public_id not in client.get("/estoque").text


def test_a_sold_car_leaves_lists_at_once_and_its_page_says_so(client):
    vehicle = make_vehicle()
    other = make_vehicle()
    assert vehicle.public_id in client.get("/estoque").text
    with writing() as session:
        move(session.get(Vehicle, vehicle.id), "sold", by="test")
    listing = client.get("/estoque").text
    assert vehicle.public_id not in listing
    assert other.public_id in listing
    assert vehicle.public_id not in client.get("/sitemap-ofertas-1.xml").text
    page = client.get(path_of(vehicle))
    assert page.status_code == 200
    assert "https://schema.org/SoldOut" in page.text
    assert other.public_id in page.text


def test_a_car_sold_long_ago_is_gone(client):
    vehicle = make_vehicle()
    with writing() as session:
        move(session.get(Vehicle, vehicle.id), "sold", by="test")
    change(vehicle, state_changed_at=datetime.now(UTC) - timedelta(days=31))
    answer = client.get(path_of(vehicle))
    assert answer.status_code == 410
    assert 'name="robots" content="noindex' in answer.text
    assert "<title>Chevrolet Onix 2022: saiu do estoque</title>" in answer.text
    assert f'<span aria-current="page">{vehicle.trim.name} 2022</span>' in answer.text


def test_a_tick_is_for_what_is_good_to_know(client):
    history = {"single_owner": True, "ipva_paid": False, "auction": False, "financed": True}
    page = client.get(path_of(make_vehicle(history=history))).text
    sheet = page[page.index('<ul class="ticks">') :]
    marks = re.findall(
        r'<li(?: class="(\w+)")?>.*?<span>(.*?)</span>', sheet[: sheet.index("</ul>")]
    )
    assert marks == [
        ("", "Único dono"), ("no", "IPVA pago: não"), ("", "Passagem por leilão: não"),
        ("bad", "Alienado"),
    ]  # fmt: skip


def test_errors_are_packed_like_other_pages(client):
    address, asked = path_of(make_vehicle()), {"Accept-Encoding": "br"}
    for answer in (
        client.get("/nao-existe", headers=asked),
        client.post(address, data={"nome": "Ana"}, headers=asked),
    ):
        assert answer.status_code in {404, 422}
        assert answer.headers["Content-Encoding"] == "br"
        assert "Accept-Encoding" in answer.headers["Vary"]
        page = brotli.decompress(answer.data)
        assert page.rstrip().endswith(b"</html>")
        assert int(answer.headers["Content-Length"]) == len(answer.data) < len(page) / 3
    assert "Content-Encoding" not in client.get("/nao-existe").headers


def test_a_page_without_a_picture_of_its_own_is_shared_with_the_houses_card(client):
    card = 'property="og:image" content="http://localhost/static/card.jpg"'
    for path in ("/nao-existe", "/privacidade/meus-dados", "/favoritos"):
        page = client.get(path).text
        assert card in page, path
        assert 'property="og:image:alt" content="' in page, path
    assert '"@type": "WebSite"' in client.get("/nao-existe").text


@pytest.mark.parametrize(("stays", "listed"), [(True, True), (False, False)])
def test_a_reserved_car_stays_or_leaves_as_its_store_decides(client, stays, listed):
    vehicle = make_vehicle(store=make_store(reserved_stays_listed=stays))
    with writing() as session:
        move(session.get(Vehicle, vehicle.id), "reserved", by="test")
    assert (vehicle.public_id in client.get("/estoque").text) is listed
    page = client.get(path_of(vehicle))
    assert page.status_code == 200
    assert "Reservado" in page.text


def test_a_promotion_ends_with_its_day(client):
    vehicle = make_vehicle(
        price_cents=80_000_00,
        promo_price_cents=75_000_00,
        promo_until=(datetime.now(UTC) - timedelta(days=2)).date(),
    )
    page = client.get(path_of(vehicle)).text
    assert "80.000" in page
    assert "75.000" not in page
    change(vehicle, promo_until=(datetime.now(UTC) + timedelta(days=2)).date())
    page = client.get(path_of(vehicle)).text
    assert '"price": "75000.00"' in page
    assert "<s>R$\xa080.000</s>" in page


def test_unknown_facet_values_give_an_empty_page_that_is_not_indexed(client):
    make_vehicle()
    answer = client.get("/estoque?marca=nao-existe&cor=transparente")
    assert answer.status_code == 200
    assert 'name="robots" content="noindex' in answer.text
    assert "Nenhum veículo" in answer.text


def test_make_and_model_pages_are_canonical_and_filters_are_not_indexed(client):
    make_vehicle()
    page = client.get("/estoque/chevrolet/onix").text
    assert 'rel="canonical" href="http://localhost/estoque/chevrolet/onix"' in page
    assert "noindex" not in page
    filtered = client.get("/estoque?marca=chevrolet&cor=branco").text
    assert 'content="noindex' in filtered
    assert client.get("/estoque/nao-existe").status_code == 404


def test_pages_cost_the_same_number_of_statements_whatever_the_stock(client, statements):
    first, *_others = [make_vehicle() for _ in range(24)]
    paths = ("/", "/estoque", "/estoque?cor=branco&q=onix", path_of(first), "/lojas", "/favoritos")

    def cost() -> dict[str, int]:
        counted = {}
        for path in paths:
            client.get(path)
            statements.clear()
            client.get(path)
            counted[path] = len(statements)
        return counted

    small = cost()
    for _ in range(40):
        make_vehicle()
    assert cost() == small
    assert max(small.values()) <= 16, small


def test_the_sitemap_lists_every_offer_once(client):
    vehicles = [make_vehicle() for _ in range(5)]
    make_vehicle(state="draft", published_at=None)
    index = client.get("/sitemap.xml").text
    assert "/sitemap-ofertas-1.xml" in index
    body = client.get("/sitemap-ofertas-1.xml").text
    assert body.count("<loc>http://localhost/oferta/") == len(vehicles)
    assert client.get("/sitemap-ofertas-9.xml").status_code == 404
    assert "Sitemap: http://localhost/sitemap.xml" in client.get("/robots.txt").text


def test_favourites_live_in_a_cookie_and_skip_what_left(client):
    vehicle, other = make_vehicle(), make_vehicle()
    answer = client.post("/favoritos", data={"id": vehicle.public_id})
    assert answer.status_code == 303
    client.post("/favoritos", data={"id": other.public_id})
    with writing() as session:
        move(session.get(Vehicle, other.id), "sold", by="test")
    page = client.get("/favoritos")
    assert page.headers["Cache-Control"] == "private, no-store"
    assert path_of(vehicle) in page.text
    assert path_of(other) not in page.text
    client.post("/favoritos", data={"remover": vehicle.public_id})
    assert path_of(vehicle) not in client.get("/favoritos").text


def test_another_sites_form_changes_nothing(client):
    answer = client.post(
        "/favoritos", data={"id": "abcdefgh"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_not_informed_is_never_no(client):
    one = make_vehicle(history={"single_owner": True}, features=["abs"])
    two = make_vehicle(history={}, features=[])
    page = client.get(f"/comparar?ids={one.public_id},{two.public_id}").text
    assert "não informado" in page
    assert "<td>não</td>" not in page


TEXT = st.text(max_size=60)
NAMES = st.sampled_from([*PARAMETERS.values(), "ids", "oferta", "valor", "entrada", "prazo"])


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(["/estoque", "/comparar", "/financiamento", "/", "/favoritos"]),
    query=st.lists(st.tuples(NAMES | TEXT, TEXT | st.integers().map(str)), max_size=6),
)
def test_no_query_string_is_an_error(client, path, query):
    answer = client.get(path, query_string=query)
    # A first page has one address, and a page beyond the last is not there.
    allowed = {200, 301, 404} if any(name == "pagina" for name, _value in query) else {200}
    assert answer.status_code in allowed, (query, answer.status_code)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(["/oferta/", "/estoque/", "/lojas/", "/media/", "/vistos/", "/sitemap-"]),
    rest=TEXT,
)
@example(path="/estoque/", rest="\0")  # PostgreSQL takes no NUL in a text
def test_no_path_is_an_error(client, path, rest):
    assert client.get(path + rest).status_code < 500


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_wrong_methods_are_refused_in_words(client, method):
    answer = getattr(client, method)("/estoque")
    assert answer.status_code == 405
    assert "<h1" in answer.text


def test_a_cookie_of_rubbish_is_an_empty_choice(client):
    client.set_cookie("favoritos", "../../etc.<script>.'--")
    assert client.get("/favoritos").status_code == 200


def test_a_huge_body_is_refused(client):
    answer = client.post("/favoritos", data={"id": "x" * (33 * 1024 * 1024)})
    assert answer.status_code == 413


def test_the_old_session_is_never_needed(client):
    """No public page opens a session: nothing to steal, nothing to expire."""
    for path in PUBLIC_PAGES:
        assert "session" not in client.get(path).headers.get("Set-Cookie", "")
    db.session.rollback()


def test_an_address_with_a_slash_too_many_is_sent_on(client):
    answer = client.get("/lojas/?a=1&b=%C3%A7")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/lojas?a=1&b=%C3%A7"
    for path in ("//evil.example/", "/%5Cevil.example/", "/\\evil.example/"):
        answer = client.get(path)
        assert not answer.headers.get("Location", "/").startswith(("//", "/\\", "http://e"))


def test_a_query_in_no_encoding_is_sent_on_too(client):
    answer = client.get("/lojas/", environ_overrides={"QUERY_STRING": "q=caf\xe9&b=%C3%A7"})
    assert (answer.status_code, answer.location) == (301, "/lojas?q=caf%E9&b=%C3%A7")


def test_a_host_that_cannot_be_one_is_a_bad_request(client):
    for path in ("/", "/lojas/", "/contato"):
        assert client.get(path, headers={"Host": "a" * 5000}).status_code == 400


@pytest.mark.parametrize("path", ["/contato", "/avaliacao", "/favoritos", "/webhooks/olx/abc"])
def test_a_body_in_broken_pieces_is_a_bad_request(client, path):
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _buffer):
            raise OSError("a chunk of size zz")

    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        body = {"wsgi.input": Broken(), "wsgi.input_terminated": True}
        answer = client.post(path, content_type=kind, environ_overrides=body)
        assert answer.status_code in {400, 404}


def test_capitals_in_an_address_are_sent_to_small_letters(client):
    vehicle = make_vehicle()
    assert client.get("/estoque/Chevrolet/ONIX?cor=branco").headers["Location"] == (
        "/estoque/chevrolet/onix?cor=branco"
    )
    assert client.get(path_of(vehicle).upper().replace("/OFERTA", "/oferta")).status_code == 301


def test_known_facts_are_looked_for_among_the_equipment(client):
    vehicle = make_vehicle(history={"single_owner": True, "auction": False})
    other = make_vehicle(history={})
    page = client.get("/estoque?opcional=unico-dono").text
    assert path_of(vehicle) in page
    assert path_of(other) not in page


def test_an_offer_says_why_it_deserves_a_look(client):
    vehicle = make_vehicle(history={"single_owner": True})
    assert '<p class="card-reason">Único dono</p>' in client.get(path_of(vehicle)).text


def test_an_address_is_not_called_missing_while_the_database_is_away(app):
    """It could not be looked for: search engines come back, and people read why."""

    def refuse(*_arguments):
        raise sa.exc.OperationalError("", {}, Exception("gone"))

    db.session.remove()
    sa.event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        with app.app_context():
            answer = app.test_client().get("/nada")
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", refuse)
    assert answer.status_code == 503
    assert "Estamos com um problema" in answer.text
    assert app.test_client().get("/nada").status_code == 404


def test_a_mistyped_search_is_told_whole_as_it_was_read(client):
    make_vehicle(make="Volkswagen", model="Polo")
    page = client.get("/estoque?q=volksvagem+polo").text
    assert "para “volkswagen polo”" in page


def test_a_new_car_has_no_past_to_ask_for_and_an_exchange_is_no_provenance(client):
    new, used = make_vehicle(condition="new", mileage_km=0), make_vehicle(condition="used")
    assert "Não informado" not in client.get(f"/oferta/{new.slug}-{new.public_id}").text
    page = client.get(f"/oferta/{used.slug}-{used.public_id}").text
    said = re.search(r"Não informado: (.*?)\. Pergunte", page)[1]
    assert "leilão" in said
    assert "troca" not in said
