"""Real messages: every valid one applies, twice without a second change; every invalid one is refused."""

import csv
from pathlib import Path

import pytest

from domain.adapters.postgres import Pool
from domain.adapters.schemas import SchemaStore
from tests.jobs.yard import new_yard
from tests.shared import shared_folder

VERSIONS = ("ern/382", "ern/411", "ern/42", "ern/43", "ern/431", "ern/432")
pytestmark = pytest.mark.shared


def valid_samples() -> list[str]:
    """The XSD-valid messages in the versions that are read."""
    folder = shared_folder()
    if folder is None:
        return ["absent"]
    with (folder / "samples/ern/MANIFEST.tsv").open(encoding="utf-8") as file:
        return [
            row["file"]
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if row["namespace"] in VERSIONS and row["xsd_result"].startswith("VALID")
        ]


def invalid_samples() -> list[str]:
    """The messages that must not get in."""
    folder = shared_folder()
    return sorted(file.name for file in (folder / "samples/ern/invalid").iterdir()) if folder else ["absent"]


@pytest.fixture(scope="session")
def schemas(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the published XSDs are installed."""
    folder = tmp_path_factory.mktemp("schemas")
    SchemaStore(folder).install(str(shared / "standards/ddex"))
    return folder


@pytest.mark.parametrize("name", valid_samples())
async def test_a_valid_message_applies_and_again_changes_nothing(
    name: str, shared: Path, schemas: Path, pool: Pool, tmp_path: Path
) -> None:
    yard = await new_yard(pool, tmp_path, schemas)
    content = (shared / "samples/ern" / name).read_bytes()
    parcel = await yard.deliver(content, name)
    row = await parcel.row()
    fatal = [f for f in await parcel.findings() if f["severity"] == "fatal"]
    assert not fatal
    if row["summary"].get("test"):
        assert row["state"] == "checked"
        return
    assert row["state"] == "applied"
    assert row["schema_checked"]
    before = await yard.changes()
    assert before or "purge_of_unknown_release" in await parcel.codes()
    # The same message, a byte longer, so that it is judged and applied again.
    again = await yard.deliver(content + b"\n", name)
    assert again.id != parcel.id
    assert await again.state() == "applied"
    assert await yard.changes() == before


@pytest.mark.parametrize("name", invalid_samples())
async def test_an_invalid_message_is_refused_with_a_code_and_a_line(
    name: str, shared: Path, schemas: Path, pool: Pool, tmp_path: Path
) -> None:
    yard = await new_yard(pool, tmp_path, schemas)
    parcel = await yard.deliver((shared / "samples/ern/invalid" / name).read_bytes(), name)
    assert await parcel.state() == "refused"
    fatal = [f for f in await parcel.findings() if f["severity"] == "fatal"]
    assert fatal
    assert all(f["code"] and f["text"] for f in fatal)
    assert any(f["line"] for f in fatal)
    assert await yard.changes() == 0
