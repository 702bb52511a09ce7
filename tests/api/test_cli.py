"""The verbs that talk to a server: query, and one for each command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.frame import run
from tests.api.conftest import House

FIXTURE = b'<?xml version="1.0"?><nothing xmlns="urn:example:nothing"/>'


@pytest.fixture
def catalograph(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line against the server; gives status, output and errors."""
    # The server shares this process: its loggers must not be tied to the output of one test.
    monkeypatch.setattr("api.cli.frame.configure_logs", lambda *_: None)
    monkeypatch.setenv("CATALOGRAPH_URL", house.url)
    monkeypatch.setenv("CATALOGRAPH_TOKEN", house.token())

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run(words)
        out, err = capsys.readouterr()
        return status, out, err

    return call


def made(out: str) -> Any:
    return json.loads(out.splitlines()[-1])


def test_a_command_is_a_verb_and_a_query_reads_it_back(catalograph: Callable[..., Any]) -> None:
    status, out, err = catalograph(
        "create-work", "--title", "From the shell", "--languages", "nl", "--languages", "de", "--json",
        "--titles", '[{"text": "Uit de schelp", "language": "nl"}]',
    )  # fmt: skip
    assert status == 0, err
    work = made(out)
    assert work["languages"] == ["nl", "de"]

    status, out, err = catalograph(
        "edit-work", work["id"], "--title", "Edited", "--expected-version", "1", "--json"
    )
    assert (status, made(out)["version"]) == (0, 2), err
    status, out, err = catalograph("edit-work", work["id"], "--title", "Late", "--expected-version", "1")
    assert status == 1
    assert "VERSION_CONFLICT: version 1 was expected and 2 is there" in err

    query = "query($id: ID!) { work(id: $id) { title titles { text } } }"
    status, out, err = catalograph("query", query, "--variables", json.dumps({"id": work["id"]}), "--json")
    assert made(out) == {"work": {"title": "Edited", "titles": [{"text": "Uit de schelp"}]}}
    assert catalograph("delete-work", work["id"], "--expected-version", "2")[0] == 0


def test_lists_are_tables_unless_json_is_asked_for(catalograph: Callable[..., Any]) -> None:
    catalograph("create-podcast", "--title", "Tabled")
    _, out, _ = catalograph("query", "{ podcasts(first: 50) { nodes { title version } } }")
    assert "title" in out
    assert "Tabled" in out
    assert not out.startswith("{")


def test_errors_are_told_with_their_codes(catalograph: Callable[..., Any]) -> None:
    status, out, err = catalograph("query", "{ nothing }", "--json")
    assert status == 1
    assert "GRAPHQL_VALIDATION_FAILED" in err
    assert "GRAPHQL_VALIDATION_FAILED" in out
    assert catalograph("query", "{ viewer { actor } }", "--variables", "{")[0] == 2
    status, _, err = catalograph("create-work", "--title", "x", "--iswc", "nonsense")
    assert (status, "VALIDATION_ERROR" in err) == (1, True)


def test_a_whole_input_comes_as_json(catalograph: Callable[..., Any], tmp_path: Path) -> None:
    document = tmp_path / "changes.json"
    steps = [{"command": "createWork", "input": {"title": "By file"}}]
    document.write_text(json.dumps({"changes": steps, "dryRun": True}))
    status, out, err = catalograph("apply-changes", "--input", f"@{document}", "--json")
    assert (status, made(out)["applied"]) == (0, False), err


def test_a_file_is_delivered(catalograph: Callable[..., Any], tmp_path: Path) -> None:
    message = tmp_path / "message.xml"
    message.write_bytes(FIXTURE)
    status, out, err = catalograph("receive-delivery", str(message), "--json")
    assert status == 0, err
    assert made(out)["fileName"] == "message.xml"
    assert made(out)["jobId"]
