"""Availability over HTTP and from the shell: the same answer through every door."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from api.cli.frame import run
from tests.api.conftest import House

AT = "2026-03-01T00:00:00Z"


@pytest.fixture
def release(ours: httpx2.Client) -> dict[str, Any]:
    """A public release that may be streamed in DE and CH until April."""
    made: dict[str, Any] = ours.post("/v1/releases", json={"title": "Cleared", "visibility": "public"}).json()
    answer = ours.post(
        "/v1/deals",
        json={
            "reference": "D-1",
            "includedTerritories": ["DE", "CH"],
            "useTypes": ["Stream"],
            "commercialModels": ["SubscriptionModel"],
            "validUntil": "2026-04-01T00:00:00Z",
            "subjects": [made["id"]],
        },
    )
    assert answer.status_code == 201, answer.text
    return {**made, "deal": answer.json()["id"]}


def test_a_release_is_asked_below_its_own_path(
    release: dict[str, Any], ours: httpx2.Client, theirs: httpx2.Client
) -> None:
    path = f"/v1/releases/{release['id']}/availability"
    given = {"territory": "DE", "useType": "OnDemandStream", "at": AT}
    for client in (ours, theirs):
        answer = client.get(path, params=given)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["allowed"], told["deal"]["deal"]) == (True, release["deal"])
        assert told["allowedUntil"] == "2026-04-01T00:00:00+00:00"
    no = ours.get(path, params={**given, "territory": "US"}).json()
    assert (no["allowed"], no["reasons"], no["missing"]) == (False, ["TERRITORY"], ["US"])
    assert [one["deal"] for one in no["nearest"]] == [release["deal"]]
    everywhere = ours.get(f"/v1/releases/{release['id']}/coverage", params={"at": AT}).json()
    assert everywhere["allowedCount"] == 2
    assert len(everywhere["territories"]) == 250
    many = ours.get("/v1/availabilities", params={**given, "entities": f"{release['id']},{release['deal']}"})
    assert [one and one["allowed"] for one in many.json()["items"]] == [True, None]


def test_what_is_wrong_or_not_there_is_told(release: dict[str, Any], ours: httpx2.Client) -> None:
    path = "/v1/releases/{}/availability"
    missing = ours.get(path.format("01890000-0000-7000-8000-000000000000"), params={"territory": "DE"})
    assert (missing.status_code, missing.json()["code"]) == (404, "NOT_FOUND")
    for id, given in ((release["id"], {"territory": "ZZ"}), (release["id"], {}), ("x", {"territory": "DE"})):
        answer = ours.get(path.format(id), params=given)
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_USER_INPUT")
    of_a_deal = ours.get(path.format(release["deal"]), params={"territory": "DE"})
    assert of_a_deal.json()["code"] == "BAD_USER_INPUT"


def test_the_shell_says_it_by_its_exit_status(
    release: dict[str, Any],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("api.cli.frame.configure_logs", lambda *_: None)
    monkeypatch.setenv("CATALOGRAPH_URL", house.url)
    monkeypatch.setenv("CATALOGRAPH_TOKEN", house.token())
    asked: Callable[..., int] = lambda *more: run(("availability", release["id"], "--at", AT, *more))  # noqa: E731
    assert asked("--territory", "DE", "--use-type", "OnDemandStream", "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["allowed"], told["deal"]["reference"]) == (True, "D-1")
    assert asked("--territory", "DE") == 0
    assert "D-1" in capsys.readouterr().out
    assert asked("--territory", "US") == 1
    out, err = capsys.readouterr()
    assert "it does not cover US" in out
    assert err.startswith("No:")
    assert asked("--territory", "ZZ") == 1
    assert "BAD_USER_INPUT" in capsys.readouterr().err
