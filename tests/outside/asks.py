"""What is asked of the house while a dependency is spoiled, what the caller is told, and that it heals."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2

from tests.outside.town import Town, until
from tests.people.browser import Browser, message

MESSAGE = b'<?xml version="1.0"?><nothing xmlns="urn:example:nothing">%s</nothing>'


@dataclass(frozen=True)
class Asked:
    """One thing that is asked. during: gives what is told while something is spoiled.

    heals: whether it works again, asked until it does.
    """

    during: Callable[[], str]
    heals: Callable[[], bool]


Ask = Callable[[Town], Asked]


def told(answer: httpx2.Response) -> str:
    """An answer in a few words: its status, its code, and whether it says when to come again."""
    if answer.status_code < 400:
        return str(answer.status_code)
    document = answer.json()
    code = document.get("code") or document["errors"][0]["extensions"]["code"]
    return f"{answer.status_code} {code}{', Retry-After' if 'retry-after' in answer.headers else ''}"


def reads(town: Town) -> Asked:
    """A page of works by REST."""
    return Asked(lambda: told(page(town)), lambda: page(town).status_code == 200)


def page(town: Town) -> httpx2.Response:
    """The newest works."""
    with town.caller() as caller:
        return caller.get("/v1/works", params={"first": 100, "fields": "title"})


def queries(town: Town) -> Asked:
    """A page of works by GraphQL."""

    def ask() -> str:
        with town.caller() as caller:
            return told(caller.post("/graphql", json={"query": "{ works(first: 1) { nodes { id } } }"}))

    return Asked(ask, lambda: ask() == "200")


def commands(town: Town) -> Asked:
    """A work is created; afterwards the same call again, which must not make a second one."""
    title, headers = f"Work {uuid.uuid4()}", {"Idempotency-Key": str(uuid.uuid4())}

    def create() -> str:
        with town.caller() as caller:
            return told(caller.post("/v1/works", json={"title": title}, headers=headers))

    def is_there_once() -> bool:
        if create() != "201":
            return False
        titles = [work["title"] for work in page(town).json()["items"]]
        assert titles.count(title) == 1, titles
        return True

    return Asked(create, is_there_once)


def deliveries(town: Town) -> Asked:
    """A file is received, whose job the worker runs; afterwards the same file again, which is known."""
    content = MESSAGE % str(uuid.uuid4()).encode()

    def deliver() -> httpx2.Response:
        with town.caller() as caller:
            headers = {"Content-Type": "application/xml"}
            return caller.post("/v1/deliveries", content=content, headers=headers)

    def is_taken() -> bool:
        answer = deliver()
        if answer.status_code == 202:
            town.jobs.append(answer.json()["jobId"])
        return answer.status_code == 202

    return Asked(lambda: told(deliver()), is_taken)


def readiness(town: Town) -> Asked:
    """Which parts /readyz calls down, asked again when the answer that is kept for a second is over."""

    def ask() -> str:
        with httpx2.Client(base_url=town.house.url, timeout=30) as nobody:
            answer = nobody.get("/readyz")
        parts = answer.json()["parts"]
        down = ", ".join(name for name, one in parts.items() if one["state"] == "down")
        return f"{answer.status_code} {down}".strip()

    def settled() -> str:
        ask()
        town.wait(1.1)
        return ask()

    return Asked(settled, lambda: ask() == "200")


def strangers(town: Town) -> Asked:
    """A caller without a token, who is counted by address."""

    def ask() -> str:
        with httpx2.Client(base_url=town.house.url, timeout=30) as nobody:
            return told(nobody.get("/v1/works"))

    return Asked(ask, lambda: ask() == "401 AUTH_REQUIRED")


def ways_there(town: Town) -> Asked:
    """A log-in through the provider begins, when what it says of itself is not known."""

    def begin() -> str:
        town.forget_provider()
        with Browser(town.house.url) as browser:
            return led(town, browser, browser.get("/auth/oidc/login"))

    return Asked(begin, lambda: begin() == "led to the provider")


def ways_back(town: Town) -> Asked:
    """Somebody without an account here comes back; their code and the provider's keys are asked for."""
    first, later = Browser(town.house.url), Browser(town.house.url)

    def way_back(browser: Browser) -> str:
        url = browser.get("/auth/oidc/login").headers["location"]
        with httpx2.Client(timeout=30) as there:
            while not url.startswith(town.house.url):
                url = str(httpx2.URL(url).join(there.get(url).headers["location"]))
        return str(url).removeprefix(town.house.url)

    def heals() -> bool:
        if led(town, later, later.get("/auth/oidc/login")) != "led to the provider":
            return False
        return led(town, later, later.get(way_back(later))) == "belongs to nobody here"

    town.forget_provider()
    back = way_back(first)
    return Asked(lambda: led(town, first, first.get(back)), heals)


def led(town: Town, browser: Browser, answer: httpx2.Response) -> str:
    """Where a browser is led, and what the page there says."""
    assert answer.status_code == 303
    if answer.headers["location"].startswith(town.issuer):
        return "led to the provider"
    said = message(browser, answer)
    (known,) = [text for text in ("can't be asked at the moment", "belongs to nobody here") if text in said]
    return known


# By the words that docs/outside.md has for them.
ASKS: Mapping[str, Ask] = {
    "a read by REST": reads,
    "a read by GraphQL": queries,
    "a command": commands,
    "a delivery and its job": deliveries,
    "`/readyz`": readiness,
    "a caller without a token": strangers,
    "the way to the provider": ways_there,
    "the way back from it": ways_back,
}


def works_again(asked: Mapping[str, Asked]) -> None:
    """Wait until everything that was asked works."""
    for what, one in asked.items():
        until(one.heals, f"{what} does not work again")


def told_in(cell: str) -> list[str]:
    """What a cell of the document allows: one thing, or one of several."""
    return cell.split(" or ")
