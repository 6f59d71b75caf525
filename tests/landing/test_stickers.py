"""QR stickers: what is printed, what a scanner reads, what happens when the price moves."""

import re
import zlib
from datetime import timedelta
from xml.etree import ElementTree

import pytest
import segno
import sqlalchemy as sa
from flask_babel import gettext as _
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import now, today
from core.db import db, writing
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from landing import editing, labels, stickers
from landing.goals import Goal
from landing.labels import LEAST_PT, PRICE_LEAST_PT, QUIET_MODULES, SIZES, Label, Text, layout
from landing.stickers import Sticker, StickerScan
from tests.factories import make_vehicle

PERSON = {"User-Agent": "Mozilla/5.0 (iPhone) Safari/604.1", "Accept-Language": "pt-BR"}
PT_PER_MM = 72 / 25.4
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "São José, Citroën ë ç ã",
    "Лада Нива 🚗",
    "“Škoda” – 100 % €",
    "<script>alert(1)</script> & \"x\" 'y'",
    "\x00\x07\u202eabc\ufffe\uffff",
    "\ud800",
    "🚗" * 50,
    "W" * 300,
    "palavra " * 60,
    "(parêntese) \\ barra ) (",
    "",
]


def label(**words: str) -> Label:
    defaults = {
        "dealer": "Auto São José",
        "name": "Citroën C3",
        "address": "https://loja.example/q/abc234",
        "short_address": "loja.example/q/abc234",
        "price": "R$\u00a069.900",
        "facts": "2021/2022",
    }
    return Label(**{**defaults, **words})


def texts_of_pdf(document: bytes) -> str:
    """What the page's content stream writes, as Latin-1 text."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", document, re.DOTALL)
    content = zlib.decompress(streams[0]).decode("latin-1")
    shown = re.findall(r"\(((?:\\.|[^\\)])*)\) Tj", content)
    return "\n".join(re.sub(r"\\(.)", r"\1", text) for text in shown)


def box_mm(document: bytes, name: str = "MediaBox") -> tuple[float, float]:
    """Width and height of a page box in mm."""
    found = re.search(rb"/" + name.encode() + rb" \[([0-9. ]+)\]", document)
    left, low, right, high = map(float, found[1].split())
    return (right - left) / PT_PER_MM, (high - low) / PT_PER_MM


def dark_modules_of_svg(document: str) -> set[tuple[int, int]]:
    """The modules that the path of an SVG paints."""
    path = ElementTree.fromstring(document.encode()).find(f"{SVG}path").get("d")
    return {
        (int(x) + step, int(y))
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path)
        for step in range(int(length))
    }


def dark_modules_of_pdf(document: bytes) -> set[tuple[int, int]]:
    """The modules that the one path of a PDF paints, which the library writes in mm."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", document, re.DOTALL)
    content = zlib.decompress(streams[0]).decode("latin-1")
    path = re.search(r" cm (.*?) Q", content, re.DOTALL)[1]
    runs = [
        tuple(map(float, run))
        for run in re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re", path)
    ]
    left, top, side = min(run[0] for run in runs), min(run[1] for run in runs), runs[0][3]
    return {
        (round((x - left) / side) + step, round((y - top) / side))
        for x, y, length, _side in runs
        for step in range(round(length / side))
    }


def expected_modules(address: str, level: str = "q") -> set[tuple[int, int]]:
    code = segno.make(address, error=level, micro=False, boost_error=False)
    return {(x, y) for y, row in enumerate(code.matrix) for x, module in enumerate(row) if module}


# --- drawing -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_svg_paints_the_code_of_the_address(size):
    drawn = dark_modules_of_svg(labels.svg(label(), size))
    assert drawn == expected_modules("https://loja.example/q/abc234")


