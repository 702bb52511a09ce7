"""How `ingest` and `validate` find files, send them to the server and wait for their jobs."""

import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.cli.client import answered
from api.cli.output import Fault, Refused, progress

if TYPE_CHECKING:
    import httpx2

ENDED = {"applied", "refused", "superseded", "failed", "checked"}
_CREATED = re.compile(rb"<MessageCreatedDateTime>\s*([0-9T:.+\-Z]+)\s*<")
_PEEK_BYTES = 64 * 1024
_POLL_S = 0.25
_MOST_AT_ONCE = 100
_RENEW_S = 600.0
_MOST_FINDINGS = 1_000

_STATES = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Delivery {
  id state format summary jobs { id state progressDone progressTotal progressText errorText } } } }"""
_FINDINGS = """query($id: ID!, $after: String) { delivery(id: $id) { findings(first: 100, after: $after) {
  nodes { code rule severity line path text fix } pageInfo { hasNextPage endCursor } } } }"""


@dataclass
class Sent:
    """One file on its way: what the server made of it."""

    file: str
    delivery_id: str | None = None
    job_id: str | None = None
    known: bool = False
    state: str = "waiting"
    format: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    job_error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ENDED

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """What this time of sending did, by kind; a delivery that was known and settled did nothing."""
        if self.known and self.job_id is None:
            return {}
        return self.summary.get("counts") or {}

    def as_json(self) -> dict[str, Any]:
        """The file's part of the report."""
        return {
            "file": self.file,
            "deliveryId": self.delivery_id,
            "jobId": self.job_id,
            "known": self.known,
            "state": self.state,
            "format": self.format,
            "summary": self.summary,
            "findings": self.findings,
            "error": self.job_error,
        }


def files_of(given: Sequence[str]) -> list[tuple[str, Path | None]]:
    """Every message under the given files and folders, by the time it was made; '-' is standard input.

    A sender's messages about one release overtake each other, so the oldest goes first.
    """
    found: dict[str, Path | None] = {}
    for text in given:
        if text == "-":
            found["-"] = None
            continue
        if not text:  # a variable that was empty; Path makes it the folder one stands in
            raise Refused("an empty name names nothing; a file, a folder, or - for standard input will do")
        path = Path(text)
        if path.is_dir():
            inside = {str(file): file for file in sorted(path.rglob("*")) if _is_message(file, path)}
            if not inside:
                raise Refused(f"{text} holds no .xml file")
            found |= inside
        elif path.is_file():
            found[text] = path
        else:
            raise Refused(f"{text} is not there; a file, a folder, or - for standard input will do")
    return sorted(found.items(), key=lambda item: _made(item[1]))


def read(path: Path | None) -> bytes:
    """The bytes of a file, or of standard input."""
    try:
        return sys.stdin.buffer.read() if path is None else path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}") from error


def send_all(files: Sequence[tuple[str, Path | None]], route: str, verb: str) -> list[Sent]:
    """Send every file and wait for its job, under a progress bar on standard error."""
    server = Server()
    sent: list[Sent] = []
    with progress() as bar:
        sending = bar.add_task("sent", total=len(files))
        done = bar.add_task(verb, total=len(files))
        looked = time.monotonic()
        try:
            for name, path in files:
                sent.append(server.send(name, read(path), route))
                bar.update(sending, advance=1)
                if time.monotonic() - looked > 1:
                    server.look(sent)
                    looked = time.monotonic()
                    bar.update(done, completed=_ended(sent))
            while not all(one.ended for one in sent):
                server.look(sent)
                running = next((one for one in sent if not one.ended and one.state != "received"), None)
                bar.update(
                    done,
                    completed=_ended(sent),
                    description=f"{verb} {Path(running.file).name}" if running else verb,
                )
                if not all(one.ended for one in sent):
                    time.sleep(_POLL_S)
            bar.update(done, completed=len(files), description=verb)
        except KeyboardInterrupt:
            left = sum(not one.ended for one in sent)
            raise Refused(
                f"Stopped waiting. The server goes on with {left} of {len(sent)} deliveries that it has; "
                f"{len(files) - len(sent)} files were not sent. Look: python3 -m api jobs list"
            ) from None
    for one in sent:
        server.add_findings(one)
    server.close()
    return sent


class Server:
    """The running server, asked again and again; the token is renewed before it ends."""

    def __init__(self) -> None:
        self._client: httpx2.Client | None = None
        self._made = 0.0

    def close(self) -> None:
        """Let the connections go."""
        if self._client is not None:
            self._client.close()

    def send(self, name: str, content: bytes, route: str) -> Sent:
        """Post one file; a refusal at the door is an ending like another."""
        params = {} if name == "-" else {"fileName": Path(name).name}
        answer = self.ask(
            "POST", route, params=params, content=content, headers={"Content-Type": "application/xml"}
        )
        body = answer.json()
        if answer.status_code >= 400:
            if answer.status_code in (401, 403) or answer.status_code >= 500:
                raise Fault(f"The server answered {answer.status_code}: {body.get('detail') or body}")
            text = str(body.get("detail") or body.get("title") or answer.status_code)
            finding = {
                "code": body.get("code"),
                "severity": "fatal",
                "text": text,
                "line": None,
                "path": None,
            }
            return Sent(name, state="refused", findings=[finding])
        sent = Sent(name, body["id"], body.get("jobId"), bool(body.get("known")), body["state"])
        sent.format, sent.summary = body.get("format"), body.get("summary") or {}
        return sent

    def look(self, sent: Iterable[Sent]) -> None:
        """See how far the deliveries are."""
        waiting = {one.delivery_id: one for one in sent if not one.ended}
        for ids in _chunks(list(waiting), _MOST_AT_ONCE):
            for node in self.query(_STATES, ids=ids)["nodes"]:
                if node is None:
                    continue
                one = waiting[node["id"]]
                one.state, one.format, one.summary = node["state"], node["format"], node["summary"] or {}
                one.job_error = next((j["errorText"] for j in node["jobs"] if j["errorText"]), None)

    def add_findings(self, one: Sent) -> None:
        """Read what was found in a delivery."""
        after: str | None = None
        while one.delivery_id is not None and len(one.findings) < _MOST_FINDINGS:
            page = self.query(_FINDINGS, id=one.delivery_id, after=after)["delivery"]["findings"]
            one.findings += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break

    def query(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL query."""
        body = answered(self.ask("POST", "/graphql", json={"query": document, "variables": variables}))
        data: dict[str, Any] = body["data"]
        return data

    def ask(self, method: str, path: str, **rest: Any) -> "httpx2.Response":
        """One request. Raises Fault when nobody answers."""
        import httpx2

        if self._client is None or time.monotonic() - self._made > _RENEW_S:
            from api.cli.client import client

            self.close()
            self._client, self._made = client(timeout_s=300), time.monotonic()
        try:
            return self._client.request(method, path, **rest)
        except httpx2.TransportError as error:
            raise Fault(f"The server does not answer: {error}. Start it with: python3 -m api") from error


def _is_message(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix.lower() == ".xml" and not hidden and file.is_file()


def _made(path: Path | None) -> tuple[str, str]:
    if path is None:
        return "", ""
    try:
        with path.open("rb") as file:
            found = _CREATED.search(file.read(_PEEK_BYTES))
    except OSError:
        return "", str(path)
    return (found[1].decode() if found else ""), str(path)


def _ended(sent: Iterable[Sent]) -> int:
    return sum(one.ended for one in sent)


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
