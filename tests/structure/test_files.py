"""The files around the code: locks without hosts, settings that are listed, nothing of one machine."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from api.settings import names
from tests.shared import CHECKOUT

AGREED_FOLDERS = {
    "api",
    "graph",
    "domain",
    "jobs",
    "migrations",
    "openapi",
    "tests",
    "docs",
    ".ci",
    ".github",
}
LARGEST_FILE = 1 << 20


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := CHECKOUT / name).is_file()]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_host_and_hashes_everything(name: str) -> None:
    text = (CHECKOUT / name).read_text()
    assert not re.findall(r"https?://|file:|--index|--extra-index|--find-links", text)
    assert text.count("==") > 50
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert [block.partition(" ")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_development_lock_holds_the_runtime_lock() -> None:
    runtime, dev = (
        set(re.findall(r"^(\S+==\S+)", (CHECKOUT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runtime <= dev


def test_the_locks_hold_every_dependency_that_is_asked_for() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    for name, asked in (
        ("requirements.lock", project["project"]["dependencies"]),
        ("requirements-dev.lock", project["dependency-groups"]["dev"]),
    ):
        pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==", (CHECKOUT / name).read_text(), re.MULTILINE))
        wanted = {match[0].lower() for one in asked if (match := re.match(r"[A-Za-z0-9._-]+", one))}
        assert wanted <= {pin.lower() for pin in pinned}, name


def test_the_example_lists_exactly_the_settings() -> None:
    example = (CHECKOUT / ".env.example").read_text()
    listed = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    assert listed == names() - {"CATALOGRAPH_BEGAN"}


def test_only_agreed_folders_stand_at_the_top() -> None:
    top = {path.relative_to(CHECKOUT).parts[0] for path in tracked() if path.parent != CHECKOUT}
    assert top <= AGREED_FOLDERS


def test_no_file_is_large() -> None:
    assert [path for path in tracked() if path.stat().st_size > LARGEST_FILE] == []


def test_no_schema_of_ddex_is_shipped() -> None:
    assert [path for path in tracked() if path.suffix == ".xsd" and "tests" not in path.parts] == []


def test_no_path_of_one_machine_is_named() -> None:
    home = str(Path.home())
    places = [str(CHECKOUT), *([home] if len(home) > 1 else [])]
    named = [
        f"{path.relative_to(CHECKOUT)} names {place}"
        for path in tracked()
        for place in places
        if f"{place}/" in path.read_text(errors="replace")
    ]
    assert named == []
