"""Logging in through an outside provider: npm's oidc-provider on loopback, honest and lying."""

import asyncio
import json
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr

from api.embedded import Servers
from api.people.outside import COOKIE
from api.people.provider import Begun, Provider, ProviderFault, ProviderRefused
from api.settings import Settings
from domain.adapters.outside import Outside as Dependency
from domain.adapters.postgres import open_pool
from tests.api.conftest import serving, settings_for
from tests.conftest import Databases
from tests.node import script
from tests.people.browser import Browser, message
from tests.people.conftest import PASSWORD, Person, Town
from tests.ports import free_port
from tests.shared import CHECKOUT

SECRET = "a-secret-of-the-tests-that-is-long-enough"


@dataclass(frozen=True)
class Outside:
    """The provider, and the server that people log in to through it."""

    issuer: str
    town: Town

    def tell(self, **more: Any) -> list[str]:
        """Say who logs in there next and what is wrong; gives the paths asked for since the last time."""
        asked: list[str] = httpx2.post(
            f"{self.issuer}/control", json=more, trust_env=False, verify=False
        ).json()
        return asked

    def travel(self, browser: Browser, start: str) -> httpx2.Response:
        """Follow the way to the provider, through it, and back; gives the answer of our callback."""
        return self.arrive(browser, browser.get(start).headers["location"])

    def arrive(self, browser: Browser, url: str) -> httpx2.Response:
        """From an address at the provider to the answer of our callback."""
        with httpx2.Client(timeout=30, trust_env=False, verify=False) as there:
            while not url.startswith(browser.url):
                answer = there.get(url)
                assert answer.status_code in (302, 303), answer.text
                url = str(httpx2.URL(url).join(answer.headers["location"]))
        return browser.get(url.removeprefix(browser.url))

    async def connect(self, subject: str, person: Person) -> None:
        """Let somebody there log in to an account here."""
        await self.town.pool.execute(
            "insert into outside_identity (issuer, subject, user_id) values ($1, $2, $3)",
            self.issuer,
            subject,
            person.id,
        )


