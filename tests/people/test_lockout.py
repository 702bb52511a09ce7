"""Wrong passwords: counted right however many come at once, told alike, waited for ever longer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from api.people.passwords import WAITING, Passwords
from api.problems import Problem
from tests.people.browser import Browser, message
from tests.people.conftest import PASSWORD, Town

_ROW = "email_hash = encode(sha256(convert_to(lower($1), 'UTF8')), 'hex')"


async def failures(town: Town, email: str) -> int:
    return await town.pool.fetchval(f"select failures from login_failure where {_ROW}", email) or 0


async def wait_s(town: Town, email: str) -> float:
    found: float = await town.pool.fetchval(
        f"select extract(epoch from locked_until - last_at)::float8 from login_failure where {_ROW}", email
    )
    return found


async def unlock(town: Town, email: str) -> None:
    await town.pool.execute(f"update login_failure set locked_until = clock_timestamp() where {_ROW}", email)


async def test_fifty_at_once_are_counted_right(town: Town) -> None:
    ada = await town.person()
    together = threading.Barrier(50)

    def guess(number: int) -> tuple[int, str | None]:
        with town.browser() as browser:
            together.wait(20)
            given = {"email": ada.email, "password": f"wrong password {number}"}
            answer = browser.post("/auth/login", given)
            return answer.status_code, answer.headers.get("retry-after")

    with ThreadPoolExecutor(50) as pool:
        began = time.monotonic()
        answers = list(pool.map(guess, range(50)))
        took = time.monotonic() - began
    tried = [status for status, _ in answers if status == 401]
    waiting = [(status, after) for status, after in answers if status == 429]
    assert len(tried) + len(waiting) == 50
    assert len(tried) == await failures(town, ada.email), "each guess that was looked at was counted"
    # Five are free; then one after 1 s, one 2 s later, one 4 s later.
    assert 5 <= len(tried) <= 5 + took.__ceil__().bit_length()
    assert all(after and int(after) >= 1 for _, after in waiting)


@pytest.mark.parametrize("exists", [True, False])
async def test_the_wait_doubles_and_tells_nothing_of_the_account(
    town: Town, browser: Browser, exists: bool
) -> None:
    email = (await town.person()).email if exists else "nobody.at.all@label.example"
    given = {"email": email, "password": "wrong password"}
    waits = []
    for _ in range(7):
        assert browser.post("/auth/login", given).status_code == 401
        waits.append(round(await wait_s(town, email)))
        await unlock(town, email)
    assert waits == [0, 0, 0, 0, 1, 2, 4]
    await town.pool.execute(f"update login_failure set failures = 40 where {_ROW}", email)
    assert browser.post("/auth/login", given).status_code == 401
    assert round(await wait_s(town, email)) == 900

    answer = browser.post("/auth/login", {**given, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert 890 <= int(answer.headers["retry-after"]) <= 900
    assert await failures(town, email) == 41, "what waits is not counted"
    assert "try again in" in message(
        browser, browser.submit("/login", "/auth/login", email=email, password=PASSWORD)
    )


async def test_the_right_password_begins_anew(town: Town, browser: Browser) -> None:
    ada = await town.person()
    for _ in range(5):
        browser.post("/auth/login", {"email": ada.email.upper(), "password": "wrong password"})
    given = {"email": ada.email, "password": PASSWORD}
    assert browser.post("/auth/login", given).status_code == 429
    await unlock(town, ada.email)
    assert browser.post("/auth/login", given).status_code == 200
    assert await failures(town, ada.email) == 0


async def test_failures_of_yesterday_are_forgotten(town: Town, browser: Browser) -> None:
    ada = await town.person()
    for _ in range(4):
        browser.post("/auth/login", {"email": ada.email, "password": "wrong password"})
    await town.pool.execute(
        f"update login_failure set last_at = last_at - interval '25 hours' where {_ROW}", ada.email
    )
    for _ in range(4):
        answer = browser.post("/auth/login", {"email": ada.email, "password": "wrong password"})
        assert answer.status_code == 401
    assert await failures(town, ada.email) == 4


async def test_other_people_are_not_locked_out(town: Town, browser: Browser) -> None:
    ada, bob = await town.person(), await town.person()
    for _ in range(6):
        browser.post("/auth/login", {"email": ada.email, "password": "wrong password"})
    browser.log_in(bob.email, PASSWORD)


async def test_the_present_password_can_not_be_guessed_at_either(town: Town, browser: Browser) -> None:
    ada = await town.person()
    told = browser.log_in(ada.email, PASSWORD)
    given = {
        "currentPassword": "wrong password",
        "password": "another one",
        "passwordConfirmation": "another one",
    }
    statuses = [
        browser.post("/auth/password", given, headers={"X-CSRF-Token": told["csrf"]}).status_code
        for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]


async def test_unknown_and_known_take_as_long(town: Town, browser: Browser) -> None:
    ada = await town.person()
    browser.log_in(ada.email, PASSWORD)  # from here on the hash has today's parameters

    quickest = {ada.email: 9.0, "somebody.unknown@label.example": 9.0}
    for _ in range(4):
        for email in quickest:
            began = time.perf_counter()
            assert (
                browser.post("/auth/login", {"email": email, "password": "wrong password"}).status_code == 401
            )
            quickest[email] = min(quickest[email], time.perf_counter() - began)
    known, unknown = quickest.values()
    assert 0.4 < known / unknown < 2.5, (known, unknown)


async def test_more_than_can_wait_are_sent_away() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._under_way = WAITING * 100
    for attempt in (lambda: passwords.hash("x"), lambda: passwords.fits(None, "x")):
        with pytest.raises(Problem) as caught:
            await attempt()
        assert caught.value.code == "OVERLOADED"
        assert caught.value.headers["Retry-After"]
    passwords._under_way = 0
    assert await passwords.fits(await passwords.hash("x"), "x")
    assert not await passwords.fits("no hash at all", "x")
    passwords.close()
