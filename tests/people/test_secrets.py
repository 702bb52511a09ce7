"""Nothing secret is logged, and what is over is dropped in time."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from api.embedded import Servers
from api.people.sessions import COOKIE
from domain.adapters.postgres import open_pool
from jobs.upkeep import forget_access
from tests.people.browser import Browser, form_in
from tests.people.conftest import PASSWORD, Town
from tests.shared import CHECKOUT


async def test_no_password_token_or_cookie_is_logged(town: Town, servers: Servers, tmp_path: Path) -> None:
    ada = await town.person()
    invitation = await town.invitation("log@label.example")
    log = tmp_path / "log"
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CATALOGRAPH_")},
        "DATABASE_URL": town.settings.database_url,
        "REDIS_URL": servers.redis_url or "",
        "CATALOGRAPH_STATE_FOLDER": str(tmp_path / "state"),
        "CATALOGRAPH_BOOTSTRAP": "skip",
        "CATALOGRAPH_ANONYMOUS_REQUESTS": "1000000",  # the address of every test of this run
        "CATALOGRAPH_LOG_LEVEL": "debug",
        "CATALOGRAPH_LOG_FORMAT": "json",
    }
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "api", "serve", "--port", "0"], cwd=CHECKOUT, env=env, stderr=errors
        )
    secrets = {PASSWORD, "wrong secret guess", "the next password", invitation}
    try:
        with Browser(await address_in(log, process)) as browser:
            browser.post("/auth/login", {"email": ada.email, "password": "wrong secret guess"})
            told = browser.log_in(ada.email, PASSWORD)
            secrets |= {told["csrf"], browser.session or ""}
            given = {"currentPassword": PASSWORD, "password": "the next password"}
            given |= {"passwordConfirmation": "the next password"}
            assert browser.submit("/account", "/auth/password", **given).status_code == 303
            secrets |= {browser.session or "", *browser.cookies.values()}
            csrf = form_in(browser.get("/account").text, "/auth/logout")["csrf"]
            browser.post("/auth/logout", headers={"X-CSRF-Token": csrf})
            browser.get(f"/invitation?token={invitation}")
            form = {"displayName": "Log", "password": PASSWORD, "passwordConfirmation": PASSWORD}
            accepted = browser.post("/auth/invitations/accept", {"token": invitation, **form})
            secrets |= {accepted.json()["csrf"], browser.cookies[COOKIE], csrf}
            # A fault is logged with its traceback: that has no values in it either.
            await town.pool.execute("alter table session rename to session_away")
            try:
                fault = browser.post("/auth/login", {"email": ada.email, "password": "the next password"})
            finally:
                await town.pool.execute("alter table session_away rename to session")
            assert fault.status_code == 500
    finally:
        process.terminate()
        process.wait(60)
    written = log.read_text()
    assert written.count('"event":"request"') >= 9
    assert '"event":"fault"' in written
    assert '"event":"password_changed"' in written
    assert "" not in secrets
    assert [secret for secret in secrets if secret in written] == []
    assert ada.email not in written


async def address_in(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the server says it listens."""
    for _ in range(600):
        if found := re.search(r"listens at (http://\S+)", log.read_text()):
            return found[1]
        if process.poll() is not None:
            break
        await asyncio.sleep(0.1)
    raise AssertionError(f"the server did not start: {log.read_text()}")


async def test_what_is_over_is_dropped(town: Town, browser: Browser) -> None:
    ada = await town.person()
    browser.log_in(ada.email, PASSWORD)
    await town.pool.execute(
        "insert into session (user_id, token_hash, expires_at, ended_at) values "
        "($1, 'old', now() - interval '31 days', null), ($1, 'ended', now() + interval '1 day', "
        "now() - interval '31 days'), ($1, 'recent', now() - interval '29 days', null)",
        ada.id,
    )
    await town.pool.execute(
        "insert into login_failure (email_hash, failures, last_at) values "
        "('old', 3, now() - interval '25 hours'), ('recent', 3, now() - interval '23 hours')"
    )
    async with await open_pool(town.settings.database_url, max_size=2) as pool:
        assert await forget_access(pool, at_once=1) >= 3
    left = await town.pool.fetch("select token_hash from session where user_id = $1", ada.id)
    assert sorted(row["token_hash"] for row in left)[-1] == "recent"
    assert len(left) == 2
    kept = await town.pool.fetch("select email_hash from login_failure where length(email_hash) < 64")
    assert [row["email_hash"] for row in kept] == ["recent"]
    assert browser.get("/auth/session").status_code == 200