@pytest.fixture(scope="module")
async def outside(
    databases: Databases, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Outside]:
    """Our server and the provider, each knowing the other."""
    program = script(CHECKOUT / "tests" / "people" / "provider.mjs")
    database = await databases.clone("outside")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings_for(database, servers.redis_url or "", tmp_path_factory.mktemp("outside")).using(
        public_url=address,
        oidc_issuer=issuer,
        oidc_client_id="catalograph",
        oidc_client_secret=SecretStr(SECRET),
        oidc_name="Elsewhere",
    )
    process = subprocess.Popen(
        ["node", str(program), str(port), f"{address}/auth/oidc/callback"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline().strip() == "ready"
        async with await open_pool(database, role=None, max_size=3) as pool:
            with serving(settings, listener) as url:
                town = Town(url, settings, pool)
                await town.settle()
                yield Outside(issuer, town)
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def there(outside: Outside) -> Iterator[Browser]:
    """A browser that knows nobody, at the server with a provider."""
    outside.tell()
    with outside.town.browser() as made:
        yield made


def someone() -> str:
    return f"subject-{uuid.uuid4().hex[:12]}"


async def test_a_connected_identity_logs_in(outside: Outside, there: Browser) -> None:
    ada, subject = await outside.town.person(), someone()
    await outside.connect(subject, ada)
    outside.tell(account=subject)
    assert "Continue with Elsewhere" in there.get("/login?next=/docs").text

    answer = there.get("/auth/oidc/login?next=/docs")
    sent = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["code_challenge"]) == 43
    assert {"state", "nonce"} <= set(sent)
    assert set(sent["scope"].split()) == {"openid", "email", "profile"}
    (line,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(COOKIE)]
    assert all(part in line for part in ("Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"))

    back = outside.arrive(there, answer.headers["location"])
    assert (back.status_code, back.headers["location"]) == (303, "/docs")
    assert there.get("/auth/session").json()["userId"] == str(ada.id)
    assert COOKIE not in there.cookies


async def test_an_address_alone_belongs_to_nobody(outside: Outside, there: Browser) -> None:
    ada = await outside.town.person()
    for verified in (False, True):
        outside.tell(account=someone(), claims={"email": ada.email, "email_verified": verified})
        answer = outside.travel(there, "/auth/oidc/login")
        assert answer.headers["location"] == "/login"
        assert "belongs to nobody here" in message(there, answer)
    assert there.session is None


async def test_a_disabled_account_stays_out(outside: Outside, there: Browser) -> None:
    ada, subject = await outside.town.person(), someone()
    await outside.connect(subject, ada)
    await outside.town.pool.execute("update user_account set disabled_at = now() where id = $1", ada.id)
    outside.tell(account=subject)
    assert "belongs to nobody here" in message(there, outside.travel(there, "/auth/oidc/login"))


async def test_an_invitation_is_accepted_with_a_verified_address(outside: Outside, there: Browser) -> None:
    email, subject = f"{someone()}@label.example", someone()
    token = await outside.town.invitation(email, role="api_user")
    assert "Continue with Elsewhere" in there.get(f"/invitation?token={token}").text
    start = f"/auth/oidc/login?invitation={token}"
    refused: list[Mapping[str, Any]] = [
        {"email": email},
        {"email": email, "email_verified": False},
        {"email": email, "email_verified": "true"},
        {"email": "another@label.example", "email_verified": True},
        {"email_verified": True},
    ]
    for claims in refused:
        outside.tell(account=subject, claims=claims)
        assert "another e-mail address" in message(there, outside.travel(there, start)), claims
    outside.tell(account=subject, claims={"email": email.upper(), "email_verified": True, "name": "Ada"})
    assert outside.travel(there, start).headers["location"] == "/account"
    told = there.get("/auth/session").json()
    assert (told["email"], told["role"], told["displayName"]) == (email, "api_user", "Ada")
    assert "Elsewhere logs in to this account" in there.get("/account").text

    with outside.town.browser() as later:
        outside.tell(account=subject)
        outside.travel(later, "/auth/oidc/login")
        assert later.get("/auth/session").json()["userId"] == told["userId"]
        again = outside.travel(later, start)
        assert "accepted already" in message(later, again)


async def test_an_invitation_does_not_hand_over_an_account(outside: Outside, there: Browser) -> None:
    """Whoever registered an address first may not be its owner: only the password connects the two."""
    ada = await outside.town.person()
    token = await outside.town.invitation(ada.email, organization=outside.town.theirs)
    outside.tell(account=someone(), claims={"email": ada.email, "email_verified": True})
    answer = outside.travel(there, f"/auth/oidc/login?invitation={token}")
    assert "log in with its password" in message(there, answer)
    assert there.session is None


async def test_an_account_is_connected_by_whoever_is_logged_in(outside: Outside, there: Browser) -> None:
    ada, eve, subject = await outside.town.person(), await outside.town.person(), someone()
    outside.tell(account=subject)
    csrf = there.log_in(ada.email, PASSWORD)["csrf"]
    assert there.post("/auth/oidc/connect").json()["code"] == "CSRF_FAILED"
    for body in ({}, {"currentPassword": "wrong password"}):
        refused = there.post("/auth/oidc/connect", body, headers={"X-CSRF-Token": csrf})
        assert refused.json()["code"] == "INVALID_CREDENTIALS", "an open session is not enough"
    shown = there.submit("/account", "/auth/oidc/connect", currentPassword=PASSWORD)
    assert shown.status_code == 200
    url = shown.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "logs in to this account" in message(there, outside.arrive(there, url))

    there.post("/auth/logout", headers={"X-CSRF-Token": csrf})
    outside.travel(there, "/auth/oidc/login")
    assert there.get("/auth/session").json()["userId"] == str(ada.id)
    with outside.town.browser() as eves:
        eves.log_in(eve.email, PASSWORD)
        shown = eves.submit("/account", "/auth/oidc/connect", currentPassword=PASSWORD)
        url = shown.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        assert "another account already" in message(eves, outside.arrive(eves, url))
        shown = eves.submit("/account", "/auth/oidc/connect", currentPassword=PASSWORD)
        url = shown.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        eves.log_in(eve.email, PASSWORD)  # another session than the one that began
        assert "has ended" in message(eves, outside.arrive(eves, url))


async def test_a_connected_identity_is_disconnected_with_the_password(
    outside: Outside, there: Browser
) -> None:
    ada, subject = await outside.town.person(), someone()
    await outside.connect(subject, ada)
    outside.tell(account=subject)
    outside.travel(there, "/auth/oidc/login")
    with outside.town.browser() as other:
        other.log_in(ada.email, PASSWORD)
        wrong = there.submit("/account", "/auth/oidc/disconnect", currentPassword="wrong password")
        assert "do not belong together" in message(there, wrong)
        done = there.submit("/account", "/auth/oidc/disconnect", currentPassword=PASSWORD)
        assert message(there, done) == "Elsewhere logs in to this account no longer."
        assert other.get("/auth/session").status_code == 401
    with outside.town.browser() as later:
        assert "belongs to nobody here" in message(later, outside.travel(later, "/auth/oidc/login"))


async def test_without_a_password_a_recent_log_in_is_the_proof(outside: Outside, there: Browser) -> None:
    ada, subject = await outside.town.person(), someone()
    await outside.town.pool.execute("update user_account set password_hash = null where id = $1", ada.id)
    await outside.connect(subject, ada)
    outside.tell(account=subject)
    outside.travel(there, "/auth/oidc/login")
    csrf = {"X-CSRF-Token": there.get("/auth/session").json()["csrf"]}
    page = there.get("/account").text
    assert "currentPassword" not in page
    assert "/auth/oidc/disconnect" not in page
    only = there.post("/auth/oidc/disconnect", headers=csrf)
    assert "the only way in" in only.json()["detail"]
    none = {"currentPassword": "", "password": PASSWORD, "passwordConfirmation": PASSWORD}
    assert "has no password" in there.post("/auth/password", none, headers=csrf).json()["detail"]
    assert there.post("/auth/oidc/connect", headers=csrf).status_code == 200
    await outside.town.pool.execute(
        "update session set authenticated_at = now() - interval '11 minutes' where user_id = $1", ada.id
    )
    late = there.post("/auth/oidc/connect", headers=csrf)
    assert (late.status_code, late.json()["code"]) == (422, "VALIDATION_ERROR")
    assert "last ten minutes" in late.json()["detail"]


LIES = (
    *(
        "nonce",
        "no nonce",
        "iss",
        "iss with a slash",
        "aud",
        "aud for us by name",
        "azp",
        "expired",
        "no exp",
    ),
    *("no sub", "number as sub", "at_hash", "other key", "unknown key", "alg none", "alg HS256", "no token"),
    *("no JWT",),
)


@pytest.mark.parametrize("lie", LIES)
async def test_an_id_token_that_is_not_right_logs_nobody_in(
    outside: Outside, there: Browser, lie: str
) -> None:
    ada, subject = await outside.town.person(), someone()
    await outside.connect(subject, ada)
    outside.tell(account=subject, fault=lie)
    answer = outside.travel(there, "/auth/oidc/login")
    assert answer.headers["location"] == "/login"
    told = message(there, answer)
    assert "ID token" in told
    assert there.session is None
    outside.tell(account=subject)
    assert outside.travel(there, "/auth/oidc/login").headers["location"] == "/account", "and then it works"


async def test_user_info_of_somebody_else_is_not_believed(outside: Outside, there: Browser) -> None:
    outside.tell(account=someone(), fault="user info of somebody else")
    assert "somebody else" in message(there, outside.travel(there, "/auth/oidc/login"))


async def test_a_no_of_the_provider_is_told_in_our_words(outside: Outside, there: Browser) -> None:
    outside.tell(account=someone(), fault="denied")
    told = message(there, outside.travel(there, "/auth/oidc/login"))
    assert told == "Elsewhere answered access_denied."


async def test_an_answer_that_was_not_asked_for_is_refused(outside: Outside, there: Browser) -> None:
    ada, subject = await outside.town.person(), someone()
    await outside.connect(subject, ada)
    outside.tell(account=subject)

    def callback(browser: Browser) -> str:
        """A callback's address that would log in, not yet called."""
        url = browser.get("/auth/oidc/login").headers["location"]
        with httpx2.Client(timeout=30, trust_env=False, verify=False) as provider:
            while not url.startswith(browser.url):
                url = str(httpx2.URL(url).join(provider.get(url).headers["location"]))
        return url.removeprefix(browser.url)

    good = callback(there)
    cookie = there.cookies[COOKIE]
    with outside.town.browser() as victim:  # log-in CSRF: somebody else's answer in this browser
        assert "no log-in was begun" in message(victim, victim.get(good)).lower()
        victim.cookies[COOKIE] = cookie[:-2] + "zz"
        assert "no log-in was begun" in message(victim, victim.get(good)).lower()
        callback(victim)
        assert "does not belong" in message(victim, victim.get(good))
        assert victim.session is None
    for wrong, said in (
        (good.replace("state=", "state=x"), "does not belong"),
        (good + "&state=x", "twice"),
        (good.replace("iss=", "x="), "another provider"),
        (good.replace("iss=http", "iss=https"), "another provider"),
        (good.replace("code=", "kode="), "no code"),
        (good.replace("code=", "code=x"), "did not take the code: invalid_grant"),
    ):
        there.cookies[COOKIE] = cookie
        told = message(there, there.get(wrong))
        assert said in told, wrong
        assert not any(
            value in told for values in parse_qs(urlsplit(good).query).values() for value in values
        )
    # The provider takes a code once; the second time it ends what came of the first.
    there.cookies[COOKIE] = cookie
    fresh = callback(there)
    kept = there.cookies[COOKIE]
    assert there.get(fresh).headers["location"] == "/account"
    there.cookies[COOKIE] = kept
    assert "invalid_grant" in message(there, there.get(fresh))


async def test_a_code_is_bound_to_the_browser_that_began(outside: Outside, there: Browser) -> None:
    """PKCE: the verifier stays with whoever began; another one's is of no use."""
    provider = aimed(outside)
    ours, theirs = await provider.begin(), await provider.begin()
    url = ours.url
    with httpx2.Client(timeout=30, trust_env=False, verify=False) as http:
        while not url.startswith(there.url):
            url = str(httpx2.URL(url).join(http.get(url).headers["location"]))
    mixed = Begun("", ours.state, ours.nonce, theirs.verifier)
    with pytest.raises(ProviderRefused, match="invalid_grant"):
        await provider.finish(urlsplit(url).query, mixed)


def aimed(outside: Outside, away: Dependency | None = None, **more: Any) -> Provider:
    return Provider(outside.town.settings.using(**more), away or Dependency("the provider", 30.0, tries=1))


DISCOVERY = "/.well-known/openid-configuration"


@pytest.mark.parametrize("how", ["down", "broken", "elsewhere", "no JSON", "large", "another issuer"])
async def test_a_provider_that_does_not_answer_rightly_is_not_followed(outside: Outside, how: str) -> None:
    outside.tell(fault=f"{DISCOVERY} {how}")
    with pytest.raises(ProviderFault) as caught:
        await aimed(outside).begin()
    assert SECRET not in str(caught.value)
    assert "/jwks" not in outside.tell(), "a redirect was not followed"


async def test_a_provider_that_is_silent_is_not_waited_for(outside: Outside) -> None:
    outside.tell(fault=f"{DISCOVERY} silent")
    now = 0.0
    away = Dependency("the provider", 0.5, tries=1, rest_s=30.0, clock=lambda: now)
    async with aimed(outside, away) as provider:
        faults = await asyncio.gather(*(provider.begin() for _ in range(20)), return_exceptions=True)
        assert {type(fault) for fault in faults} == {ProviderFault}
        assert outside.tell(fault=f"{DISCOVERY} silent") == [DISCOVERY], "twenty wait no longer than one"
        assert "can't be reached" in str(faults[0])
        for _ in range(6):
            with pytest.raises(ProviderFault):
                await provider.begin()
        assert len(outside.tell()) == 4, "it is left alone when it was silent five times"
        now += 31
        away.timeout_s = 30.0
        assert (await provider.begin()).url.startswith(outside.issuer)


@pytest.mark.parametrize("path", ["/token", "/me"])
@pytest.mark.parametrize("how", ["down", "broken", "no JSON", "large"])
async def test_a_provider_that_breaks_down_half_way_is_told(
    outside: Outside, there: Browser, path: str, how: str
) -> None:
    outside.tell(account=someone(), fault=f"{path} {how}")
    answer = outside.travel(there, "/auth/oidc/login")
    assert "can't be asked at the moment" in message(there, answer)
    assert there.session is None


async def test_a_provider_that_is_gone_leaves_the_password(outside: Outside) -> None:
    provider = aimed(outside, oidc_issuer=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ProviderFault, match="can't be reached"):
        await provider.begin()


async def test_without_a_provider_there_is_no_such_way(town: Town, browser: Browser) -> None:
    assert "Continue with" not in browser.get("/login").text
    for path in ("/auth/oidc/login", "/auth/oidc/callback?code=x&state=y"):
        answer = browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_only_a_safe_issuer_can_be_set() -> None:
    for issuer in ("http://idp.example", "ftp://127.0.0.1", "idp.example"):
        with pytest.raises(ValueError, match="must begin with https://"):
            Settings(oidc_issuer=issuer, oidc_client_id="x")
    with pytest.raises(ValueError, match="must be set where"):
        Settings(oidc_issuer="https://idp.example")
    assert Settings(oidc_issuer="https://idp.example/", oidc_client_id="x").oidc_issuer.endswith("/")
    assert json.dumps(str(Settings(oidc_client_secret=SecretStr(SECRET)))).count(SECRET) == 0
