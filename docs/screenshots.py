"""Pictures of every page for the README: `python docs/screenshots.py http://127.0.0.1:8000`.

Needs the site running (`make run`), its test environment and a Chromium on the machine.
"""

import io
import re
import shutil
import sys
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "screens"
SCREENS = {"phone": (360, 780, 2), "desk": (1280, 800, 1)}
SCHEMES = ("light", "dark")


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
        "not-found": "/nada",
    }


def shoot(page: Page, address: str, target: Path) -> None:
    page.goto(address, wait_until="networkidle")
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.thumbnail((1280, 1280))
    picture.convert("RGB").save(target, "WEBP", quality=78, method=6)


def main(site: str) -> None:
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
                for name, path in pages(site).items():
                    shoot(page, site + path, FOLDER / f"{name}-{screen}-{scheme}.webp")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