def test_a_long_address_gets_a_code_with_larger_modules():
    address = "https://" + "x" * 70 + ".example/q/abc234"
    assert dark_modules_of_svg(labels.svg(label(address=address), SIZES["a7"])) == (
        expected_modules(address, "m")
    )


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_code_has_its_quiet_zone_and_modules_a_phone_can_see(size):
    shapes = list(layout(label(), size))
    code = next(shape for shape in shapes if isinstance(shape, labels.Code))
    count = len(labels.qr_matrix(label().address))
    quiet = QUIET_MODULES * code.module_mm
    left, right = code.x - quiet, code.x + count * code.module_mm + quiet
    top, bottom = code.y - quiet, code.y + count * code.module_mm + quiet
    assert code.module_mm >= 0.5
    for shape in shapes:
        if isinstance(shape, Text):
            width = labels.width_mm(shape.text, shape.size_pt, shape.is_bold)
            height = shape.size_pt / PT_PER_MM
            apart = shape.x >= right or shape.x + width <= left
            apart |= shape.y - height >= bottom or shape.y <= top
            assert apart, shape
    assert left >= 0


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_pdf_has_the_size_of_the_paper(size):
    plain = labels.pdf(label(), size)
    assert plain.startswith(b"%PDF-1.")
    assert box_mm(plain) == pytest.approx((size.width_mm, size.height_mm), abs=0.1)
    with_bleed = labels.pdf(label(), size, has_bleed=True)
    assert box_mm(with_bleed, "TrimBox") == pytest.approx((size.width_mm, size.height_mm), abs=0.1)
    assert box_mm(with_bleed, "BleedBox") == pytest.approx(
        (size.width_mm + 6, size.height_mm + 6), abs=0.1
    )
    assert box_mm(with_bleed) == pytest.approx((size.width_mm + 16, size.height_mm + 16), abs=0.1)


def test_the_pdf_is_vectors_and_core_fonts():
    document = labels.pdf(label(), SIZES["a6"])
    assert b"/Subtype /Image" not in document
    assert set(re.findall(rb"/BaseFont /([\w-]+)", document)) == {b"Helvetica", b"Helvetica-Bold"}
    assert b"/Encoding /WinAnsiEncoding" in document


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("has_bleed", [False, True])
def test_the_pdf_paints_the_code_of_the_address(size, has_bleed):
    drawn = dark_modules_of_pdf(labels.pdf(label(), size, has_bleed=has_bleed))
    assert drawn == expected_modules("https://loja.example/q/abc234")


def test_portuguese_letters_are_drawn_right():
    words = "São José Citroën ë ç"
    assert words in texts_of_pdf(labels.pdf(label(name=words), SIZES["a6"]))
    assert words in labels.svg(label(name=words), SIZES["a6"])


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("São José, Citroën ë ç ã", "São José, Citroën ë ç ã"),
        ("Лада Нива 🚗", "Lada Niva"),
        ("Škoda Octavia", "Skoda Octavia"),
        ("“Kombi” – 1.0…", '"Kombi" - 1.0...'),
        ("Sa\u0303o Jose\u0301", "São José"),
        ("🚗🚗", ""),
        ("R$\u00a069.900", "R$ 69.900"),
    ],
)
def test_letters_the_fonts_lack_are_spelled_in_those_they_have(typed, printed):
    assert labels.printable(typed) == printed


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_hostile_names_are_drawn_without_an_error(words, size):
    names = ("dealer", "name", "detail", "facts", "price", "invitation", "short_address", "terms")
    hostile = label(**dict.fromkeys(names, words))
    ElementTree.fromstring(labels.svg(hostile, size, has_bleed=True).encode())
    assert labels.pdf(hostile, size, has_bleed=True).endswith(b"%%EOF\n")


@settings(max_examples=60, deadline=None)
@given(words=st.text(max_size=250))
def test_no_text_breaks_a_label(words):
    hostile = label(name=words, dealer=words, terms=words, price=words)
    ElementTree.fromstring(labels.svg(hostile, SIZES["a7"]).encode())
    labels.pdf(hostile, SIZES["a7"])


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("price", ["R$ 9.900", "R$ 119.900", "R$ 12.345.678,90"])
def test_the_price_is_the_largest_thing_and_never_under_twelve_points(size, price):
    printed = [shape for shape in layout(label(price=price), size) if isinstance(shape, Text)]
    shown = next(shape for shape in printed if shape.text == price)
    assert shown.size_pt >= PRICE_LEAST_PT
    assert shown.size_pt == max(shape.size_pt for shape in printed)
    assert all(shape.size_pt >= LEAST_PT for shape in printed)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_nothing_runs_over_the_edge(size):
    full = label(
        dealer="Concessionária Irmãos Albuquerque Cavalcanti e Filhos Ltda",
        name="Volkswagen Polo Highline 200 TSI Automático Flex Série Especial",
        detail="1.0 200 TSI HIGHLINE AUTOMÁTICO COM TETO SOLAR PANORÂMICO",
        price="R$ 1.234.567,89",
        invitation="Aponte a câmera: fotos, laudo e a sua proposta",
        short_address="concessionaria-irmaos-albuquerque.com.br/q/abc234",
        terms="Preço à vista em 23/11/2026, válido enquanto durar o estoque.",
    )
    for shape in layout(full, size):
        if isinstance(shape, Text):
            width = labels.width_mm(shape.text, shape.size_pt, shape.is_bold)
            assert shape.x >= 0, shape
            assert shape.x + width <= size.width_mm, shape
            assert shape.y <= size.height_mm - 2, shape


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("price", ["", "R$ 69.900"])
@pytest.mark.parametrize("host", ["a.br", "loja-de-carros.com.br", "concessionaria-irmaos.com.br"])
def test_the_address_to_type_is_whole(size, price, host):
    words = label(price=price, short_address=f"{host}/q/abc234", invitation="Aponte a câmera " * 3)
    printed = [shape.text for shape in layout(words, size) if isinstance(shape, Text)]
    assert f"{host}/q/abc234" in printed or {host, "/q/abc234"} <= set(printed)


