"""No path around the stop list: no other module sends or makes a link to a person, and whoever
opts out at any instant before a mail leaves gets none."""

import ast
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from core.mail import MailWaits
from leads import erasure, letters, stop_list, subscriptions
from leads.models import Mail, Person, Subscription
from leads.people import find_or_create_person
from leads.stop_list import Channel, Purpose, Source
from tests.factories import make_store, make_vehicle
from tests.post_office import Inbox, post_office
from tests.test_architecture import FILES, ROOT

# --- who can send at all -----------------------------------------------------------------------

# Our own numbers, which the public calls; and where text becomes a link or stops being one.
_OF_THE_DEALER = {"core/text.py", "showroom/contact_links.py", "showroom/display.py"}
_LINK = re.compile(r"wa\.me/|\btel:|\bmailto:|\bsms:|api\.whatsapp")
_WORTH_READING = re.compile(rf"smtplib|core\.mail|core import|whatsapp_link|{_LINK.pattern}")
_MAY_LINK = _OF_THE_DEALER | {"leads/reach.py"}


def sends(tree: ast.Module) -> set[str]:
    """What a module does that could reach a person: imports smtplib, hands a mail over, makes a
    WhatsApp link, writes an address to dial."""
    found = set()
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    mail_names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "core"
        for alias in node.names
        if alias.name == "mail"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(one.name == "smtplib" for one in node.names):
            found.add("smtplib")
        if isinstance(node, ast.Import) and any(one.name == "core.mail" for one in node.names):
            found.add("mail.send")
        if isinstance(node, ast.ImportFrom) and node.module == "smtplib":
            found.add("smtplib")
        if isinstance(node, ast.ImportFrom) and node.module == "core.mail":
            found |= {"mail.send" for one in node.names if one.name in {"send", "_send_smtp", "*"}}
        if isinstance(node, ast.Attribute) and node.attr in {"send", "_send_smtp", "_hand_over"}:
            found |= {"mail.send"} if ast.unparse(node.value) in mail_names else set()
        if isinstance(node, ast.Name | ast.Attribute | ast.alias):
            name = getattr(node, "id", None) or getattr(node, "attr", None) or node.name
            if name == "whatsapp_link":
                found.add("link")
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docs and _LINK.search(node.value):
            found.add("link")
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_one_module_hands_mails_over_and_one_makes_links_to_people():
    doing: dict[str, set[str]] = {}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for what in sends(ast.parse(text)) if _WORTH_READING.search(text) else ():
            doing.setdefault(what, set()).add(name_of(path))
    assert doing["smtplib"] == {"core/mail.py"}
    assert doing["mail.send"] == {"leads/letters.py"}
    assert doing["link"] <= _MAY_LINK, doing["link"] - _MAY_LINK


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import smtplib", "smtplib"),
        ("from smtplib import SMTP", "smtplib"),
        ("from core import mail\nmail.send(x)", "mail.send"),
        ("from core import mail as post\npost.send(x)", "mail.send"),
        ("from core.mail import send", "mail.send"),
        ("from core.text import whatsapp_link", "link"),
        ("x = f'https://wa.me/{n}'", "link"),
        ("x = 'tel:' + n", "link"),
    ],
)
def test_a_new_way_would_be_seen(code, what):
    assert sends(ast.parse(code)) == {what}


