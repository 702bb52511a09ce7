"""What is asked of the house while a dependency is spoiled, and what the caller is told: one table's cells."""

import uuid
from collections.abc import Callable, Mapping

import httpx2

from tests.outside.proxy import Fault
from tests.outside.town import Town, until

MESSAGE = b'<?xml version="1.0"?><nothing xmlns="urn:example:nothing">%s</nothing>'
# During the fault, and after it.
Ask = Callable[[Town, str, Fault], str]


def told(answer: httpx2.Response) -> str:
    """An answer in a few words: status, code, and whether it says when to come again."""
    if answer.status_code < 400:
        return str(answer.status_code)
    document = answer.json()
    code = document.get("code") or document["errors"][0]["extensions"]["code"]
    later = ", Retry-After" if "retry-after" in answer.headers else ""
    return f"{answer.status_code} {code}{later}"


def read(town: Town, dependency: str, fault: Fault) -> str:
    """A page of works by REST, then the same by GraphQL: both are told the same."""
    with town.caller() as caller:
        assert caller.get("/v1/works").status_code == 200
        with town.spoiled(dependency, fault):
            found = told(caller.get("/v1/works"))
            again = told(caller.post("/graphql", json={"query": "{ works(first: 1) { nodes { id } } }"}))
        until(lambda: caller.get("/v1/works").status_code == 200, "reads do not work again")
    return found if found == again else f"{found}; {again}"


def write(town: Town, dependency: str, fault: Fault) -> str:
    """A work is created; afterwards the same call again, which must not make a second one."""
    title, headers = f"Work {uuid.uuid4()}", {"Idempotency-Key": str(uuid.uuid4())}
    with town.caller() as caller:

        def create() -> httpx2.Response:
            return caller.post("/v1/works", json={"title": title}, headers=headers)

        with town.spoiled(dependency, fault):
            found = told(create())
        until(lambda: create().status_code in (200, 201), "writes do not work again")
        page = caller.get("/v1/works", params={"first": 100, "fields": "title"}).json()
        titles = [node["title"] for node in page["data"]]
        assert titles.count(title) == 1, titles
    return found


def ready(town: Town, dependency: str, fault: Fault) -> str:
    """Which parts /readyz calls down."""
    with town.caller() as caller:

        def down() -> str:
            answer = caller.get("/readyz")
            parts = answer.json()["parts"]
            return ", ".join([str(answer.status_code), *(n for n, one in parts.items() if one["state"] == "down")])

        until(lambda: down() == "200", "it is not ready before")
        with town.spoiled(dependency, fault):
            first = down()
            if fault is not Fault.SLOW:
                until(lambda: down() != "200", "it does not notice")
            found = down()
        until(lambda: down() == "200", "it is not ready again")
    return found


def job(town: Town, dependency: str, fault: Fault) -> str:
    """A delivery is received and its job run; afterwards it is done, once."""
    with town.caller() as caller:

        def deliver() -> httpx2.Response:
            content = MESSAGE % str(key).encode()
            return caller.post("/v1/deliveries/validate", content=content, headers={"Content-Type": "application/xml"})

        key = uuid.uuid4()
        with town.spoiled(dependency, fault):
            answer = deliver()
            found = told(answer)
        until(lambda: deliver().status_code == 202, "deliveries are not taken again")
        made = deliver().json()
        made_at = f"/v1/jobs/{made['jobId']}"
        until(lambda: caller.get(f"/v1/jobs/{made['jobId']}").json()["state"] == "done", f"the job is not done: {caller.get(made_at).json()}")
        state = caller.get(f"/v1/jobs/{made['jobId']}").json()
        assert state["state"] == "done", state
    return found


def log_in(town: Town, dependency: str, fault: Fault) -> str:
    """A log-in through the provider begins."""
    with httpx2.Client(base_url=town.house.url, timeout=30) as browser:
        with town.spoiled(dependency, fault):
            answer = browser.get("/auth/oidc/login")
            found = f"{answer.status_code} to {'the provider' if 'client_id' in answer.headers['location'] else answer.headers['location']}"
        until(
            lambda: "client_id" in browser.get("/auth/oidc/login").headers["location"],
            "nobody is led there again",
        )
    return found


ASKS: Mapping[tuple[str, str], Ask] = {
    **{(name, "read"): read for name in ("PostgreSQL", "Valkey", "S3", "OpenID provider")},
    **{(name, "write"): write for name in ("PostgreSQL", "Valkey", "S3")},
    **{(name, "readyz"): ready for name in ("PostgreSQL", "Valkey", "S3", "OpenID provider")},
    **{(name, "job"): job for name in ("PostgreSQL", "Valkey", "S3")},
    ("OpenID provider", "log in"): log_in,
}
