"""The pages with scripts work under their own policy: tried in a browser where there is one."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.api.conftest import House

HTML = {"Accept": "text/html"}
PAGES = {
    "/graphql": ("CodeMirror", "graphiql-container"),
    "/docs": ("opblock", "swagger-ui"),
    "/problems": ("VERSION_CONFLICT", "INTERNAL_ERROR"),
    "/login": ("password", "csrf"),
}


@pytest.mark.parametrize("path", PAGES)
def test_everything_inline_carries_the_nonce(house: House, path: str) -> None:
    answer = httpx2.get(house.url + path, headers=HTML)
    policy = answer.headers["content-security-policy"]
    (nonce,) = set(re.findall(r"'nonce-([^']+)'", policy))
    assert nonce not in httpx2.get(house.url + path, headers=HTML).text
    inline = re.findall(r"<(?:script|style)(?![^>]*\bsrc=)([^>]*)>", answer.text)
    assert inline
    assert all(f'nonce="{nonce}"' in attributes for attributes in inline)
    assert not re.findall(r"\son\w+=|javascript:", answer.text)
    assert not re.findall(r"(?:src|href)=\"(?!/|#|data:,|https?://127)", answer.text)
    for word in ("unsafe-eval", "http:", "https:", "*"):
        assert word not in policy
    assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_shows_the_page_and_complains_of_nothing(house: House, path: str, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("BROWSER ABSENT: no Chromium is on PATH, so the pages were not tried in one")
    options = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --dump-dom "
    options += "--enable-logging=stderr --v=0 --virtual-time-budget=8000"
    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    done = subprocess.run(
        [browser, *options.split(), nowhere, f"--user-data-dir={tmp_path}", house.url + path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1_000:]
    for part in PAGES[path]:
        assert part in done.stdout, done.stdout[:2_000]
    told = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    # GraphiQL asks for the schema at once, and nobody has given it a token yet.
    assert [line for line in told if not re.search(r"a status of 401|Password field", line)] == []
