"""Stock in bulk on a phone: thirty prices by one rule, a file with bad rows, and both undone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app import create_app
from inventory.importing.history import JOBS
from jobs.worker import JobSetup, Worker
from tests.browser.conftest import PHONE, _watched
from tests.browser.test_staff_vehicle import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

CARS = 30


@pytest.fixture(params=["script", "no-script"])
def owner(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Page]:
    """The owner's phone, with and without JavaScript."""
    has_script = request.param == "script"
    context = browser.new_context(**PHONE, base_url=site, java_script_enabled=has_script)
    for page in _watched(context, has_script=has_script):
        sign_in(page, "dona@demo.example")
        yield page


def agree(page: Page, button: Locator) -> None:
    """Tap a button and, where the script asks, say yes: twice, as impatient people do."""
    if page.has_script:
        button.tap()
        page.locator("[data-confirm-yes]").dblclick()
    else:
        button.dblclick()


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def fits(page: Page) -> bool:
    return page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["viewport"]["width"]


def test_thirty_prices_are_raised_and_undone(owner: Page) -> None:
    page = owner
    page.goto("/admin/estoque/lotes/")
    before = page.locator("tbody tr").count()
    page.goto("/admin/estoque/?situacao=publicado")
    rows = page.locator("[data-row]")
    plain = rows.filter(has_not=page.locator(".stock-promo")).first
    number = plain.get_attribute("data-row")
    offer = plain.locator("a[href^='/oferta/']").get_attribute("href")
    plain.locator("[name=ids]").check()
    others = page.locator("[name=ids]:not(:checked)")
    others.evaluate_all("(all, n) => all.slice(0, n).forEach((box) => box.click())", CARS - 1)
    page.locator("text=Alterar os marcados").tap()
    expect(page.locator("h1")).to_have_text(f"Alterar {CARS} carros")
    page.locator("label:has([name=sentido][value=mais])").tap()
    page.fill("#b-valor", "3")
    page.locator("text=Ver antes e depois").tap()
    page.wait_for_url(re.compile(r"/lotes/\d+/$"))
    row = page.locator(f"tr:has(a[href='/admin/veiculo/{number}/'])")
    old, new = (digits(cell) for cell in row.locator("td").all_inner_texts())
    assert int(new) == round(int(old) * 1.03 / 100) * 100
    assert fits(page)
    agree(page, page.locator(".save-bar button"))
    expect(page.locator(".flash")).to_contain_text(f"{CARS} carros alterados")
    here = page.url
    assert digits(public_price(page, offer)) == new
    page.goto("/admin/estoque/lotes/")
    expect(page.locator("tbody tr")).to_have_count(before + 1)

    page.goto(here)
    agree(page, page.locator(".page-acts button", has_text="Desfazer"))
    expect(page.locator("main")).to_contain_text("Desfeito por")
    assert digits(public_price(page, offer)) == old


def public_price(page: Page, offer: str) -> str:
    page.goto(offer)
    return page.locator("main .price").first.inner_text()


def file_of(mark: str, delimiter: str) -> bytes:
    """Two good rows and three bad ones; one column has a name that nobody can guess."""
    rows = [
        ["codigo", "fabricante", "modelo", "versao", "ano", "valor", f"rodou {mark}"],
        [f"{mark}1", "Fiat", "Argo", f"Serie{mark} 1.0", "2022", '"61.900,50"', "11.000"],
        [f"{mark}2", "Fiat", "Argo", f"Serie{mark} 1.3", "2022", '"62.900,00"', "12.000"],
        [f"{mark}3", "Fiat", "Argo", f"Serie{mark} 1.3", "2022", "sob consulta", "13.000"],
        [f"{mark}4", "Fiat", "", f"Serie{mark} 1.3", "2022", '"64.900,00"', "14.000"],
        [f"{mark}5", "Fiat", "Argo", f"Serie{mark} 1.3", "1850", '"65.900,00"', "15.000"],
    ]
    return "\r\n".join(delimiter.join(row) for row in rows).encode()


def send(page: Page, mark: str, delimiter: str) -> Locator:
    """Send the file; the list of what its odd column holds."""
    page.goto("/admin/importar/")
    file = {
        "name": f"estoque-{mark}.csv",
        "mimeType": "text/csv",
        "buffer": file_of(mark, delimiter),
    }
    page.set_input_files("#f-arquivo", file)
    page.locator("text=Enviar e conferir").tap()
    return page.locator("tr", has_text=f"rodou {mark}").locator("select")


def work(site: str, environment: dict[str, str]) -> None:
    """What the worker does with imports; the demo's photos can wait."""
    settings = {
        name: environment[f"VITRINE_{name.upper()}"]
        for name in ("instance_dir", "database_url")
        if f"VITRINE_{name.upper()}" in environment
    }
    app = create_app(base_url=site, **settings)
    Worker(app, JobSetup(JOBS), threads=1).run(drain=True)


def test_a_file_with_bad_rows_is_mapped_tried_imported_and_undone(
    owner: Page, site: str, site_environment: dict[str, str]
) -> None:
    page = owner
    mark, delimiter = ("S", ";") if page.has_script else ("N", ",")
    odd = send(page, mark, delimiter)
    expect(odd).to_have_value("")
    odd.select_option("mileage_km")
    page.check("[name=parte]")
    assert fits(page)
    page.locator("text=Testar").tap()

    counts = page.locator(".import-counts dd")
    expect(counts).to_have_text(["2", "0", "0", "0", "3"])
    for number, column, wrong, words in (
        (3, "valor", "sob consulta", "não é um preço"),
        (4, "modelo", "vazio", "Informe o modelo"),
        (5, "ano", "1850", "ano não pode estar certo"),
    ):
        row = page.locator("tr", has_text=f"{mark}{number}")
        expect(row.locator(".is-wrong")).to_have_text(wrong)
        expect(row).to_contain_text(column)
        expect(row).to_contain_text(words)
    assert fits(page)

    page.locator("text=Importar agora").dblclick()
    expect(page.locator("h1 + p")).to_have_text("Importando")
    here = page.url
    work(site, site_environment)
    if not page.has_script:
        page.locator("text=Ver o andamento").tap()
    expect(page.locator("h1 + p")).to_have_text("Importado")
    expect(counts).to_have_text(["2", "0", "0", "0", "3"])

    expect(send(page, mark, delimiter)).to_have_value("mileage_km")
    cars = f"/admin/estoque/?q=Serie{mark}"
    page.goto(cars)
    expect(page.locator("[data-row]")).to_have_count(2)
    expect(page.locator("[name=km]").last).to_have_value(re.compile(r"1[12]\.000"))
    page.goto(here)
    agree(page, page.locator("text=Desfazer a importação"))
    expect(page.locator("main")).to_contain_text("2 carros estão como antes")
    page.goto(cars)
    expect(page.locator("[data-row]")).to_have_count(0)
