"""Invitations: taken by a new person, by somebody who has an account, once, in time, by nobody else."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.people.browser import Browser, form_in, message
from tests.people.conftest import PASSWORD, Town

ACCEPT = "/auth/invitations/accept"


def mail() -> str:
    return f"new.{uuid.uuid4().hex[:12]}@label.example"


def newcomer(token: str, **more: str) -> dict[str, str]:
    given = {"displayName": "Grace", "password": PASSWORD, "passwordConfirmation": PASSWORD}
    return {"token": token, **given, **more}


async def test_a_new_person_accepts_with_the_form(town: Town, browser: Browser) -> None:
    email = mail()
    token = await town.invitation(email, role="api_user")
    shown = browser.get(f"/invitation?token={token}")
    assert "Ours" in shown.text
    assert email in shown.text

    answer = browser.submit(
        f"/invitation?token={token}", ACCEPT, **{**newcomer(token), "displayName": "  Grace   Hopper "}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    told = browser.get("/auth/session").json()
    assert (told["email"], told["displayName"], told["role"]) == (email, "Grace Hopper", "api_user")
    assert told["organizationId"] == str(town.ours)
    with town.browser() as later:
        assert later.log_in(email, PASSWORD)["userId"] == told["userId"]


async def test_an_administrator_invites_and_the_person_comes(town: Town, browser: Browser) -> None:
    boss, email = await town.person(role="admin"), mail()
    with town.browser() as bosses:
        csrf = bosses.log_in(boss.email, PASSWORD)["csrf"]
        answer = bosses.send(
            "POST",
            "/v1/invitations",
            json={"email": email, "role": "label_user"},
            headers={"X-CSRF-Token": csrf, "Idempotency-Key": uuid.uuid4().hex},
        )
        assert answer.status_code == 200, answer.text
        token = answer.json()["token"]
    told = browser.post(ACCEPT, newcomer(token)).json()
    assert (told["email"], told["role"], told["organizationId"]) == (email, "label_user", str(town.ours))


async def test_an_account_accepts_with_its_password(town: Town, browser: Browser) -> None:
    ada = await town.person()
    token = await town.invitation(ada.email.lower(), organization=town.theirs, role="admin")
    page = browser.get(f"/invitation?token={token}").text
    assert set(form_in(page, ACCEPT)) == {"csrf", "token", "password"}

    wrong = browser.submit(f"/invitation?token={token}", ACCEPT, password="wrong password")
    assert "do not belong together" in message(browser, wrong)
    browser.submit(f"/invitation?token={token}", ACCEPT, password=PASSWORD)
    told = browser.get("/auth/session").json()
    assert (told["organizationId"], told["role"]) == (str(town.theirs), "admin")
    assert len(told["organizations"]) == 2


async def test_whoever_is_logged_in_accepts_with_a_button(town: Town, browser: Browser) -> None:
    ada = await town.person()
    told = browser.log_in(ada.email, PASSWORD)
    token = await town.invitation(ada.email, organization=town.theirs)
    before = await town.pool.fetchval(
        "select authenticated_at from session where id = $1", uuid.UUID(told["sessionId"])
    )
    browser.submit(f"/invitation?token={token}", ACCEPT)

    now = browser.get("/auth/session").json()
    assert now["organizationId"] == str(town.theirs)
    assert now["sessionId"] != told["sessionId"]
    after = await town.pool.fetchval(
        "select authenticated_at from session where id = $1", uuid.UUID(now["sessionId"])
    )
    assert after == before, "accepting is not logging in"


async def test_an_invitation_is_for_one_address(town: Town, browser: Browser) -> None:
    ada = await town.person()
    told = browser.log_in(ada.email, PASSWORD)
    token = await town.invitation(mail(), organization=town.theirs)
    assert ACCEPT not in browser.get(f"/invitation?token={token}").text

    answer = browser.post(ACCEPT, newcomer(token), headers={"X-CSRF-Token": told["csrf"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
    assert "another e-mail address" in answer.json()["detail"]
    assert browser.get("/auth/session").json()["organizations"] == told["organizations"]


async def test_an_invitation_is_taken_once(town: Town) -> None:
    token = await town.invitation(mail())

    def take(name: str) -> int:
        with town.browser() as browser:
            return browser.post(ACCEPT, newcomer(token, displayName=name)).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(take, "abcdef"))
    assert statuses[0] == 200
    assert statuses.count(200) == 1
    with town.browser() as late:
        again = late.post(ACCEPT, newcomer(token))
        assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")
        assert "accepted already" in again.json()["detail"]
        assert "accepted already" in late.get(f"/invitation?token={token}").text


async def test_what_is_over_taken_back_or_made_up_is_not_found(town: Town, browser: Browser) -> None:
    over = await town.invitation(mail(), lives="-1 second")
    back = await town.invitation(mail())
    await town.pool.execute(
        "update invitation set revoked_at = now() where expires_at > now() and invited_by = 'test'"
    )
    for token, said in ((over, "was good until"), (back, "no such invitation"), ("x", "no such invitation")):
        answer = browser.post(ACCEPT, newcomer(token))
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert said in answer.json()["detail"]
        assert browser.get(f"/invitation?token={token}").status_code == 404
    assert browser.session is None


async def test_who_is_a_member_already_keeps_the_role(town: Town, browser: Browser) -> None:
    ada = await town.person(role="label_user")
    token = await town.invitation(ada.email, role="admin")
    browser.post(ACCEPT, {"token": token, "password": PASSWORD})
    assert browser.get("/auth/session").json()["role"] == "label_user"


@pytest.mark.parametrize(
    ("password", "again", "fits"),
    [
        ("1234567", None, False),
        ("12345678", None, True),
        ("x" * 100, None, True),
        ("x" * 101, None, False),
        ("密码密码密码密码", None, True),  # 8 characters in 24 bytes
        ("🎵" * 100, None, True),  # 100 characters in 400 bytes
        ("🎵" * 101, None, False),
        ("ﬀﬀﬀﬀ", None, True),  # four ligatures are eight letters (NFKC)
        ("caf\u0065\u0301 au lait", "café au lait", True),  # e and accent, or é: the same to who types
        ("        ", None, True),
        ("correct horse", "correct house", False),
    ],
)
async def test_passwords_have_8_to_100_characters(
    town: Town, browser: Browser, password: str, again: str | None, fits: bool
) -> None:
    email = mail()
    token = await town.invitation(email)
    given = newcomer(token, password=password, passwordConfirmation=password if again is None else again)
    answer = browser.post(ACCEPT, given)
    if fits:
        assert answer.status_code == 200, answer.text
        with town.browser() as later:
            later.log_in(email, password if again is None else again)
    else:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "VALIDATION_ERROR")
        expected = "differ" if again else f"has {len(password)} characters; 8 to 100 will do"
        assert expected in problem["detail"]
        assert password not in answer.text


async def test_the_password_is_not_the_address(town: Town, browser: Browser) -> None:
    email = mail()
    token = await town.invitation(email)
    answer = browser.submit(
        f"/invitation?token={token}",
        ACCEPT,
        **newcomer(token, password=email.upper(), passwordConfirmation=email.upper()),
    )
    assert "is the e-mail address" in message(browser, answer)
    assert await town.pool.fetchval("select count(*) from user_account where email = $1", email) == 0
