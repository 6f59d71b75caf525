"""Every page behind the staff door, read from the code and opened one after the other: accessible
in both sizes and in the dark, whole on a phone, quiet, light, and ours alone.

A new screen is walked without a word here. Its rows are those of the demo that links lead to;
where no link does, tests/admin/rows.py makes one.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from zlib import crc32

import pytest
import sqlalchemy as sa
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page
from werkzeug.exceptions import HTTPException

from app import create_app
from core.db import db, writing
from dealership import second_factor
from dealership.invitations import invite, reset_token, token_of
from dealership.models import Store
from dealership.passwords import password_digest
from dealership.roles import Role
from dealership.staff import create_staff, find_staff
from demo.staff import PASSWORD, PEOPLE
from inventory.editing import revise_vehicle
from inventory.models import Vehicle
from tests.admin.addresses import Address, every_address
from tests.admin.rows import NEEDS_MORE, Asked, make_row
from tests.browser.conftest import _is_ours

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

OWNER = PEOPLE[0][0]
COLLEAGUE, GUEST = "com.aplicativo@demo.example", "convidada@demo.example"
PHONE, DESK = {"width": 360, "height": 640}, {"width": 1280, "height": 800}
MOST_BYTES = 200_000
PARTS = 3
FOUND = """async () => (await axe.run(document, {
  elementRef: false, iframes: false, resultTypes: ["violations"],
})).violations.map((one) => one.id + ": " + one.nodes.map((node) => node.html.slice(0, 150)))"""
# Tables of figures scroll beside their chart; any other fits the window of a desk.
CUT_TABLES = """[...document.querySelectorAll(".table-scroll:not(.report-scroll)")]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.scrollWidth)"""
WIDTH_PX = "document.scrollingElement.scrollWidth"
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
# What a first visit moves, photos aside: bytes as they are sent (compressed, from the cache or not)
# and as they are read. What a frame shows is a page of its own; here its document counts.
WEIGHT = """() => [
    ...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource"),
  ].filter((one) => !one.name.includes("/media/"))
  .reduce((sum, one) => [sum[0] + one.encodedBodySize, sum[1] + one.decodedBodySize], [0, 0])"""
_LINK = re.compile(r"""(?:href|src)=["'](/admin/[^"'#?]*)""")


@pytest.fixture(scope="module")
def behind(site: str, site_environment: dict[str, str]) -> Iterator[Flask]:
    """The running site's application, to make rows with."""
    app = create_app(instance_dir=site_environment["VITRINE_INSTANCE_DIR"], base_url=site)
    with app.app_context():
        yield app
        with writing():  # other tests share the site: what was made here is not for sale
            for vehicle in db.session.scalars(sa.select(Vehicle).where(Vehicle.source == "test")):
                revise_vehicle(vehicle, {"state": "draft"}, by="test")


class Judge:
    """Opens pages in one window, which it resizes, and keeps what there is to complain of."""

    def __init__(self, page: Page) -> None:
        self.page, self.where = page, ""
        self.complaints: list[str] = []
        self.heaviest = (0, 0, "")
        page.on("pageerror", lambda error: self.note(f"script error: {error}"))
        page.on("console", self._hear)
        page.on("request", lambda asked: _is_ours(asked.url) or self.note(asked.url))

    def _hear(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.note(f"{line.text} {line.location['url']}")

    def note(self, words: str) -> None:
        self.complaints.append(f"{self.where} {words}")

    def open(self, path: str) -> None:
        """Open a page as a phone gets it, and look at it."""
        self.page.set_viewport_size(PHONE)
        self.page.emulate_media(color_scheme="light")
        self.where = path
        self.page.goto(path)
        self.look()

    def look(self) -> None:
        """Look at the open page: on a phone in the light as it comes, then at a desk in the dark
        with all that opens opened."""
        self._weigh()
        self.page.evaluate(AXE_SCRIPT)
        self._measure("on a phone", PHONE)
        self.page.evaluate(OPEN_ALL)
        self._measure("on a phone, all open", PHONE, is_judged=False)
        self.page.set_viewport_size(DESK)
        self.page.emulate_media(color_scheme="dark")
        self._measure("at a desk, dark, all open", DESK)
        for width_px in self.page.evaluate(CUT_TABLES):
            self.note(f"a table of {width_px} px is cut off at a desk")

    def _measure(self, how: str, size: dict[str, int], *, is_judged: bool = True) -> None:
        if self.page.evaluate(WIDTH_PX) > size["width"]:
            self.note(f"scrolls sideways {how}")
        for found in self.page.evaluate(FOUND) if is_judged else ():
            self.note(f"{how}: {found}")

    def _weigh(self) -> None:
        sent, read = self.page.evaluate(WEIGHT)
        self.heaviest = max(self.heaviest, (sent, read, self.where))
        if not 5_000 < sent <= MOST_BYTES:
            self.note(f"{sent} bytes")


@pytest.mark.timeout(400)  # some forty pages each, every one looked at twice
@pytest.mark.parametrize("part", range(PARTS))
def test_every_staff_page_is_accessible_whole_quiet_and_light(
    browser: Browser, site: str, behind: Flask, part: int
):
    """In parts, so that all processors of a run walk."""
    context = browser.new_context(base_url=site, locale="pt-BR", reduced_motion="reduce")
    judge = Judge(context.new_page())
    if part == 0:
        for path in before_the_door(behind):
            judge.open(path)
        enter_with_a_code(judge)
    sign_in(judge.page, OWNER)
    opened = pages(behind, judge.page)
    for endpoint, path in opened.items():
        if crc32(endpoint.encode()) % PARTS == part:  # the same share in whichever process
            judge.open(path)
    context.close()
    sent, read, where = judge.heaviest
    print(f"{len(opened)} pages; the heaviest: {where}, {sent} bytes sent, {read} read")
    assert judge.complaints == []
    assert len(opened) > 70


def before_the_door(app: Flask) -> list[str]:
    """Whatever a stranger may open; the page of the code needs half a sign-in."""
    with writing():
        owner = find_staff(OWNER)
        invitation = invite(GUEST, Role.SELLER, [], by=owner)
    tokens = {"invitation": token_of(invitation), "new_password": reset_token(owner)}
    rules = [
        (rule.endpoint.partition(".")[2], rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("security.") and "GET" in rule.methods
    ]
    return [rule.replace("<token>", tokens.get(name, "")) for name, rule in rules if name != "code"]


def enter_with_a_code(judge: Judge) -> None:
    """The second step of the sign-in, and the account of somebody who has one."""
    digest = password_digest(PASSWORD)
    with writing():
        member = create_staff(COLLEAGUE, Role.OWNER, name="Ana", digest=digest)
        codes = second_factor.switch_on(member, second_factor.new_secret(), 0)
    sign_in(judge.page, COLLEAGUE)
    judge.open("/admin/login/codigo")
    judge.page.fill("[name=code]", codes[0])
    judge.page.click("main button[type=submit]")
    judge.page.wait_for_url("**/admin/")
    judge.open("/admin/conta/")
    judge.page.context.clear_cookies()


def sign_in(page: Page, email: str) -> None:
    page.goto("/admin/login")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.click("main button[type=submit]")


def pages(app: Flask, page: Page) -> dict[str, str]:
    """Path by endpoint of every page: the demo's rows where links lead to one, else rows made."""
    routes = app.url_map.bind("")
    waiting = {one.endpoint: one for one in every_address() if one.method == "GET"}
    found: dict[str, str] = {}
    links = {name: one.rule for name, one in waiting.items() if not one.names}
    while waiting:
        name = next((name for name in links if name in waiting), next(iter(waiting)))
        address = waiting.pop(name)
        path = links.get(name) or address.path(row_for(address))
        answer = page.request.get(path, max_redirects=0)
        is_there = answer.ok or name in NEEDS_MORE
        assert is_there or 300 <= answer.status < 400, (path, answer.status)
        text = answer.text() if "text/html" in answer.headers["content-type"] else ""
        if "<html" in text and answer.ok:  # neither a file nor a part of another page
            found[name] = path
        for link in _LINK.findall(text):
            with suppress(HTTPException):
                links.setdefault(routes.match(link)[0], link)
    return found


def row_for(address: Address) -> dict[str, Any]:
    """Values for the names in `address`, of rows made now in the first store."""
    store = db.session.scalars(sa.select(Store)).first()
    owner = find_staff(OWNER)
    return make_row(store, Asked(address.rule, address.endpoint, address.names, owner))
