"""Hostile text comes out as text on every door: pages as every role, feeds, mails and files."""

import csv
import io
import json
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from html import escape
from xml.etree import ElementTree as ET

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from icalendar import Calendar
from werkzeug.test import TestResponse

from content.keywords import Keyword
from core.db import db, writing
from dealership import audit
from dealership.passwords import password_digest
from dealership.roles import Role
from dealership.staff import create_staff, find_staff
from demo.loading import load_demo
from inventory.models import Vehicle
from leads.letters import message_of
from leads.models import Mail
from tests.admin.conftest import SignIn, StaffClient, open_session
from tests.canary import CANARY, INJECTION, PEOPLE, hostile_site, make_rows, public_pages
from tests.factories import make_vehicle
from tests.page_reading import Reading, filled

pytestmark = pytest.mark.sqlite_only  # what a page says does not depend on the database

ENDS_THE_SESSION = ("/admin/sair", "/admin/conta/sess")
PASSWORD = "uma senha bem comprida"
# What a spreadsheet runs. A number with its sign is none of it.
_RUNS_IN_A_SHEET = re.compile(r"[=@\t\r\uff1d\uff0b\uff0d\uff20]|[+\-](?!\d+(?:[.,]\d+)*$)")
ODD = (INJECTION, "²", "9" * 20)
OF_A_VISIT = {
    "UID", "SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "SEQUENCE", "DESCRIPTION", "GEO", "LOCATION",
    "STATUS", "URL",
}  # fmt: skip
LETTERS = {
    "store_notice", "confirmation", "alert_set", "staff_reset", "staff_password_changed",
    "staff_invitation", "newsletter_confirm", "testimonial_invitation", "price_drop", "car_sold",
    "privacy_code",
}  # fmt: skip


def test_what_is_stored_comes_out_as_text(app: Flask):
    paths = hostile_site(app)
    owner, seen = signed_in(app, PEOPLE["owner"]), set()
    wrong = [words for path in paths.values() for words in judged(path, owner.get(path))]
    for path, answer in public_pages(app, app.test_client()):
        seen.add(answer.mimetype)
        wrong += judged(path, answer)
    for mail in db.session.scalars(sa.select(Mail)):
        wrong += judged_mail(mail)
    for name, answer in files(app):
        wrong += judged(name, answer)
    assert not wrong, "\n".join(wrong)
    assert set(db.session.scalars(sa.select(Mail.kind))) == LETTERS
    assert {"text/html", "text/calendar", "application/xml", "text/plain"} <= seen


def test_what_is_typed_is_kept_or_refused_as_text(app: Flask):
    """Every form of every staff page: well formed with hostile text, then with hostile text in
    hidden values and choices too, then with numbers that are none or that no column takes."""
    load_demo(4, with_photos=False)
    with writing():
        owner = create_staff(PEOPLE["owner"], Role.OWNER, name="Ana")
    paths = make_rows(owner)
    person = signed_in(app, owner.email)
    forms = {}
    for path in paths.values():
        answer = person.get(path)
        for form in Reading(answer.text).forms if answer.mimetype == "text/html" else ():
            form.action = form.action or path
            forms.setdefault(form.shape, form)
    wrong = []
    for form in forms.values():
        if form.action.startswith(ENDS_THE_SESSION):
            continue
        for text in ("", *ODD) if form.method == "post" else ("", INJECTION):
            sent = filled(form, text or INJECTION, is_wild=bool(text))
            is_post = form.method == "post"
            answer = (
                person.post(form.action, sent)
                if is_post
                else person.get(form.action, query_string=sent)
            )
            if answer.status_code == 303:
                answer = person.get(answer.location)
            wrong += judged(f"{form.method} {form.action}", answer)
    assert not wrong, "\n".join(wrong)
    assert len(forms) > 80
    assert person.get("/admin/conta/").status_code == 200, "signed out on the way"


def test_formulas_in_wide_letters_are_none_either(sign_in: SignIn):
    wide = "\uff1d1+1"
    make_vehicle(make=wide)
    with writing() as session:
        session.add(Keyword(text=wide, folded="1+1"))
        audit.record("x@y.example", "stock.facts", "vehicle:1", label=wide)
    owner = sign_in("owner")
    for path in ("estoque/idade/idade.csv", "palavras/exportar", "auditoria/exportar"):
        answer = owner.get(f"/admin/{path}")
        assert f"'{wide}" in answer.text, path
        assert judged(path, answer) == []


