"""A browser as far as cookies and forms go: it keeps every cookie, Secure ones too, and follows nothing."""

import html
import re
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Any, Self

import httpx2

from api.people.sessions import COOKIE


class Browser:
    """One person's browser at one server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}
        self._client = httpx2.Client(base_url=url, timeout=30, trust_env=False, verify=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    @property
    def session(self) -> str | None:
        """The session's token, if there is one."""
        return self.cookies.get(COOKIE)

    def send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """One request with the cookies, as a page of this server would send it."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method != "GET":
            headers |= {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        answer = self._client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def get(self, path: str, **more: Any) -> httpx2.Response:
        """GET."""
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        """POST of JSON."""
        return self.send("POST", path, json={} if body is None else body, **more)

    def submit(self, page: str, action: str, **fields: str) -> httpx2.Response:
        """Open a page, fill in the form with that action, and send it."""
        shown = self.get(page)
        assert shown.status_code == 200, shown.text
        found = form_in(shown.text, action)
        return self.send("POST", action, data={**found, **fields})

    def log_in(self, email: str, password: str, **more: str) -> dict[str, Any]:
        """Log in with JSON; gives what is told of the session."""
        answer = self.post("/auth/login", {"email": email, "password": password, **more})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


def form_in(page: str, action: str) -> dict[str, str]:
    """The fields of a form as a browser would send them untouched."""
    found = re.search(rf'<form[^>]*action="{re.escape(html.escape(action))}"[^>]*>(.*?)</form>', page, re.S)
    assert found, f"no form leads to {action}: {page}"
    fields = {}
    for given in re.findall(r"<input ([^>]*)>", found[1]):
        attributes = {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', given)}
        fields[attributes["name"]] = attributes.get("value", "")
    return fields


def message(browser: Browser, answer: httpx2.Response) -> str:
    """What the page says that a form's answer leads to."""
    assert answer.status_code == 303, answer.text
    shown = browser.get(answer.headers["location"])
    while shown.status_code == 303:
        shown = browser.get(shown.headers["location"])
    found = re.search(r'role="alert">(.*?)</p>', shown.text)
    return html.unescape(found[1]) if found else ""
