"""Who imports whom, and where SQL is written: read from the source, not from promises."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import CHECKOUT

ROOMS = ("api", "graph", "domain", "jobs", "migrations", "openapi")
MAY_IMPORT = {
    "domain": {"domain"},
    "graph": {"graph", "domain"},
    "jobs": {"jobs", "domain"},
    "migrations": {"migrations", "domain"},
    "openapi": {"openapi", "graph", "domain"},
    "api": {"api", "graph", "domain", "jobs", "migrations", "openapi"},
}
COMPOSES = {"api/app.py", "api/compose.py", "jobs/worker.py"}
DRIVERS = {
    "asyncpg",
    "redis",
    "boto3",
    "botocore",
    "aiokafka",
    "httpx2",
    "lxml",
    "xmlschema",
    "arq",
    "PIL",
    "tinytag",
}
LONGEST_FILE = 500

SOURCES = sorted(
    path for room in ROOMS for path in (CHECKOUT / room).rglob("*.py") if "__pycache__" not in path.parts
)


def name_of(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        if name_of(path).startswith(f"{room}/")
        for name in imports(path)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in MAY_IMPORT[room]
    ]
    assert not wrong


def test_only_the_composition_roots_import_adapters() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        if not name_of(path).startswith("domain/adapters/") and name_of(path) not in COMPOSES
        for name in imports(path)
        if name.startswith("domain.adapters")
    ]
    assert not wrong


def test_in_the_domain_only_adapters_touch_drivers() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        if name_of(path).startswith("domain/") and not name_of(path).startswith("domain/adapters/")
        for name in imports(path)
        if name.split(".")[0] in DRIVERS
    ]
    assert not wrong


def test_select_is_written_only_in_the_domain_and_the_compiler() -> None:
    wrong = [
        name_of(path)
        for path in SOURCES
        if not name_of(path).startswith("domain/") and name_of(path) != "graph/sql.py"
        for name in imports(path)
        if name
        in {"sqlalchemy.select", "sqlmodel.select", "sqlalchemy.sql.select", "sqlmodel.sql.expression.select"}
    ]
    assert not wrong


def test_every_file_has_one_reason_to_change() -> None:
    long = {
        name_of(path): lines
        for path in SOURCES
        if not name_of(path).startswith("migrations/versions/")
        and (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in SOURCES
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert not silent


def test_the_front_door_loads_nothing_before_the_bootstrap() -> None:
    standard = {"sys", "api.bootstrap"}
    tree = ast.parse((CHECKOUT / "api/__main__.py").read_text())
    early = {
        name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert early <= standard
    assert not list(imports(CHECKOUT / "api/__init__.py"))
