"""Every word on the screen is Portuguese, ours and the libraries'."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "translations" / "pt_BR" / "LC_MESSAGES" / "messages.po"
KEYWORDS = ["-k", "lazy_gettext", "-k", "_l", "-k", "ngettext:1,2"]


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The messages that stand in code and templates now."""
    target = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
    subprocess.run([*command, *KEYWORDS, "-o", str(target), "."], cwd=ROOT, check=True)
    with target.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="pt_BR")


def test_every_message_is_translated(extracted, catalogue):
    missing = []
    for message in extracted:
        if not message.id:
            continue
        found = catalogue.get(message.id, message.context)
        strings = found.string if found else ""
        if not strings or not all([strings] if isinstance(strings, str) else strings):
            missing.append(message.id)
    assert missing == []


def test_no_message_hides_where_the_collector_does_not_look():
    """It reads tokens, and in Python 3.11 an f-string is one: a message inside is never found."""
    folders = "core jobs dealership inventory leads showroom landing integrators demo"
    hidden = [
        f"{path.relative_to(ROOT)}:{part.lineno}"
        for folder in folders.split()
        for path in (ROOT / folder).rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for part in ast.walk(text)
        if isinstance(part, ast.Call) and getattr(part.func, "id", "") in {"_", "_l", "ngettext"}
    ]
    assert hidden == []


def test_no_message_is_fuzzy_or_unused(extracted, catalogue):
    assert [message.id for message in catalogue if message.fuzzy and message.id] == []
    assert [m.id for m in catalogue if m.id and extracted.get(m.id, m.context) is None] == []


def test_translations_keep_their_placeholders(catalogue):
    wrong = {m.id: [str(e) for e in m.check(catalogue)] for m in catalogue if m.id}
    assert {text: errors for text, errors in wrong.items() if errors} == {}
