"""Installing XSDs: from a folder, an archive or an address, keyed by namespace, never half."""

import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from api.cli import schemas
from domain.adapters.schemas import SchemaStore
from domain.deliveries.schemas import SchemaSourceRefused

NAMESPACE = "http://example.org/message"
WORDS = "http://example.org/words"
MAIN = f"""<?xml version="1.0"?>
<!DOCTYPE xs:schema [<!ENTITY unused "x">]>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:w="{WORDS}" targetNamespace="{NAMESPACE}">
  <xs:import namespace="{WORDS}" schemaLocation="../words/words.xsd"/>
  <xs:element name="Message"><xs:complexType><xs:sequence>
    <xs:element name="Word" type="w:Word"/>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"""


def words(*allowed: str) -> str:
    values = "".join(f'<xs:enumeration value="{word}"/>' for word in allowed)
    return (
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{WORDS}">'
        f'<xs:simpleType name="Word"><xs:restriction base="xs:string">{values}'
        "</xs:restriction></xs:simpleType>"
        "</xs:schema>"
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "message").mkdir(parents=True)
    (folder / "words").mkdir()
    (folder / "message" / "message.xsd").write_text(MAIN)
    (folder / "words" / "words.xsd").write_text(words("yes", "no"))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> SchemaStore:
    return SchemaStore(tmp_path / "state" / "schemas")


def archive(**files: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return held.getvalue()


@pytest.fixture
def server(source: Path) -> Iterator[str]:
    handler = lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory=str(source))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_nothing_is_there_before_an_install(store: SchemaStore) -> None:
    assert store.installed() == ()
    assert store.load(NAMESPACE) is None
    assert store.verify() == ()


def test_a_folder_is_installed_by_namespace_and_judges(store: SchemaStore, source: Path) -> None:
    done, faults = store.install(str(source))
    schema = store.load(NAMESPACE)

    assert [(one.namespace, one.state) for one in done] == [(NAMESPACE, "installed")]
    assert faults == ()
    assert schema is not None
    assert store.load(NAMESPACE) is schema


def test_installing_again_changes_nothing_and_another_word_list_replaces(
    store: SchemaStore, source: Path
) -> None:
    store.install(str(source))
    assert store.install(str(source))[0][0].state == "unchanged"

    before = store.load(NAMESPACE)
    (source / "words" / "words.xsd").write_text(words("yes", "no", "perhaps"))
    assert store.install(str(source))[0][0].state == "replaced"
    assert store.load(NAMESPACE) is not before


def test_one_folder_of_several_finds_what_it_imports_beside_it(store: SchemaStore, source: Path) -> None:
    assert store.install(str(source / "message"))[0][0].namespace == NAMESPACE


def test_an_archive_is_installed(store: SchemaStore, tmp_path: Path) -> None:
    path = tmp_path / "schemas.zip"
    path.write_bytes(archive(**{"a/message.xsd": MAIN, "words/words.xsd": words("yes")}))

    assert store.install(str(path))[0][0].namespace == NAMESPACE


def test_an_archive_writes_nowhere_else(store: SchemaStore, tmp_path: Path) -> None:
    path = tmp_path / "slip.zip"
    path.write_bytes(archive(**{"../../../evil.xsd": words("yes"), "m/message.xsd": MAIN}))
    done, faults = store.install(str(path))

    assert [fault.code for fault in faults] == ["schema_import_missing"]
    assert [one.namespace for one in done] == [WORDS]
    assert not list(tmp_path.parent.glob("**/evil.xsd"))


def test_a_bomb_is_refused(store: SchemaStore, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("big.xsd", b" " * (33 * 1024 * 1024))

    with pytest.raises(SchemaSourceRefused) as caught:
        store.install(str(path))
    assert caught.value.code == "schema_source_too_large"


def test_an_address_is_fetched_with_what_it_imports(store: SchemaStore, server: str) -> None:
    assert store.install(f"{server}/message/message.xsd")[0][0].namespace == NAMESPACE


def test_an_import_from_another_host_is_not_fetched(store: SchemaStore, server: str, source: Path) -> None:
    (source / "message" / "message.xsd").write_text(
        MAIN.replace("../words/words.xsd", "http://127.0.0.2:9/words.xsd")
    )
    _, faults = store.install(f"{server}/message/message.xsd")

    assert [fault.code for fault in faults] == ["schema_import_missing"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("nowhere/at/all", "schema_source_missing"),
        ("ftp://127.0.0.1/x.xsd", "schema_source_unknown"),
        ("http://127.0.0.1:9/x.xsd", "schema_source_unreachable"),
    ],
)
def test_a_source_of_no_use_is_refused(store: SchemaStore, given: str, code: str) -> None:
    with pytest.raises(SchemaSourceRefused) as caught:
        store.install(given)
    assert caught.value.code == code
    assert given.split("/x")[0] in caught.value.text


def test_a_schema_that_does_not_compile_leaves_the_old_one(store: SchemaStore, source: Path) -> None:
    store.install(str(source))
    (source / "message" / "message.xsd").write_text(MAIN.replace("w:Word", "w:Nothing"))
    done, faults = store.install(str(source))

    assert done == ()
    assert [fault.code for fault in faults] == ["schema_invalid"]
    assert store.load(NAMESPACE) is not None
    assert store.verify() == ()


def test_verify_finds_a_changed_and_a_missing_file(store: SchemaStore, source: Path) -> None:
    store.install(str(source))
    main, other = sorted(store.folder.glob("*.xsd"))
    main.write_text(main.read_text() + "<!-- changed -->")
    other.unlink()

    assert {fault.code for fault in store.verify()} == {"schema_file_changed", "schema_file_missing"}


def test_the_manifest_holds_checksums(store: SchemaStore, source: Path) -> None:
    store.install(str(source))
    manifest = json.loads((store.folder / "manifest.json").read_text())

    assert set(manifest["schemas"]) == {NAMESPACE}
    assert len(manifest["files"]) == 2
    assert all(len(checksum) == 64 for checksum in manifest["files"].values())


def test_the_command_line_installs_lists_and_verifies(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "_store", lambda: SchemaStore(tmp_path / "of-the-command-line"))
    app = typer.Typer()
    schemas.register(app)
    app.command()(lambda: None)
    run = CliRunner().invoke

    installed = run(app, ["schemas", "install", "--from", str(source), "--json"])
    assert installed.exit_code == 0, installed.output
    assert json.loads(installed.stdout)[0]["namespace"] == NAMESPACE
    assert json.loads(run(app, ["schemas", "list", "--json"]).stdout)[0]["state"] == "installed"
    assert run(app, ["schemas", "verify"]).exit_code == 0

    (source / "message" / "message.xsd").write_text(MAIN.replace("w:Word", "w:Nothing"))
    refused = run(app, ["schemas", "install", "--from", str(source)])
    assert refused.exit_code == 1
    assert "schema_invalid" in refused.output
