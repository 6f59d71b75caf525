"""Pictures of every page for README and handbook: `python docs/screenshots.py http://127.0.0.1:8000`;
with names behind it of those alone, as in `… desk board`.

Needs the site running (`make run`, with its demo accounts), its test environment and a Chromium on
the machine. Staff pages are shown in light colours only: the handbook is read and printed so.
"""

import io
import re
import shutil
import sys
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from demo.staff import PASSWORD, PEOPLE

FOLDER = Path(__file__).parent / "screens"
SCREENS = {"phone": (360, 780, 2), "desk": (1280, 800, 1)}
SCHEMES = ("light", "dark")
STAFF_PAGES = {
    "today": "/admin/",
    "stock": "/admin/estoque/",
    "new-car": "/admin/veiculo/novo",
    "age": "/admin/estoque/idade/",
    "import": "/admin/importar/",
    "export": "/admin/exportar/",
    "pages": "/admin/paginas/",
    "stickers": "/admin/etiquetas/",
    "keywords": "/admin/palavras/",
    "desk": "/admin/atendimento/",
    "board": "/admin/painel/",
    "agenda": "/admin/agenda/",
    "leads": "/admin/leads/",
    "duplicates": "/admin/duplicados/",
    "stop-list": "/admin/nao-contatar/",
    "privacy": "/admin/privacidade/",
    "texts": "/admin/modelos/",
    "goals": "/admin/metas/",
    "commissions": "/admin/comissoes/",
    "quality": "/admin/qualidade/",
    "outreach": "/admin/carteiras/",
    "shopper": "/admin/cliente-oculto/",
    "replay": "/admin/replay/",
    "capacity": "/admin/capacidade/",
    "roster": "/admin/escala/",
    "webhooks": "/admin/webhooks/",
    "portals": "/admin/portais/",
    "portal-truth": "/admin/portais/verdade/",
    "banners": "/admin/banners/",
    "blog": "/admin/blog/",
    "testimonials": "/admin/depoimentos/",
    "media": "/admin/midia/",
    "reports": "/admin/relatorios/",
    "stores": "/admin/lojas/",
    "identity": "/admin/identidade/",
    "legal": "/admin/textos-legais/",
    "team": "/admin/equipe/",
    "audit": "/admin/auditoria/",
    "account": "/admin/conta/",
}


def read(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        return str(answer.read().decode())


def pages(site: str) -> dict[str, str]:
    """Every page by name, with offers and a store of the running demo."""
    offers = list(dict.fromkeys(re.findall(r"/oferta/[\w-]+", read(f"{site}/estoque"))))
    store = re.search(r"/lojas/[\w-]+", read(f"{site}/lojas"))
    ids = ",".join(path.rpartition("-")[2] for path in offers[:2])
    return {
        "home": "/",
        "list": "/estoque?q=suv+automatico+ate+160+mil",
        "nothing": "/estoque?carroceria=suv&preco_max=5000",
        "offer": offers[0],
        "compare": f"/comparar?ids={ids}",
        "favourites": "/favoritos",
        "stores": "/lojas",
        "store": store[0] if store else "/lojas",
        "financing": "/financiamento",
        "contact": "/contato",
        "trade-in": "/avaliacao",
        "test-drive": "/test-drive",
        "workshop": "/pos-venda",
        "privacy": "/privacidade",
        "landing": "/lp/seminovos-ate-70-mil",
        "landing-offer": "/lp/oferta-da-semana",
        "not-found": "/nada",
    }


def staff_pages(page: Page, site: str) -> dict[str, str]:
    """The staff door's screens by name, with a car and a landing page of the running demo."""
    page.goto(f"{site}/admin/login")
    page.fill("[name=email]", PEOPLE[0][0])
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{site}/admin/")
    found = {}
    for name, path, pattern in (
        ("car", "/admin/estoque/?estado=published", r"/admin/veiculo/\d+/"),
        ("photos", "/admin/estoque/?estado=published", r"/admin/fotos/\d+/"),
        ("builder", "/admin/paginas/", r"/admin/paginas/\d+/"),
        ("lead", "/admin/leads/", r"/admin/leads/\d+"),
        ("desk-lead", "/admin/atendimento/", r"/admin/atendimento/\d+/"),
        ("portal-ads", "/admin/portais/", r'/admin/portais/\d+/anuncios(?=">OLX)'),
        ("outreach-list", "/admin/carteiras/", r"/admin/carteiras/\d+/"),
    ):
        page.goto(site + path)
        if match := re.search(pattern, page.content()):
            found[name] = match[0]
    if "car" in found:
        found.setdefault("photos", found["car"].replace("/veiculo/", "/fotos/"))
    if "portal-ads" in found:
        account = found["portal-ads"].removesuffix("/anuncios")
        found |= {"portal-rules": f"{account}/regras", "portal-problems": f"{account}/problemas"}
    return STAFF_PAGES | found


def wanted(found: dict[str, str], names: list[str]) -> dict[str, str]:
    return {name: path for name, path in found.items() if not names or name in names}


def shoot(page: Page, address: str, target: Path) -> None:
    page.goto(address, wait_until="networkidle")
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.thumbnail((1280, 1280))
    picture.convert("RGB").save(target, "WEBP", quality=78, method=6)


def main(site: str, names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for screen, (width, height, density) in SCREENS.items():
            for scheme in SCHEMES:
                page = browser.new_context(
                    viewport={"width": width, "height": height},
                    device_scale_factor=density,
                    is_mobile=screen == "phone",
                    color_scheme=scheme,
                    locale="pt-BR",
                ).new_page()
                for name, path in wanted(pages(site), names).items():
                    shoot(page, site + path, FOLDER / f"{name}-{screen}-{scheme}.webp")
                if scheme == "light":
                    for name, path in wanted(staff_pages(page, site), names).items():
                        shoot(page, site + path, FOLDER / f"staff-{name}-{screen}.webp")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2:])