# --- the table -----------------------------------------------------------------------------


def path_of(vehicle: Vehicle) -> str:
    return f"/oferta/{vehicle.slug}-{vehicle.public_id}"


def sticker_for(vehicle: Vehicle) -> Sticker:
    with writing():
        sticker, _label = stickers.add_for_offer(vehicle.public_id, "a6")
    return sticker


def change(vehicle: Vehicle, **values: object) -> None:
    with writing() as session:
        row = session.get(Vehicle, vehicle.id)
        for name, value in values.items():
            setattr(row, name, value)
        touch([row])


def sell(vehicle: Vehicle) -> None:
    with writing() as session:
        move(session.get(Vehicle, vehicle.id), "sold", by="test")


def landing_page(slug: str = "feirao") -> None:
    act = {"text": "Quero uma proposta", "goal": "proposal"}
    content = {
        "title": "Feirão de novembro",
        "description": "SUVs com entrada de 20% até sábado, nas nossas lojas.",
        "blocks": [
            {"kind": "hero", "headline": "Feirão: SUVs com entrada de 20%", "action": act},
            {"kind": "form", "heading": "Peça a sua proposta", "action": act},
        ],
    }
    with writing():
        page = editing.create(slug, "Feirão", Goal.PROPOSAL)
        editing.save_draft(page, content, by="test")
        editing.publish(page)


def test_a_sticker_says_what_the_offer_says(app):
    vehicle = make_vehicle(price_cents=89_900_00, mileage_km=12_345)
    with app.test_request_context(), writing():
        sticker, words = stickers.add_for_offer(vehicle.public_id, "a6")
        assert sticker.price_cents == 89_900_00
        assert words.price == "R$\u00a089.900"
        assert words.name == "Chevrolet Onix"
        assert "2021/2022" in words.facts
        assert "12.345" in words.facts
        assert words.address == f"http://localhost/q/{sticker.code}"
        assert words.short_address == f"localhost/q/{sticker.code}"
        assert today().strftime("%d/%m/%Y") in words.terms
    assert re.fullmatch("[2-9a-hjkmnp-z]{6}", sticker.code)


def test_a_promotion_is_printed_with_its_end(app):
    end = today() + timedelta(days=3)
    vehicle = make_vehicle(promo_price_cents=60_000_00, promo_until=end)
    with app.test_request_context(), writing():
        _sticker, words = stickers.add_for_offer(vehicle.public_id, "a6")
    assert words.price == "R$\u00a060.000"
    assert end.strftime("%d/%m/%Y") in words.terms


@pytest.mark.parametrize("public_id", ["nope", "", "x" * 300, "é", "\x00"])
def test_no_sticker_for_a_car_that_is_not_there(app, public_id):
    with app.test_request_context(), pytest.raises(stickers.NotForSale), writing():
        stickers.add_for_offer(public_id, "a6")


def test_no_sticker_for_a_sold_car_or_a_draft(app):
    sold, draft = make_vehicle(), make_vehicle(state="draft", published_at=None)
    sell(sold)
    for vehicle in (sold, draft):
        with app.test_request_context(), pytest.raises(stickers.NotForSale), writing():
            stickers.add_for_offer(vehicle.public_id, "a6")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Sticker)) == 0


