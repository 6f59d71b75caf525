"""Old and new code run side by side during an update: a migration takes nothing away from the old.

What a release stopped using goes in a later one, by a migration that says so: `CONTRACTS = "…"`
names the revision since which no code needs it.
"""

import ast
from collections.abc import Iterator

import pytest

from core.config import ROOT

VERSIONS = {path.stem[:4]: path for path in (ROOT / "migrations" / "versions").glob("*.py")}
# Before this one there was no site to keep up.
FIRST = "0014"
TAKES_AWAY = {"drop_column", "drop_table", "rename_table"}


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The calls in `upgrade` and what it uses, by the last part of their names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name != "downgrade":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                    yield inner.func.attr, inner


def contracts(tree: ast.Module) -> str:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CONTRACTS":
            return str(ast.literal_eval(node.value))
    return ""


def faults(text: str, own: str) -> list[str]:
    """What the migration `own` does to code that still runs."""
    tree = ast.parse(text)
    since = contracts(tree)
    found = []
    if since and not (since in VERSIONS and since < own):
        found.append(f"CONTRACTS names {since}, which is no earlier migration")
    for name, call in calls(tree):
        words = {keyword.arg: keyword.value for keyword in call.keywords}
        is_rename = name == "alter_column" and "new_column_name" in words
        if (name in TAKES_AWAY or is_rename) and not since:
            found.append(f"line {call.lineno}: {name} takes away what old code uses")
        if name == "add_column" and _needs_a_value(call):
            found.append(f"line {call.lineno}: old code inserts rows without this column")
    return found


def _needs_a_value(call: ast.Call) -> bool:
    for column in ast.walk(call):
        if isinstance(column, ast.Call) and getattr(column.func, "attr", "") == "Column":
            words = {keyword.arg: keyword.value for keyword in column.keywords}
            nullable = words.get("nullable")
            is_strict = isinstance(nullable, ast.Constant) and nullable.value is False
            return is_strict and "server_default" not in words
    return False


@pytest.mark.parametrize("number", sorted(number for number in VERSIONS if number >= FIRST))
def test_migrations_leave_old_code_running(number):
    text = VERSIONS[number].read_text(encoding="utf-8")
    assert faults(text, number) == []


def test_each_kind_of_fault_is_found():
    def one(body: str, head: str = "") -> list[str]:
        return faults(f"{head}\ndef upgrade():\n    {body}\ndef downgrade():\n    op.drop_table('a')", "0034")  # fmt: skip  # noqa: E501

    assert one("op.drop_column('a', 'b')")
    assert one("op.alter_column('a', 'b', new_column_name='c')")
    assert one("op.add_column('a', sa.Column('b', sa.Integer(), nullable=False))")
    assert one("op.drop_table('a')", 'CONTRACTS = "9999"')
    assert one("op.drop_table('a')", 'CONTRACTS = "0034"')
    assert not one("op.drop_table('a')", 'CONTRACTS = "0033"')
    assert not one("op.add_column('a', sa.Column('b', sa.Integer(), server_default='0', nullable=False))")  # fmt: skip  # noqa: E501
    assert not one("op.add_column('a', sa.Column('b', sa.Integer()))")
