"""`people`: a first password for the operator, invitations, and who there is. Passwords are no arguments."""

import io
import json
from collections.abc import Callable

import pytest

from api.cli.frame import run
from tests.people.browser import Browser
from tests.people.conftest import PASSWORD, Town

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def catalograph(town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command line at the town's database; gives status, output and errors."""
    monkeypatch.setattr("api.cli.frame.configure_logs", lambda *_: None)
    monkeypatch.setenv("DATABASE_URL", town.settings.database_url)
    monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(town.settings.state_folder))
    monkeypatch.setenv("CATALOGRAPH_PUBLIC_URL", town.url)

    def call(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        status = run(words)
        out, err = capsys.readouterr()
        return status, out, err

    return call


async def test_a_first_password_is_set_and_logs_in(town: Town, browser: Browser, catalograph: Call) -> None:
    ada = await town.person()
    browser.log_in(ada.email, PASSWORD)
    for _ in range(6):
        browser.post("/auth/login", {"email": ada.email, "password": "wrong password"})
    words = ("people", "set-password", "--email", ada.email.upper())
    status, out, err = await in_thread(catalograph, *words, typed="a brand new one\n")
    assert (status, out) == (0, ""), err
    assert "/login" in err
    assert "a brand new one" not in err
    assert browser.get("/auth/session").status_code == 401
    browser.log_in(ada.email, "a brand new one")


async def test_a_bad_password_or_nobody_is_refused(town: Town, catalograph: Call) -> None:
    ada = await town.person()
    words = ("people", "set-password", "--email")
    status, _, err = await in_thread(catalograph, *words, ada.email, typed="short\n")
    assert (status, "has 5 characters; 8 to 100 will do" in err) == (1, True)
    status, _, err = await in_thread(catalograph, *words, "x@label.example", typed="long enough\n")
    assert (status, "nobody has the e-mail address" in err) == (1, True)
    status, _, err = await in_thread(catalograph, *words, ada.email, "--password", "given as argument")
    assert status == 2


async def test_an_invitation_of_the_shell_is_accepted(
    town: Town, browser: Browser, catalograph: Call
) -> None:
    words = ("people", "invite", "--email", "shell@label.example", "--org", str(town.ours))
    status, first, err = await in_thread(catalograph, *words)
    assert status == 0, err
    status, out, _ = await in_thread(catalograph, *words, "--role", "admin", "--json")
    given = json.loads(out)
    assert given["url"] == f"{town.url}/invitation?token={given['token']}"
    assert browser.get(first.strip().removeprefix(town.url)).status_code == 404, "the later one counts"
    form = {"displayName": "Shell", "password": PASSWORD, "passwordConfirmation": PASSWORD}
    answer = browser.post("/auth/invitations/accept", {"token": given["token"], **form})
    assert answer.json()["role"] == "admin"

    status, out, _ = await in_thread(catalograph, "people", "list", "--json")
    (found,) = [one for one in json.loads(out) if one["email"] == "shell@label.example"]
    assert (found["role"], found["password"], found["sessions"], found["state"]) == (
        "admin",
        "set",
        1,
        "active",
    )
    for wrong in (("--role", "emperor"), ("--org", "nowhere"), ("--email", "nonsense")):
        status, _, err = await in_thread(catalograph, *words, *wrong)
        assert status == 1, err


async def in_thread(call: Call, *words: str, typed: str = "") -> tuple[int, str, str]:
    """A verb runs an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(call, *words, typed=typed)