def test_each_print_has_a_code_of_its_own(app):
    vehicle = make_vehicle()
    with app.test_request_context():
        assert len({sticker_for(vehicle).code for _ in range(20)}) == 20


# --- scanning ------------------------------------------------------------------------------


def scans() -> int:
    return db.session.scalar(sa.select(sa.func.coalesce(sa.func.sum(StickerScan.scans), 0)))


@pytest.fixture
def sticker(app) -> Sticker:
    vehicle = make_vehicle()
    with app.test_request_context():
        return sticker_for(vehicle)


def test_a_scan_leads_to_the_offer_and_is_counted(client, sticker):
    code, path = sticker.code, path_of(sticker.vehicle)
    for times in (1, 2, 3):
        answer = client.get(f"/q/{code}", headers=PERSON)
        assert answer.status_code == 302
        assert answer.headers["Location"] == (
            f"{path}?utm_source=qr&utm_medium=adesivo&utm_content={code}"
        )
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        assert scans() == times
    assert client.get(answer.headers["Location"]).status_code == 200
    assert db.session.scalars(sa.select(StickerScan.day)).all() == [today()]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**PERSON, "User-Agent": "WhatsApp/2.24"},
        {**PERSON, "User-Agent": "Googlebot/2.1"},
        {**PERSON, "Sec-Purpose": "prefetch"},
    ],
)
def test_machines_are_led_on_uncounted(client, sticker, headers):
    assert client.get(f"/q/{sticker.code}", headers=headers).status_code == 302
    assert client.head(f"/q/{sticker.code}", headers=PERSON).status_code == 302
    assert scans() == 0


def test_a_code_typed_in_capitals_is_found(client, sticker):
    assert client.get(f"/q/{sticker.code.upper()}").status_code == 302


@pytest.mark.parametrize("code", ["zzzzzz", "a", "abc1o0", "x" * 500, "%00", "é"])
def test_an_unknown_code_is_a_helpful_404(client, code):
    answer = client.get(f"/q/{code}", headers=PERSON)
    assert answer.status_code == 404
    assert 'action="/estoque"' in answer.text


def test_the_page_of_a_sold_car_says_so(client, sticker):
    sell(sticker.vehicle)
    answer = client.get(f"/q/{sticker.code}", headers=PERSON, follow_redirects=True)
    assert answer.status_code == 200
    assert "https://schema.org/SoldOut" in answer.text


def test_a_code_whose_car_was_deleted_leads_to_the_stock(client, sticker):
    code, vehicle_id = sticker.code, sticker.vehicle_id
    with writing() as session:
        session.execute(sa.delete(Vehicle).where(Vehicle.id == vehicle_id))
    answer = client.get(f"/q/{code}", headers=PERSON)
    assert answer.headers["Location"].startswith("/estoque?utm_source=qr")


def test_a_retired_sticker_still_leads_on(client, sticker):
    code = sticker.code
    with client.application.test_request_context(), writing():
        stickers.retire(code)
    assert client.get(f"/q/{code}", headers=PERSON).status_code == 302


def test_a_scan_that_cannot_be_counted_leads_on(client, sticker):
    code = sticker.code
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE sticker_scan RENAME TO sticker_scan_away"))
    try:
        assert client.get(f"/q/{code}", headers=PERSON).status_code == 302
    finally:
        with db.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE sticker_scan_away RENAME TO sticker_scan"))
    client.get(f"/q/{code}", headers=PERSON)
    assert scans() == 2


# --- what is not true any more -------------------------------------------------------------


def stale() -> dict[str, stickers.StaleSticker]:
    db.session.rollback()
    db.session.expire_all()
    return {each.sticker.code: each for each in stickers.stale_stickers()}


def test_a_fresh_sticker_is_not_stale(app, sticker):
    with app.test_request_context():
        assert stale() == {}


def test_a_price_that_moved_is_told_with_both_prices_and_the_remedy(app, sticker):
    change(sticker.vehicle, price_cents=67_500_00)
    with app.test_request_context():
        found = stale()[sticker.code]
    assert "69.900" in found.reason
    assert "67.500" in found.reason
    assert sticker.vehicle.public_id in found.remedy
    assert sticker.code in found.remedy
    change(sticker.vehicle, price_cents=69_900_00)
    with app.test_request_context():
        assert stale() == {}