def test_the_judges_see_what_they_forbid():
    page = Reading(CANARY + "<a href=' JavaScript:x'>x</a><p title='>49${7*7}'></p>")
    assert len(page.wrongs) == 5
    assert Reading(escape(CANARY)).wrongs == []
    assert list(judged_csv(b"a;b\n-1,5;=1+1\n")) == ["a formula: =1+1"]
    assert list(judged_xml(b"<svg onload='x'/>"))


def signed_in(app: Flask, email: str) -> StaffClient:
    client, member = app.test_client(), find_staff(email)
    assert member
    open_session(client, member)
    return StaffClient(client, email)


def judged(path: str, answer: TestResponse) -> list[str]:
    """What is wrong with an answer, whatever it is."""
    if answer.status_code >= 500:
        return [f"{path}: {answer.status_code}"]
    judge = JUDGES.get(answer.mimetype)
    return [f"{path}: {words}" for words in judge(answer.data)] if judge and answer.data else []


def judged_sheet(cells: list[str]) -> Iterator[str]:
    yield from (f"a formula: {cell[:40]}" for cell in cells if _RUNS_IN_A_SHEET.match(cell))


def judged_csv(data: bytes) -> Iterator[str]:
    text = data.decode("utf-8-sig")
    separator = ";" if ";" in text.partition("\n")[0] else ","
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    yield from judged_sheet([cell for row in rows for cell in row])
    yield from ("a broken row" for row in rows if row and len(row) != len(rows[0]))


def judged_xlsx(data: bytes) -> Iterator[str]:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    yield from (f"a formula: {cell.value}" for cell in cells if cell.data_type == "f")
    yield from judged_sheet([cell.value for cell in cells if isinstance(cell.value, str)])


def judged_xml(data: bytes) -> Iterator[str]:
    for node in ET.fromstring(data).iter():
        if node.tag.endswith("script") or any(name.startswith("on") for name in node.attrib):
            yield f"runs: {node.tag} {node.attrib}"


def judged_calendar(data: bytes) -> Iterator[str]:
    (event,) = Calendar.from_ical(data).walk("VEVENT")
    if "canary" not in event["summary"] or set(event) - OF_A_VISIT:
        yield f"not as it was written: {dict(event)}"


def judged_json(data: bytes) -> Iterator[str]:
    json.loads(data)
    yield from ()


JUDGES = {
    "text/html": lambda data: Reading(data.decode()).wrongs,
    "text/csv": judged_csv,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": judged_xlsx,
    "application/xml": judged_xml,
    "image/svg+xml": judged_xml,
    "text/calendar": judged_calendar,
    "application/json": judged_json,
}


def judged_mail(mail: Mail) -> list[str]:
    """The mail as it goes out: its headers are ours, its HTML runs nothing."""
    message = message_from_bytes(message_of(mail).as_bytes(), policy=policy.default)
    found = [name for name in ("Bcc", "Cc") if name in message]
    html = message.get_body(("html",))
    if html is None or message.get_body(("plain",)) is None:
        return [f"{mail.kind}: a part is missing"]
    wrong = Reading(html.get_content()).wrongs
    return [f"{mail.kind}: {words}" for words in (*found, *wrong)]


def files(app: Flask) -> Iterator[tuple[str, TestResponse]]:
    """What staff take away as files, and the data of somebody who asked for theirs."""
    owner = signed_in(app, PEOPLE["owner"])
    digest = password_digest(PASSWORD)
    with writing():
        find_staff(PEOPLE["owner"]).password = digest
    for kind in ("csv", "xlsx"):
        wanted = {"formato": kind, "numeros": "br", "documentos": "1", "current": PASSWORD}
        for what in ("estoque", "leads"):
            answer = owner.post(f"/admin/exportar/{what}", wanted)
            assert "attachment" in answer.headers["Content-Disposition"]
            yield f"{what}.{kind}", answer
    car = db.session.scalars(
        sa.select(Vehicle.public_id).where(Vehicle.state == "published")
    ).first()
    for number, kind in enumerate(("svg", "pdf", "folhas")):
        answer = owner.post("/admin/etiquetas/imprimir", {"carro": car, "formato": kind})
        assert answer.mimetype == ("application/pdf" if number else "image/svg+xml")
        yield kind, answer
