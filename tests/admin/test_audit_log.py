"""`/admin/auditoria/`: what changed, readable, for who may see it."""

import ast
import csv
import io
import re
from datetime import UTC, datetime

import pytest

from admin.audit_log import SUBJECT_PAGES
from admin.audit_words import ACTIONS, AREAS, VERBS
from core.config import ROOT
from core.db import db, writing
from dealership import audit
from dealership.audit import AuditEntry
from tests.factories import make_store


def note(actor="ana@loja.example", action="stock.price", **values) -> None:
    at = values.pop("at", None)
    with writing():
        entry = audit.record(actor, action, values.pop("subject", "vehicle:7"), **values)
        if at:
            entry.at = at


def rows(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))


def test_before_and_after_read_as_people_write(sign_in):
    note(
        label="Onix 1.0", before={"price_cents": 6990000, "state": "draft"},
        after={"price_cents": 6890000, "state": "published"},
    )  # fmt: skip
    page = sign_in("owner").get("/admin/auditoria/").text
    for words in ("R$ 69.900", "R$ 68.900", "rascunho", "publicado", "Onix 1.0", "Estoque"):
        assert words in page.replace("\xa0", " "), words


def test_personal_data_never_enters(sign_in):
    note(before={"license_plate": "ABC1D23"}, after={"license_plate": "XYZ9Z99", "phone": "11987"})
    owner = sign_in("owner")
    for text in (owner.get("/admin/auditoria/").text, owner.get("/admin/auditoria/exportar").text):
        assert "ABC1D23" not in text
        assert "11987" not in text


def test_hostile_words_are_text(sign_in):
    note(label="<script>x</script>", after={"name": "=1+1", "<b>": "<img src=x>"})
    owner = sign_in("owner")
    page = owner.get("/admin/auditoria/").text
    assert "<script>x" not in page
    assert "<img src=x" not in page


def test_an_export_holds_no_formula(sign_in):
    note(label="=HYPERLINK(1)")
    found = rows(sign_in("owner").get("/admin/auditoria/exportar"))
    assert found[1][3] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("pessoa=bia@loja.example", {"B"}),
        ("acao=staff.access", {"B"}),
        ("sobre=vehicle:7", {"A"}),
        ("sobre=c", {"C"}),
        ("dia=2026-03-02", {"C"}),
        ("dia=2026-13-99", {"A", "B", "C"}),
        ("pessoa=x' OR 1=1 --", set()),
    ],
)
def test_filters_find_what_they_say(sign_in, query, expected):
    note(label="A")
    note("bia@loja.example", "staff.access", subject="staff:1", label="B")
    # Eleven at night in São Paulo is the next day in UTC.
    note(label="C", subject="vehicle:8", at=datetime(2026, 3, 3, 2, 0, tzinfo=UTC))
    owner = sign_in("owner")
    found = rows(owner.get(f"/admin/auditoria/exportar?{query}"))
    assert {row[3] for row in found[1:]} == expected
    assert owner.get(f"/admin/auditoria/?{query}").status_code == 200


def test_a_store_sees_its_own_entries(sign_in):
    here, there = make_store(), make_store()
    note(label="nosso", store_id=here.id)
    note(label="deles", store_id=there.id)
    note(label="de todos")
    boss = sign_in("supervisor", stores=[here])
    assert [row[3] for row in rows(boss.get("/admin/auditoria/exportar"))[1:]] == ["nosso"]
    page = boss.get("/admin/auditoria/").text
    assert "nosso" in page
    assert "deles" not in page


def test_a_long_log_costs_no_more_and_exports_whole(sign_in, statements):
    owner = sign_in("owner")

    def cost() -> int:
        statements.clear()
        assert owner.get("/admin/auditoria/").status_code == 200
        return len(statements)

    note()
    few = cost()
    with writing():
        db.session.add_all(
            [AuditEntry(actor="ana@loja.example", action="stock.price") for _n in range(1200)]
        )
    assert cost() == few
    assert len(rows(owner.get("/admin/auditoria/exportar"))) == 1202


def test_an_empty_log_says_what_will_be_here(sign_in):
    assert "Nada foi mudado ainda" in sign_in("owner").get("/admin/auditoria/").text


def test_the_log_cannot_be_changed(app):
    note()
    with pytest.raises(RuntimeError, match="append-only"), writing() as session:
        session.query(AuditEntry).first().actor = "outro"


def codes_in_use() -> set[str]:
    """The actions that the door's code names, as `area.verb`."""
    found = set()
    for file in (ROOT / "admin").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2]
            if called and called.strip("_") in {"changing", "record", "told"}:
                texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
                found |= {one for one in texts if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", str(one))}
    return found


def test_every_action_has_words(app):
    codes = codes_in_use()
    assert "staff.invite" in codes
    nameless = [
        code
        for code in sorted(codes)
        if code not in ACTIONS
        and (code.partition(".")[0] not in AREAS or code.partition(".")[2] not in VERBS)
    ]
    assert not nameless, "name them in admin/audit_words.py"


def test_what_an_entry_is_about_can_be_opened(app):
    addresses = app.url_map.bind("localhost")
    for pattern in SUBJECT_PAGES.values():
        assert addresses.match(pattern.format(7), method="GET"), pattern
