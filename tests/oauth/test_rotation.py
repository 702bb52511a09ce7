"""Keys change under load: two servers over one folder refuse no good token, and take no other."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest
from joserfc import jwk
from joserfc import jwt as jose

from api.keyring import remove, rotate
from api.keys import load_keys
from tests.api.conftest import serving
from tests.command_line import called
from tests.oauth.conftest import Court

NOTICED_S = 5.0


@pytest.fixture
def second(court: Court) -> Iterator[str]:
    """Another server over the same database and keys."""
    with serving(court.settings, socket.create_server(("127.0.0.1", 0))) as address:
        yield address


class Load:
    """A program that gets tokens at each server and uses every one at both, until it is told to stop."""

    def __init__(self, court: Court, basic: tuple[str, str], addresses: list[str]) -> None:
        self.failures: list[str] = []
        self.kids: list[str] = []
        self.asked = 0
        self._court, self._basic, self._addresses = court, basic, addresses
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self) -> None:
        with httpx2.Client(timeout=30, trust_env=False) as http:
            while not self._stop.is_set():
                for giver in self._addresses:
                    answer = http.post(
                        f"{giver}/oauth/token", data={"grant_type": "client_credentials"}, auth=self._basic
                    )
                    self._expect(answer)
                    token = answer.json().get("access_token", "a.b.c")
                    self.kids.append(jwt.get_unverified_header(token)["kid"])
                    for taker in self._addresses:
                        self._expect(
                            http.post(
                                f"{taker}/graphql",
                                json={"query": "{ __typename }"},
                                headers={"Authorization": f"Bearer {token}"},
                            )
                        )

    def _expect(self, answer: httpx2.Response) -> None:
        self.asked += 1
        if answer.status_code != 200:
            self.failures.append(f"{answer.url}: {answer.status_code} {answer.text}")

    def signed_by(self, kid: str) -> None:
        """Wait until both servers sign with a key."""
        before, give_up_at = len(self.kids), time.monotonic() + NOTICED_S
        while set(self.kids[-4:]) != {kid}:
            # Some tens of tokens were given meanwhile: on a machine that stands still there are none.
            late = time.monotonic() > give_up_at and len(self.kids) - before > 40
            assert not late, f"the servers sign with {set(self.kids[-4:])}, not {kid}"
            time.sleep(0.05)


async def test_no_good_token_is_refused_while_keys_rotate(court: Court, second: str) -> None:
    folder = court.settings.state_folder / "keys"
    client = await court.client()
    before = load_keys(folder)[0].kid
    with Load(court, client.basic, [court.url, second]) as load:
        load.signed_by(before)
        signers = [before]
        for _ in range(3):
            signers.append(rotate(folder, announced=timedelta(0))[0].kid)
            load.signed_by(signers[-1])
    assert load.failures == []
    assert set(load.kids) == set(signers)
    assert len(set(signers)) == 4
    assert load.asked > 50


async def test_a_removed_keys_tokens_are_refused_within_seconds(court: Court, second: str) -> None:
    folder = court.settings.state_folder / "keys"
    client = await court.client()
    token = court.own_token(client)
    for address in (court.url, second):
        assert ask(address, token) == 200
    remove(folder, jwt.get_unverified_header(token)["kid"])
    for address in (court.url, second):
        for _ in range(round(NOTICED_S / 0.05)):
            if ask(address, token) != 200:
                break
            time.sleep(0.05)
        assert ask(address, token) == 401
    assert court.ask(court.own_token(client)).status_code == 200


def ask(address: str, token: str) -> int:
    return httpx2.post(
        f"{address}/graphql",
        json={"query": "{ __typename }"},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    ).status_code


async def test_others_can_check_tokens_by_the_published_keys(court: Court) -> None:
    answer = court.http.get(f"{court.url}/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert len(answer.json()["keys"]) >= 2
    assert not any("d" in key for key in answer.json()["keys"])
    token = court.own_token(await court.client())
    keys = jwk.KeySet.import_key_set(answer.json())
    assert jose.decode(token, keys, algorithms=["EdDSA"]).claims["iss"] == court.url


def test_the_command_line_lists_rotates_and_removes(court: Court) -> None:
    def keys(*words: str) -> Any:
        folder = str(court.settings.state_folder)
        done = called({"CATALOGRAPH_STATE_FOLDER": folder}, "keys", *words, "--json")
        return json.loads(done.stdout) if done.returncode == 0 else (done.returncode, done.stderr)

    before = keys("list")
    assert [key["state"] for key in before[:2]] == ["signs", "next"]
    after = keys("rotate", "--now")
    assert after[0]["kid"] == before[1]["kid"]
    status, said = keys("rotate")
    assert status == 1
    assert "it signs when it has been published for 300 s" in said
    assert keys("prune") == []
    assert keys("remove", before[0]["kid"]) == [{**before[0], "state": "removed"}]
    assert keys("remove", "unknown")[0] == 1
