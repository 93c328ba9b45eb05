"""The house rules that can be read off the source: imports, docstrings, sizes, printing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("eval", "api", "ingest", "indexes", "ragqwen")  # a room imports those to its right
MAX_LINES = 450
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]


def parse(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text("utf-8"))


def imported_rooms(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names = [node.module or ""]
        yield from (name.split(".")[0] for name in names if name.split(".")[0] in ROOMS)


def public_definitions(
    node: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if child.name.startswith("_"):
                continue
            yield child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child)


def test_every_room_has_files() -> None:
    assert {name.split("/")[0] for name in NAMES} == set(ROOMS)


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_one_way(name: str) -> None:
    room = name.split("/")[0]
    allowed = ROOMS[ROOMS.index(room) :]
    assert set(imported_rooms(parse(name))) <= set(allowed)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_public_has_a_docstring(name: str) -> None:
    tree = parse(name)
    bare = [item.name for item in public_definitions(tree) if not ast.get_docstring(item)]
    assert ast.get_docstring(tree), "the module has no docstring"
    assert not bare


@pytest.mark.parametrize("name", NAMES)
def test_nothing_prints(name: str) -> None:
    lines = [
        node.lineno
        for node in ast.walk(parse(name))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not lines


@pytest.mark.parametrize("name", NAMES)
def test_files_stay_short(name: str) -> None:
    n_lines = len((ROOT / name).read_text("utf-8").splitlines())
    assert n_lines <= MAX_LINES


def test_errors_are_drawn_in_the_tree() -> None:
    from ragqwen import errors

    drawn = errors.__doc__ or ""
    defined = [item.name for item in public_definitions(parse("ragqwen/errors.py"))]
    assert [name for name in defined if name not in drawn] == []