def test_the_gate_stands_before_the_hand_over():
    """In the source of the one function that sends, and in the one it asks."""
    tree = ast.parse((ROOT / "leads" / "letters.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    calls = [
        ast.unparse(node.func)
        for node in sorted(
            (one for one in ast.walk(functions["send_mail"]) if isinstance(one, ast.Call)),
            key=lambda one: (one.lineno, one.col_offset),
        )
    ]
    assert calls.index("_is_let_out") < calls.index("mail.send")
    assert calls.count("mail.send") == 1
    senders = [name for name, body in functions.items() if "mail.send(" in ast.unparse(body)]
    assert senders == ["send_mail"]
    assert "stop_list.check_mail(" in ast.unparse(functions["_verdict"])


def test_every_mail_says_what_it_is_to_the_list():
    """A mail is called like its template; what is not in the table passes as an offer only."""
    names = {path.stem for path in (ROOT / "templates" / "emails").glob("*.txt")}
    missing = {name for name in names if not name.startswith("_")} - set(letters.PURPOSES)
    assert not missing


_STAFF_PAGES = ("admin", "macros", "emails")
_ADDRESS = re.compile(
    r"(?:wa\.me/|\btel:|\bmailto:|\bsms:)(?:\{\{\s*([\w.]+))?|\bwhatsapp\(([\w.]+)"
)
_OURS = ("dealer.", "store.", "department.")


def test_no_template_links_to_a_person_by_itself():
    """Staff pages and mails take addresses from leads.reach; public pages link to the store."""
    seen = 0
    for path in sorted((ROOT / "templates").rglob("*")):
        if not path.is_file():
            continue
        for found in _ADDRESS.finditer(path.read_text(encoding="utf-8")):
            seen += 1
            whose = found[1] or found[2] or ""
            assert whose.startswith(_OURS), f"{name_of(path)}: {found[0]}"
    assert seen > 5, "the search itself works"


# --- at any instant ----------------------------------------------------------------------------

_numbers = count(1)


@pytest.fixture
def server(app, monkeypatch) -> Iterator[Inbox]:
    with post_office() as (inbox, host):
        config = replace(app.extensions["vitrine"], smtp_url=f"smtp://{host}")
        monkeypatch.setitem(app.extensions, "vitrine", config)
        yield inbox


class Waiting:
    """A mail on its way to a subscriber: the price of a car fell."""

    def __init__(self, vehicle_id: int) -> None:
        self.to = f"r{next(_numbers)}@loja-teste.com.br"
        with writing() as session:
            person = find_or_create_person(name="Ana", email=self.to)
            alert = Subscription(
                token=f"{self.to:x<24}"[:40].replace("@", "-").replace(".", "-"),
                kind="price_alert", about=self.to, person_id=person.id, vehicle_id=vehicle_id,
                confirmed_at=now(),
            )  # fmt: skip
            session.add(alert)
            session.flush()
            letters.post(
                letters.Letter(key=self.to, kind="price_drop", to=self.to, subject="x", text="x",
                               person_id=person.id, subscription_id=alert.id)
            )  # fmt: skip
            self.person_id, self.token = person.id, alert.token
            self.mail_id = session.scalars(
                sa.select(Mail.id).where(Mail.dedup_key == self.to)
            ).one()

    def send(self) -> None:
        record = letters.send_mail({"mail_id": self.mail_id})
        if record:
            with writing():
                record()
        db.session.rollback()


def leave_this(of: Waiting) -> None:
    subscriptions.end(of.token)


def leave_all(of: Waiting) -> None:
    subscriptions.end_everything(of.token)


def tell_staff(of: Waiting) -> None:
    person = db.session.get_one(Person, of.person_id)
    stop_list.stop(person, source=Source.STAFF, actor="a@b.c", reason="by_phone")


def tell_staff_the_address(of: Waiting) -> None:
    stop_list.stop(of.to, Channel.MAIL, Purpose.ALL, source=Source.STAFF, actor="a@b.c",
                   reason="by_phone")  # fmt: skip


def be_erased(of: Waiting) -> None:
    erasure.erase(of.person_id, "asked")


WAYS_OUT = [leave_this, leave_all, tell_staff, tell_staff_the_address, be_erased]


@contextmanager
def at_statement(number: int, step: Callable[[], None]) -> Iterator[None]:
    """Run `step` before the n-th statement that this thread sends."""
    me, seen = threading.get_ident(), count()

    def look(*_arguments: object) -> None:
        if threading.get_ident() == me and next(seen) == number:
            step()

    sa.event.listen(db.engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", look)


@pytest.mark.parametrize("way_out", WAYS_OUT, ids=lambda way: way.__name__)
def test_who_opts_out_at_any_instant_before_it_leaves_gets_nothing(app, server, way_out):
    """The other side opts out before each statement that sending makes, in its own transaction.
    What the gate's transaction keeps waiting comes after it; whatever came before it, wins."""
    vehicle_id = make_vehicle(store=make_store()).id
    stopped = let_out = 0
    for instant in range(-1, 40):
        mail = Waiting(vehicle_id)
        committed: list[datetime] = []

        def opt_out(mail: Waiting = mail, committed: list[datetime] = committed) -> None:
            with app.app_context():
                with writing():
                    way_out(mail)
                committed.append(now())

        other = threading.Thread(target=opt_out)

        def begin(other: threading.Thread = other) -> None:
            other.start()
            other.join(0.05)  # it is through, or waits for the transaction that we are in

        if instant < 0:  # a moment before
            other.start()
            other.join()
        with at_statement(instant, begin):
            mail.send()
        if not other.ident:
            break  # sending has no more statements than that
        other.join()
        row = db.session.get_one(Mail, mail.mail_id)
        got = mail.to in server.recipients
        assert not got or (row.passed_at and row.passed_at < committed[0]), instant
        stopped, let_out = stopped + (not got), let_out + got
        db.session.rollback()
    assert stopped >= 1, "it can win"
    assert let_out >= 1, "and it can come too late"


@pytest.mark.parametrize("way_out", WAYS_OUT, ids=lambda way: way.__name__)
def test_a_try_that_failed_asks_the_gate_again(app, server, way_out):
    """The mail server was busy, or the worker was killed after the gate: neither is a promise."""
    mail = Waiting(make_vehicle(store=make_store()).id)
    server.answers = ["451 later"]
    with pytest.raises(MailWaits):
        mail.send()
    db.session.rollback()
    assert db.session.get_one(Mail, mail.mail_id).passed_at is not None
    db.session.rollback()
    with writing():
        way_out(mail)
    mail.send()
    assert server.recipients == []
    assert db.session.get_one(Mail, mail.mail_id).state in {"stopped", "failed"}


def test_one_waiting_mail_of_another_subscription_still_goes_out(app, server):
    vehicle = make_vehicle(store=make_store())
    gone, kept = Waiting(vehicle.id), Waiting(vehicle.id)
    with writing():
        leave_this(gone)
    gone.send()
    kept.send()
    assert server.recipients == [kept.to]
