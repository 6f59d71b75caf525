"""Hostile text in everything that is stored, seen in a real browser as every role: nothing runs,
and the policy has nothing to stop."""

import re
import threading
from collections.abc import Iterable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext
from werkzeug.serving import make_server

from core.db import db
from dealership.staff import find_staff
from leads.models import Mail
from tests.admin.conftest import _each_request_is_its_own, open_session  # noqa: F401 - autouse
from tests.browser.conftest import PHONE
from tests.canary import PEOPLE, hostile_site, public_pages

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

WATCH = """
window.stopped = [];
addEventListener('securitypolicyviolation', (e) => window.stopped.push(e.violatedDirective));
"""
LOOK = """
() => ({
  ran: 'canary' in window,
  stopped: window.stopped,
  drawn: document.querySelectorAll('#canary, img[src="x"]').length,
  shown: document.documentElement.outerHTML.includes('canary'),
})
"""
TEXT = {"ran": False, "stopped": [], "drawn": 0, "shown": True}
# What is new on each page although nobody wrote it.
_OURS = re.compile(r'<meta name="csrf-token"[^>]*>|name="csrf_token" value="[^"]*"')


@pytest.fixture
def origin(app: Flask) -> Iterator[str]:
    """The test's own application on a port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_runs_in_anybodys_browser(app: Flask, origin: str, browser: Browser):
    paths = list(hostile_site(app).values())
    public = [path for path, _answer in public_pages(app, app.test_client(), most=1)]
    mails = db.session.scalars(sa.select(sa.func.min(Mail.id)).group_by(Mail.kind)).all()
    public += [f"/_emails/{number}/html" for number in mails]
    seen: set[str] = set()
    for role in (*PEOPLE, "anonymous"):
        client, context = app.test_client(), browser.new_context(**PHONE, base_url=origin)
        if role in PEOPLE:
            open_session(client, find_staff(PEOPLE[role]))
            take_session(client, context, origin)
        asked = paths if role in PEOPLE else public
        assert looked_at(context, drawn_differently(client, asked, seen)) == {}, role
        context.close()


def take_session(client: FlaskClient, context: BrowserContext, origin: str) -> None:
    cookie = client.get_cookie("vitrine_staff", path="/admin")
    assert cookie
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": f"{origin}/admin"}])


def drawn_differently(client: FlaskClient, paths: Iterable[str], seen: set[str]) -> list[str]:
    """Those of `paths` that are pages, and other ones than somebody before was shown: of a page
    that two roles see alike one will do."""
    found = []
    for path in paths:
        answer = client.get(path)
        page = _OURS.sub("", answer.text) if answer.mimetype == "text/html" else ""
        inside = page[page.find("<main") :]
        if answer.status_code == 200 and page and (not found or inside not in seen):
            found.append(path)
            seen.add(inside)
    assert found
    return found


def looked_at(context: BrowserContext, paths: Iterable[str]) -> dict[str, object]:
    """What is not as text should be, by path."""
    context.add_init_script(WATCH)
    page = context.new_page()
    wrong: dict[str, object] = {}
    path = ""
    page.on("dialog", lambda dialog: wrong.update({path: dialog.message}))
    for path in paths:
        page.goto(path, wait_until="domcontentloaded")
        found = page.evaluate(LOOK)
        if found != TEXT:
            wrong[path] = found
    return wrong
