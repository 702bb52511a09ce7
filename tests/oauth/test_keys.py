"""The keys that sign: their order, their rotation, and what a server makes of a change."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from api.auth import Authenticator
from api.keyring import KeyRefused, open_ring, prune, remove, rotate
from api.keys import SigningKey, ensure_keys, load_keys, mint_token
from api.problems import Problem
from domain.access.scopes import Role

ORGANIZATION = uuid.UUID("0195e3a0-0000-7000-8000-000000000001")
AT_ONCE = timedelta(0)


def kids(keys: list[SigningKey]) -> list[str]:
    return [key.kid for key in keys]


def bearer(key: SigningKey) -> str:
    return "Bearer " + mint_token(key, subject="ada", organization_id=ORGANIZATION, role=Role.SERVICE)


def older(key: SigningKey, days: float) -> None:
    """Make a key look as if it had been made earlier: its file is named after the instant."""
    assert key.file is not None
    then = int((key.made_at - days * 86_400) * 1000)
    file = key.file.with_name(
        f"{uuid.UUID(int=then << 80 | uuid.UUID(key.file.stem).int & (1 << 80) - 1)}.pem"
    )
    key.file.rename(file)


def test_the_next_key_signs_after_a_rotation_and_the_former_one_stays(tmp_path: Path) -> None:
    first, second = ensure_keys(tmp_path)
    after = rotate(tmp_path, announced=AT_ONCE)
    assert kids(after)[:1] == [second.kid]
    assert kids(after)[2:] == [first.kid]
    assert len(set(kids(after))) == 3
    assert kids(load_keys(tmp_path)) == kids(after)


def test_a_key_that_was_not_published_long_enough_does_not_sign_yet(tmp_path: Path) -> None:
    before = ensure_keys(tmp_path)
    with pytest.raises(KeyRefused, match="published for 300 s"):
        rotate(tmp_path)
    assert kids(load_keys(tmp_path)) == kids(before)


def test_processes_that_start_at_once_end_with_the_same_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: tuple(kids(ensure_keys(tmp_path))), range(16)))
    assert len(set(found)) == 1
    assert len(found[0]) == 2


def test_a_key_of_an_earlier_installation_keeps_signing(tmp_path: Path) -> None:
    (only,) = ensure_keys(tmp_path)[:1]
    for key in load_keys(tmp_path)[1:]:
        assert key.file is not None
        key.file.unlink()
    assert only.file is not None
    only.file.rename(tmp_path / "first.pem")
    os.utime(tmp_path / "first.pem", (time.time() - 60, time.time() - 60))
    assert ensure_keys(tmp_path)[0].kid == only.kid
    assert len(load_keys(tmp_path)) == 2


def test_former_keys_go_when_their_tokens_can_live_no_more(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    rotate(tmp_path, announced=AT_ONCE)
    rotate(tmp_path, announced=AT_ONCE)
    _, _, younger, oldest = load_keys(tmp_path)
    assert prune(tmp_path) == []

    for key in load_keys(tmp_path):
        older(key, 31)
    rotate(tmp_path, announced=AT_ONCE)
    # The key that signed until a moment ago stays; the two that stopped signing 31 days ago go.
    assert set(kids(prune(tmp_path))) == {oldest.kid, younger.kid}
    assert len(load_keys(tmp_path)) == 3


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_removed_key_is_refused_and_two_remain(tmp_path: Path, place: int) -> None:
    ensure_keys(tmp_path)
    keys = rotate(tmp_path, announced=AT_ONCE)
    ring = open_ring(tmp_path)
    authenticator = Authenticator(ring)
    headers = [bearer(key) for key in keys]
    for header in headers:
        authenticator.viewer(header)

    assert remove(tmp_path, keys[place].kid).kid == keys[place].kid
    ring.refresh()
    with pytest.raises(Problem, match="a key that is not ours"):
        authenticator.viewer(headers[place])
    for other in headers[:place] + headers[place + 1 :]:
        authenticator.viewer(other)
    signs = keys[1 if place == 0 else 0]
    assert ring.signer.kid == signs.kid
    assert len(ring.jwks()["keys"]) >= 2
    with pytest.raises(KeyRefused, match="there is no key"):
        remove(tmp_path, keys[place].kid)


def test_only_public_halves_are_published(tmp_path: Path) -> None:
    ring = open_ring(tmp_path)
    for shown, key in zip(ring.jwks()["keys"], ring.keys, strict=True):
        assert set(shown) == {"kty", "crv", "x", "kid", "use", "alg"}
        assert (shown["kid"], shown["alg"]) == (key.kid, "EdDSA")
