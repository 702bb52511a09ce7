"""Pages: whatever people are called, it stays text; nothing is loaded, nothing runs, nobody frames them."""

import re

import pytest

from api.pages import form, page, said, tag
from api.people.forms import MESSAGE_COOKIE
from tests.people.browser import Browser, message
from tests.people.conftest import PASSWORD, Town

NASTY = "\"><script>alert('1')</script>&amp;{{7*7}}<!--"


def test_texts_and_attributes_are_escaped() -> None:
    made = tag("a", NASTY, tag("b", "x & y"), href=NASTY, hidden=True, title=None, class_="c", data_x="d")
    assert "<script" not in made
    assert made.count("<") == 4
    assert made.endswith("<b>x &amp; y</b></a>")
    assert made.startswith('<a href="&quot;&gt;&lt;script')
    assert ' hidden class="c" data-x="d">' in made
    assert tag("br") == "<br>"
    assert said(None) is None
    assert 'value="&lt;' in form("/x", csrf="<")


def test_a_page_lets_nothing_in() -> None:
    first, second = page("A", "<i>"), page("A", form_action=None)
    policy = first.headers["content-security-policy"]
    nonce = re.search(r"style-src 'nonce-([\w-]{22})'", policy)
    assert nonce
    assert f'<style nonce="{nonce[1]}">' in bytes(first.body).decode()
    for directive in (
        "default-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert directive in policy
    assert "unsafe" not in policy
    assert nonce[1] not in second.headers["content-security-policy"]
    assert "form-action" not in second.headers["content-security-policy"]
    assert first.headers["referrer-policy"] == "same-origin"
    assert first.headers["cache-control"] == "no-store"
    assert "<script" not in bytes(first.body).decode()
    assert "&lt;i&gt;" in bytes(first.body).decode()


async def test_names_of_people_and_organizations_stay_text(town: Town, browser: Browser) -> None:
    ada = await town.person()
    await town.pool.execute("update user_account set display_name = $2 where id = $1", ada.id, NASTY)
    answer = browser.post(
        "/auth/login",
        {"email": ada.email, "password": PASSWORD},
        headers={"User-Agent": f"Browser {NASTY}"},
    )
    assert answer.status_code == 200
    shown = browser.get("/account").text
    assert "<script" not in shown
    assert shown.count("alert(&#x27;1&#x27;)") == 2


async def test_every_page_is_self_contained(town: Town, browser: Browser) -> None:
    ada = await town.person()
    token = await town.invitation("page@label.example")
    for path in ("/login", "/register", f"/invitation?token={token}", "/invitation?token=x", "/account"):
        if path == "/account":
            browser.log_in(ada.email, PASSWORD)
        answer = browser.get(path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert not re.search(r"<(script|link|img|iframe|object)|https?://|url\(|@import", answer.text), path
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_message_is_shown_once_and_can_not_be_made_up(town: Town, browser: Browser) -> None:
    answer = browser.submit("/login", "/auth/login", email="a@b.example", password="wrong password")
    kept = browser.cookies[MESSAGE_COOKIE]
    assert "do not belong together" in message(browser, answer)
    assert MESSAGE_COOKIE not in browser.cookies
    for forged in ("x", "x.y", "LllvdSB3b24.", "Lg." + kept.partition(".")[2], kept[:-1] + "g"):
        browser.cookies[MESSAGE_COOKIE] = forged
        shown = browser.get("/login")
        assert shown.status_code == 200
        assert 'role="alert"' not in shown.text


@pytest.mark.parametrize(
    ("host", "hint"),
    [("10.0.0.5:8000", True), ("catalog.example", True), ("[", True), ("localhost:8000", False)],
)
async def test_a_page_that_can_keep_no_session_says_so(browser: Browser, host: str, hint: bool) -> None:
    answer = browser.get("/login", headers={"Host": host})
    assert ("Browsers keep no session here" in answer.text) == hint
