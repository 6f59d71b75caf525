"""Imports only go down, and only the top knows every package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# From the ground up. A package may import those before it; doors never import each other.
LEVELS = {
    "core": 0,
    "jobs": 1,
    "dealership": 2,
    "inventory": 3,
    "leads": 4,
    "content": 5,
    "showroom": 6,
    "landing": 6,
    "integrators": 6,
    "admin": 7,
    "demo": 8,
    "app": 9,
    "wsgi": 10,
}
DOORS_BELOW_STAFF = {"showroom", "landing", "integrators"}
FILES = sorted(
    path
    for name in LEVELS
    for path in ([ROOT / f"{name}.py"] if (ROOT / f"{name}.py").exists() else [])
    + list((ROOT / name).rglob("*.py"))
)


def imports(path: Path) -> Iterator[str]:
    """Top-level names that `path` imports, at any depth of the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imports(path):
        if name not in LEVELS or name == own:
            continue
        assert LEVELS[name] < LEVELS[own], f"{own} must not import {name}"
        assert not (own in DOORS_BELOW_STAFF and name in DOORS_BELOW_STAFF)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_stand_at_the_top(path):
    """An import inside a function hides a circle."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = (
                        [alias.name for alias in node.names]
                        if isinstance(node, ast.Import)
                        else [node.module or ""]
                    )
                    ours = [name for name in names if name.split(".")[0] in LEVELS]
                    assert not ours, f"{path}:{node.lineno} imports {ours} inside a function"


def test_the_clock_is_read_in_one_place():
    """A time read elsewhere cannot be stopped by a test."""
    for path in FILES:
        if path == ROOT / "core" / "clock.py":
            continue
        text = path.read_text(encoding="utf-8")
        assert "datetime.now(" not in text, path
        assert "date.today(" not in text, path
        assert "utcnow(" not in text, path


def test_every_folder_of_tests_is_a_package():
    """Without it a folder of tests would hide the package of the same name."""
    for folder in (ROOT / "tests").rglob("*"):
        if folder.is_dir() and list(folder.glob("test_*.py")):
            assert (folder / "__init__.py").exists(), folder