def test_a_promotion_that_ended_is_told(app):
    vehicle = make_vehicle(promo_price_cents=60_000_00, promo_until=today() + timedelta(days=2))
    with app.test_request_context():
        code = sticker_for(vehicle).code
        assert stale() == {}
    change(vehicle, promo_until=today() - timedelta(days=1))
    with app.test_request_context():
        assert code in stale()


@pytest.mark.parametrize("state", ["sold", "reserved", "draft", "archived"])
def test_a_car_that_cannot_be_bought_is_told_until_the_sticker_is_retired(app, sticker, state):
    with writing() as session:
        move(session.get(Vehicle, sticker.vehicle_id), state, by="test")
    with app.test_request_context():
        assert sticker.code in stale()
        assert "--offer" not in stale()[sticker.code].remedy
        with writing():
            stickers.retire(sticker.code)
        assert stale() == {}


def test_the_list_costs_the_same_however_many_stickers(app, statements):
    with app.test_request_context():
        for _ in range(3):
            sticker_for(make_vehicle())
        statements.clear()
        stale()
        few = len(statements)
        for _ in range(10):
            sticker_for(make_vehicle())
        statements.clear()
        stale()
    assert len(statements) == few


def test_a_landing_page_has_its_sticker_and_is_stale_after_its_end(app, client):
    landing_page()
    with app.test_request_context(), writing():
        sticker, words = stickers.add_for_page("feirao", "a7")
        code = sticker.code
    assert words.name == "Feirão: SUVs com entrada de 20%"
    assert words.price == ""
    answer = client.get(f"/q/{code}", headers=PERSON)
    assert answer.headers["Location"].startswith("/lp/feirao?utm_source=qr")
    with app.test_request_context():
        assert stale() == {}
        with writing():
            editing.schedule(editing.find("feirao"), None, now() - timedelta(hours=1))
        assert code in stale()


def test_no_sticker_for_a_page_that_was_never_published(app):
    with writing():
        editing.create("rascunho", "Rascunho", Goal.PROPOSAL)
    for slug in ("rascunho", "nao-existe"):
        with app.test_request_context(), pytest.raises(editing.NoSuchPage), writing():
            stickers.add_for_page(slug, "a6")


# --- the terminal --------------------------------------------------------------------------


def run(app, *arguments: str):
    return app.test_cli_runner().invoke(args=["stickers", *arguments])


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_printing_writes_the_file_and_remembers_the_price(app, tmp_path, kind):
    vehicle = make_vehicle()
    out = tmp_path / f"adesivo.{kind}"
    answer = run(app, "print", "--offer", vehicle.public_id, "--size", "a7", "--out", str(out))
    assert answer.exit_code == 0, answer.output
    sticker = db.session.scalars(sa.select(Sticker)).one()
    assert (sticker.price_cents, sticker.size) == (69_900_00, "a7")
    assert f"/q/{sticker.code}" in answer.output
    if kind == "svg":
        assert dark_modules_of_svg(out.read_text()) == expected_modules(sticker.address)
    else:
        assert "R$ 69.900" in texts_of_pdf(out.read_bytes())
        assert f"localhost/q/{sticker.code}" in texts_of_pdf(out.read_bytes())


def test_printing_refuses_in_words(app, tmp_path):
    vehicle = make_vehicle()
    for arguments in (
        ["--offer", "nope"],
        ["--landing", "nope"],
        [],
        ["--offer", vehicle.public_id, "--landing", "x"],
        ["--offer", vehicle.public_id, "--out", str(tmp_path / "nowhere" / "x.pdf")],
    ):
        answer = run(app, "print", *arguments)
        assert answer.exit_code != 0
        assert "Traceback" not in answer.output
    assert db.session.scalars(sa.select(Sticker)).all() == []


def test_the_terminal_lists_warns_and_retires(app, sticker):
    code = sticker.code
    for _time in range(3):
        app.test_client().get(f"/q/{code}", headers=PERSON)
    assert f"{code}\t3\t" in run(app, "list").output
    assert run(app, "stale").exit_code == 0
    change(sticker.vehicle, price_cents=1_00)
    warned = run(app, "stale")
    assert warned.exit_code == 1
    assert code in warned.output
    assert run(app, "retire", code.upper()).exit_code == 0
    assert run(app, "stale").exit_code == 0
    assert code not in run(app, "list").output
    assert run(app, "retire", "zzzzzz").exit_code == 1
    assert _("Every sticker says what the site says.") in run(app, "stale").output
