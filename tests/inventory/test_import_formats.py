"""Every layout with public facts, in a small file as its maker writes it; and hostile ones."""

import contextlib
import io
import json
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
import sqlalchemy as sa
from flask_babel import force_locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db import db
from inventory.importing import ImportOptions, ImportRefused, import_stock
from inventory.models import Vehicle
from tests.factories import make_store
from tests.inventory.stock_files import as_csv, as_jsonl, as_xlsx, good


@pytest.fixture(autouse=True)
def english(app):
    with force_locale("en"):
        yield


@pytest.fixture
def bring(tmp_path):
    def bring(content, name="estoque", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        db.session.rollback()
        return import_stock(str(path), ImportOptions(**options))

    return bring


def vehicles():
    db.session.expire_all()
    return {row.source_id: row for row in db.session.scalars(sa.select(Vehicle))}


def facts(car):
    return (
        car.car_model.make.name, car.car_model.name, car.trim.name if car.trim else "",
        car.built_year, car.model_year, car.price_cents, car.mileage_km, car.fuel,
        car.transmission, car.color,
    )  # fmt: skip


def photos(car):
    return [photo.source_url for photo in car.photos]


# --- sheets ----------------------------------------------------------------------------------


def test_sheet_with_typed_cells(bring):
    make_store()
    typed = good(
        12, preco=64900.0, preco_promocional=61990.5, km=38500, ano_fabricacao=2021,
        ano_modelo=2022.0, promocao_ate=datetime(2026, 12, 31), portas=4, renavam=639884962,
    )  # fmt: skip
    report = bring(as_xlsx([typed, {"id": None}, good(13, preco="x")]))
    assert (report.format, report.created) == ("xlsx", 1)
    assert [row.row for row in report.rejected] == [4]  # the empty row counts, as on the screen
    car = vehicles()["12"]
    assert facts(car)[3:7] == (2021, 2022, 64_900_00, 38_500)
    assert (car.promo_price_cents, car.promo_until) == (61_990_50, date(2026, 12, 31))
    assert car.renavam == "00639884962"


def test_typed_number_with_three_decimals_is_no_million(bring):
    make_store()
    bring(as_xlsx([good(1, preco=64900.125)]))
    assert vehicles()["1"].price_cents in {64_900_12, 64_900_13}


def archive(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, data in parts.items():
            book.writestr(name, data)
    return out.getvalue()


def sheet_parts(**changes):
    with zipfile.ZipFile(io.BytesIO(as_xlsx([good(1)]))) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    return {**parts, **changes}


def test_hostile_sheets_are_refused(bring):
    make_store()
    sheet = "xl/worksheets/sheet1.xml"
    doctype = b'<!DOCTYPE x [<!ENTITY a "b">]>'
    for content in (
        archive(sheet_parts(**{sheet: b"<broken"})),
        archive(sheet_parts(**{sheet: bytes(201_000_000)})),
        archive(sheet_parts(**{sheet: doctype + b"<worksheet/>"})),
        archive({"readme.txt": b"no sheet"}),
        archive({f"{number}.xml": b"" for number in range(2_100)}),
        archive(sheet_parts())[:-300],
    ):
        with pytest.raises(ImportRefused):
            bring(content)
    assert vehicles() == {}


def test_lying_dimension_hides_nothing(bring):
    make_store()
    with zipfile.ZipFile(io.BytesIO(as_xlsx([good(1)]))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    start, end = sheet.index(b"<dimension"), sheet.index(b"/>", sheet.index(b"<dimension")) + 2
    lying = sheet[:start] + b'<dimension ref="A1"/>' + sheet[end:]
    assert bring(archive(sheet_parts(**{"xl/worksheets/sheet1.xml": lying}))).created == 1


def test_empty_book_is_refused(bring):
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    with pytest.raises(ImportRefused):
        bring(out.getvalue())


# --- XML dialects ----------------------------------------------------------------------------

DS_AUTO_ESTOQUE = """<?xml version="1.0" encoding="UTF-8"?>
<estoque><loja><nomefantasia>Exemplo Veículos</nomefantasia>
<endereco><cidade>Franca</cidade></endereco></loja>
<veiculo><id>901</id><tipoveiculo>Carro</tipoveiculo><zerokm>N</zerokm><placa>ABC-1***</placa>
<marca>VW - VolksWagen</marca><modelo>Polo</modelo><versao>1.0 TSI Comfortline</versao>
<tipomotor>1.0 TSI</tipomotor><anofabricacao>2019</anofabricacao><anomodelo>2020</anomodelo>
<cambio>Automático</cambio><km>52.300</km><portas>4</portas><cor>Cinza Platinum</cor>
<combustivel>Flex</combustivel><preco>79.900,00</preco>
<observacao>&lt;p&gt;Revisado &amp;amp; com garantia.&lt;br/&gt;Venha ver&lt;/p&gt;</observacao>
<complementos><complemento>Único dono</complemento></complementos>
<opcionais><opcional>Ar-condicionado</opcional><opcional>Freios ABS</opcional></opcionais>
<acessorios><acessorio>Engate</acessorio></acessorios>
<fotos><foto>https://fotos.example/1.jpg</foto><foto>https://fotos.example/2.jpg</foto></fotos>
<foto360/></veiculo>
<veiculo><id>902</id><zerokm>S</zerokm><marca>Fiat</marca><modelo>Mobi</modelo><versao/>
<anofabricacao>2026</anofabricacao><anomodelo>2026</anomodelo><km>0</km><preco>72990.00</preco>
<combustivel>Vapor</combustivel><fotos/></veiculo></estoque>"""


def test_ds_auto_estoque(bring):
    make_store()
    report = bring(DS_AUTO_ESTOQUE)
    assert (report.dialect, report.created, report.rejected) == ("dsautoestoque", 2, [])
    car, new = vehicles()["901"], vehicles()["902"]
    assert facts(car) == (
        "Volkswagen", "Polo", "1.0 TSI Comfortline", 2019, 2020, 79_900_00, 52_300, "flex",
        "automatic", "gray",
    )  # fmt: skip
    assert car.features == ["air_conditioning", "abs", "tow_hitch"]
    assert car.history == {"single_owner": True}
    assert car.description == "Revisado & com garantia.\nVenha ver"
    assert photos(car) == ["https://fotos.example/1.jpg", "https://fotos.example/2.jpg"]
    assert (car.condition, new.condition) == ("used", "new")
    assert (car.license_plate, new.fuel) == (None, None)
    assert [warning.column for warning in report.warnings] == ["combustivel"]
    assert bring(DS_AUTO_ESTOQUE).unchanged == 2


AUTOCERTO_XML = """<?xml version="1.0"?>
<veiculos><veiculo><codigo>5501</codigo><placa>abc1d23</placa><chassi>9BWZZZ377VT004251</chassi>
<marca>Toyota</marca><modelo>Hilux</modelo><versao>SRV 2.8</versao>
<anofabricacao>2020</anofabricacao><anomodelo>2021</anomodelo><cor>Prata</cor>
<combustivel>Diesel</combustivel><cambio>Automático</cambio><portas>4</portas>
<quilometragem>12.500 km</quilometragem><preco>R$ 168.900,00</preco>
<preco_promocional>0</preco_promocional><blindado>SIM</blindado>
<fotos><foto url="https://fotos.example/a.jpg"/><foto url="https://fotos.example/b.jpg"/></fotos>
<opcionais><opcional>Airbag</opcional></opcionais><observacoes>Blindada</observacoes>
</veiculo></veiculos>"""


def test_autocerto_xml(bring):
    make_store()
    report = bring(AUTOCERTO_XML)
    assert (report.dialect, report.created) == ("autocerto-xml", 1)
    car = vehicles()["5501"]
    assert facts(car) == (
        "Toyota", "Hilux", "SRV 2.8", 2020, 2021, 168_900_00, 12_500, "diesel", "automatic",
        "silver",
    )  # fmt: skip
    assert (car.license_plate, car.promo_price_cents) == ("ABC1D23", None)
    assert car.history == {"armored": True}
    assert photos(car) == ["https://fotos.example/a.jpg", "https://fotos.example/b.jpg"]


META_XML = """<?xml version="1.0" encoding="UTF-8"?>
<listings><title>Estoque</title><link rel="self" href="https://loja.example/meta.xml"/>
<listing><vehicle_id>lj1-v204</vehicle_id><title>Fiat Argo Drive 1.0 2022</title>
<description>Revisado.</description><url>https://loja.example/204</url>
<make>Fiat</make><model>Argo</model><year>2022</year><trim>Drive 1.0</trim>
<mileage><value>38500</value><unit>KM</unit></mileage>
<image><url>https://img.example/01.jpg</url><tag>Exterior</tag></image>
<image><url>https://img.example/02.jpg</url></image>
<body_style>HATCHBACK</body_style><state_of_vehicle>USED</state_of_vehicle>
<fuel_type>FLEX</fuel_type><transmission>MANUAL</transmission>
<exterior_color>Branco</exterior_color><price>64900 BRL</price>
<availability>AVAILABLE</availability></listing>
<listing><vehicle_id>lj1-v205</vehicle_id><make>Fiat</make><model>Toro</model><year>2023</year>
<fuel_type>OTHER</fuel_type><price>119900.00 BRL</price><availability>PENDING</availability>
</listing></listings>"""


def test_meta_xml(bring):
    make_store()
    report = bring(META_XML)
    assert (report.dialect, report.created, report.warnings) == ("meta", 2, [])
    car = vehicles()["lj1-v204"]
    assert facts(car) == (
        "Fiat", "Argo", "Drive 1.0", None, 2022, 64_900_00, 38_500, "flex", "manual", "white",
    )  # fmt: skip
    assert photos(car) == ["https://img.example/01.jpg", "https://img.example/02.jpg"]
    assert vehicles()["lj1-v205"].state == "reserved"


def test_meta_table(bring):
    make_store()
    row = {
        "vehicle_id": "9", "make": "Jeep", "model": "Renegade", "year": "2021",
        "mileage.value": "41000", "mileage.unit": "KM", "image[0].url": "https://i.example/0.jpg",
        "image[0].tag[0]": "Front", "image[1].url": "https://i.example/1.jpg",
        "body_style": "SUV", "state_of_vehicle": "CPO", "price": "98900 BRL",
        "fuel_type": "PETROL", "transmission": "AUTOMATIC", "exterior_color": "Preto",
        "availability": "AVAILABLE",
    }  # fmt: skip
    for delimiter in ",\t":
        report = bring(as_csv([row], delimiter))
    assert (report.dialect, report.unchanged) == ("meta", 1)
    car = vehicles()["9"]
    assert facts(car)[4:] == (2021, 98_900_00, 41_000, "gasoline", "automatic", "black")
    assert photos(car) == ["https://i.example/0.jpg", "https://i.example/1.jpg"]
    assert (car.condition, car.body) == ("used", "suv")


def test_own_feed_as_xml(bring):
    make_store(name="Centro")
    text = """<estoque versao="1" gerado_em="2026-11-22T10:00:00Z"><loja>Centro</loja>
    <veiculo id="7"><loja>Centro</loja><marca>Fiat</marca><modelo>Pulse</modelo>
    <ano_modelo>2024</ano_modelo><preco>99900.00</preco><km>9000</km><condicao>seminovo</condicao>
    <opcionais><opcional>abs</opcional><opcional>airbag</opcional></opcionais>
    <fotos><foto>https://i.example/1.jpg</foto></fotos><status>reservado</status></veiculo>
    </estoque>"""
    report = bring(text)
    assert (report.dialect, report.created, report.unknown_columns) == ("vitrine", 1, [])
    car = vehicles()["7"]
    assert (car.state, car.features, len(car.photos)) == ("reserved", ["abs", "airbag"], 1)


def test_latin_bytes_under_a_utf8_declaration(bring):
    make_store()
    bring(DS_AUTO_ESTOQUE.replace("&lt;p&gt;", "não ").encode("latin-1"))
    assert vehicles()["901"].description.startswith("não Revisado")
    declared = DS_AUTO_ESTOQUE.replace("UTF-8", "ISO-8859-1").replace("Revisado", "Único")
    assert bring(declared.encode("latin-1")).updated == 1
    assert vehicles()["901"].description.startswith("Único")
    assert bring(DS_AUTO_ESTOQUE.replace("UTF-8", "UTF-16").encode("utf-16")).updated == 1


def test_forced_format_is_obeyed(bring):
    make_store()
    assert bring(DS_AUTO_ESTOQUE, format="dsautoestoque").created == 2
    for wrong in ("autoconf", "json", "xlsx", "meta", "nonsense"):
        with pytest.raises(ImportRefused):
            bring(DS_AUTO_ESTOQUE, format=wrong)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        "<estoque><veiculo><id>1</id><marca>&x;</marca></veiculo></estoque>",
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><estoque><veiculo>&l9;</veiculo></estoque>',
        '<?xml version="1.0"?><!-- x -->\n<!doctype a SYSTEM "http://127.0.0.1/x"><a/>',
        "<estoque><veiculo><id>1</id>&undefined;</veiculo></estoque>",
        "<estoque><veiculo><id>1</id><marca>Fiat</marca>",
        "<estoque>" + "<a>" * 60 + "</a>" * 60 + "</estoque>",
        "<a/>" * 9,
        "<html><body>Login</body></html>",
    ],
)
def test_hostile_xml_is_refused(bring, content):
    make_store()
    for data in (content.encode(), content.encode("utf-16")):
        with pytest.raises(ImportRefused):
            bring(data)
    assert vehicles() == {}


def test_long_preamble_does_not_hide_a_document_type(bring):
    content = "<!-- " + "x" * 70_000 + ' --><!DOCTYPE a [<!ENTITY x "y">]><estoque/>'
    with pytest.raises(ImportRefused):
        bring(content)


def test_endless_text_of_one_vehicle_stays_out(bring):
    make_store()
    huge = f"<veiculo><id>3</id><observacao>{'x' * 70_000}</observacao></veiculo>"
    many = f"<veiculo><id>4</id>{'<a/>' * 6_000}</veiculo>"
    text = DS_AUTO_ESTOQUE.replace("</estoque>", huge + many + "</estoque>")
    report = bring(text)
    assert report.created == 2
    assert len(report.rejected) == 2


# --- JSON dialects ---------------------------------------------------------------------------

AUTOCERTO = [
    {
        "Codigo": 881, "Placa": "ABC1D23", "AnoFabricacao": 2018, "AnoModelo": 2019, "Km": 61000,
        "Marca": {"Codigo": 3, "Descricao": "HONDA"}, "Modelo": {"Codigo": 9, "Descricao": "HR-V"},
        "Versao": {"Codigo": 1, "Descricao": "EXL 1.8"}, "Preco": 98900.0, "PrecoPromocional": 0,
        "Combustivel": {"Codigo": 1, "Descricao": "Flex"},
        "Cor": {"Codigo": 2, "Descricao": "Azul"},
        "Cambio": {"Codigo": 2, "Descricao": "CVT"}, "Portas": 4, "Status": "Disponível",
        "Observacao": "Ótimo estado", "DataCadastro": "2026-01-01T10:00:00",
        "Fotos": [{"Codigo": 1, "URL": "https://cdn.example/1.jpg", "Principal": True, "Ordem": 1}],
    },
    {
        "Codigo": 882, "AnoFabricacao": 2015, "AnoModelo": 2015, "Km": 99000, "Marca": "Fiat",
        "Modelo": "Palio", "Versao": None, "ValorVenda": 32900, "Combustivel": "Gasolina",
        "Cor": "Prata", "Cambio": "Manual", "Status": "Vendido",
    },
]  # fmt: skip


def test_autocerto_json(bring):
    make_store()
    report = bring(json.dumps(AUTOCERTO, ensure_ascii=False))
    assert (report.dialect, report.created, report.rejected) == ("autocerto", 2, [])
    cars = vehicles()
    assert facts(cars["881"]) == (
        "Honda", "HR-V", "EXL 1.8", 2018, 2019, 98_900_00, 61_000, "flex", "cvt", "blue",
    )  # fmt: skip
    assert photos(cars["881"]) == ["https://cdn.example/1.jpg"]
    assert facts(cars["882"])[:3] == ("Fiat", "Palio", "")
    assert (cars["881"].state, cars["882"].state) == ("published", "sold")
    assert bring(json.dumps(AUTOCERTO)).unchanged == 2


AUTOCONF = {
    "count": 1, "registros_por_pagina": 50, "pagina_atual": 1, "ultima_pagina": 1,
    "veiculos": [
        {
            "id": 77, "marca_id": 1, "marca_nome": "Chevrolet", "marca_slug": "chevrolet",
            "modelopai_nome": "Onix", "modelo_nome": "Onix 1.0 LT", "versao_descricao": "1.0 LT",
            "anofabricacao": "2020", "anomodelo": "2021", "km": 45000, "potencia": "82 cv",
            "valorvenda": "64.900,00", "valorpromocao": None, "zero_km": 0,
            "cor_nome": "Preto", "combustivel_nome": "Flex", "cambio_nome": "Manual",
            "carroceria_nome": "Hatch", "foto": "https://cdn.example/0.jpg",
            "fotos": [{"url": "https://cdn.example/0.jpg"}, {"url": "https://cdn.example/1.jpg"}],
            "acessorios": [{"id": 1, "nome": "Ar condicionado", "categoria": "Conforto"}],
            "placa": "ABC-1***", "placa_completa": "ABC1D23",
        }
    ],
}  # fmt: skip


def test_autoconf(bring):
    make_store()
    for indent in (None, 2):
        report = bring(json.dumps(AUTOCONF, indent=indent))
    assert (report.dialect, report.unchanged) == ("autoconf", 1)
    car = vehicles()["77"]
    assert facts(car) == (
        "Chevrolet", "Onix", "1.0 LT", 2020, 2021, 64_900_00, 45_000, "flex", "manual", "black",
    )  # fmt: skip
    assert (car.power_hp, car.body, car.license_plate) == (82, "hatch", "ABC1D23")
    assert car.features == ["air_conditioning"]
    assert photos(car) == ["https://cdn.example/0.jpg", "https://cdn.example/1.jpg"]


def test_own_columns_as_json_and_json_lines(bring):
    make_store()
    rows = [good(1), good(2, fotos=["https://i.example/1.jpg"], opcionais=["ABS", "Airbag"], km=5)]
    assert bring(as_jsonl(rows)).created == 2
    assert bring(json.dumps({"estoque": {"veiculos": rows}})).unchanged == 2
    assert bring(json.dumps(rows)).unchanged == 2
    assert bring(as_jsonl(rows[:1]), is_partial=True).unchanged == 1
    assert vehicles()["2"].features == ["abs", "airbag"]


def test_line_that_is_no_json_is_one_rejected_row(bring):
    make_store()
    report = bring(as_jsonl([good(1)]) + "{broken\n" + as_jsonl([good(2)]) + "[1]\n")
    assert (report.created, [row.row for row in report.rejected]) == (2, [2, 4])


@pytest.mark.parametrize(
    "content",
    [
        '{"veiculos": [{"id": 1}',
        '{"veiculos": [{"id": 1}]} trailing',
        '[{"id": NaN}]',
        '[{"id": ' + "9" * 6_000 + "}]",
        '[{"id": 1e999}]',
        '{"a": ' * 3_000 + "1" + "}" * 3_000,
        '[{"id": ' + "[" * 3_000 + "]" * 3_000 + "}]",
        '{"other": {"x": 1}}',
        '"text"',
        "[null]",
        '[{"id": "\\ud800"}]',
    ],
)
def test_hostile_json_is_refused(bring, content):
    make_store()
    with pytest.raises(ImportRefused):
        bring(content)
    assert vehicles() == {}


def test_text_that_no_database_holds_is_cleaned(bring):
    make_store()
    row = json.dumps(good(1, descricao="a\ud800b\x00c", versao="LT\ud83d"))
    assert bring(row.encode()).created == 1
    assert vehicles()["1"].description == "abc"


# --- addresses -------------------------------------------------------------------------------


def test_stock_comes_from_an_address(httpserver, app, monkeypatch):
    make_store()
    httpserver.expect_request("/estoque.csv").respond_with_data(
        as_csv([good(1, descricao="não")]).encode("cp1252"),
        content_type="text/csv; charset=windows-1252",
    )
    url = httpserver.url_for("/estoque.csv")
    with pytest.raises(ImportRefused):
        import_stock(url)
    allowing = type(app.extensions["vitrine"])(
        **{**app.extensions["vitrine"].__dict__, "allow_private_urls": True}
    )
    monkeypatch.setitem(app.extensions, "vitrine", allowing)
    report = import_stock(url)
    assert (report.created, report.sources) == (1, [url])
    assert vehicles()["1"].description == "não"
    with pytest.raises(ImportRefused, match="500"):
        import_stock(httpserver.url_for("/missing"))


# --- anything --------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.tuples(st.sampled_from([DS_AUTO_ESTOQUE, META_XML, json.dumps(AUTOCONF),
                                   as_csv([good(1), good(2)])]),
                  st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=6)).map(
            lambda parts: parts[0].encode()[: parts[1]]
            + parts[3]
            + parts[0].encode()[parts[1] + parts[2] :]
        ),
    )
)  # fmt: skip
def test_no_file_raises_anything_but_a_refusal(bring, content):
    with contextlib.suppress(ImportRefused):
        bring(content)
