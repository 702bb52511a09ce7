"""`upload`: sends files to the running server, several at once, and tells what became of each."""

import hashlib
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import REFUSED, AsJson, Fault, Refused, print_json, print_rows, say
from api.cli.sending import Server

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PART = 1 << 20
_TRIES = 3
_MOST_WAITS = 60
_POLL_S = 0.3
_LONGEST_POLL_S = 3.0
_MOST_AT_ONCE = 100
# Between two parts of a file nothing may take longer; storing all of it may, when the last has come.
_PATIENCE_S = 600
# What went well, and what did not: a file that is sent and awaited is neither.
_GOOD = ("ready", "known", "sent")
_LOOK = """query($ids: [ID!]!) { nodes(ids: $ids) {
  ... on File { id state kind mediaType reason reasonText duplicateOf { id } cover { id } }
  ... on Job { id state errorText } } }"""
_COLUMNS = ("file", "state", "type", "bytes", "id", "what was found")

Paths = Annotated[list[str], typer.Argument(metavar="FILE|FOLDER", help="Files, or folders of them.")]
Subject = Annotated[
    str | None,
    typer.Option("--subject", metavar="ID", help="A recording, video, image, release or delivery."),
]


@dataclass
class Sent:
    """One file on its way. state: waiting, sent, known, ready, quarantined, refused or failed."""

    path: Path
    size_bytes: int
    state: str = "waiting"
    id: str | None = None
    job_id: str | None = None
    sha256: str | None = None
    media_type: str | None = None
    cover_id: str | None = None
    text: str | None = None
    fault: bool = False

    def as_json(self) -> dict[str, Any]:
        """The file's part of the report."""
        return {
            "file": str(self.path),
            "state": self.state,
            "id": self.id,
            "jobId": self.job_id,
            "sha256": self.sha256,
            "sizeBytes": self.size_bytes,
            "mediaType": self.media_type,
            "coverId": self.cover_id,
            "text": self.text,
        }


def register(app: typer.Typer) -> None:
    """Hang `upload` off the command line."""
    app.command()(upload)


def upload(
    paths: Paths,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until each is looked at.")] = False,
    subject: Subject = None,
    temporary: Annotated[bool, typer.Option("--temporary", help="Keep them for a day.")] = False,
    parallel: Annotated[int, typer.Option(help="How many are sent at once.", min=1, max=16)] = 3,
    as_json: AsJson = False,
) -> None:
    """Send files; what the server has already is not sent again, so a broken run is simply repeated.

    Exit status 1 when a file was refused, put into quarantine or not found; 3 when the server failed.
    """
    files = [Sent(path, path.stat().st_size) for path in _found(paths)]
    sending = _Sending(files, subject, temporary, wait)
    try:
        sending.run(parallel)
    except KeyboardInterrupt:
        there = sum(one.id is not None and one.state != "waiting" for one in files)
        raise Refused(
            f"Stopped: {there} of {len(files)} files are there. Say the same again; they are not sent twice."
        ) from None
    if as_json:
        print_json([one.as_json() for one in files])
    else:
        print_rows(
            _COLUMNS,
            [
                (one.path, one.state, one.media_type, one.size_bytes, one.id or "", one.text or "")
                for one in files
            ],
        )
    if faults := [one for one in files if one.fault]:
        raise Fault(f"{len(faults)} of {len(files)} files could not be sent; say the same again.")
    if any(one.state not in _GOOD for one in files):
        raise typer.Exit(REFUSED)


@dataclass
class _Sending:
    """Some files under way to the server."""

    files: list[Sent]
    subject: str | None
    temporary: bool
    wait: bool
    _own: threading.local = field(default_factory=threading.local)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, parallel: int) -> None:
        """Send all of them, and see what they are found to be where that is waited for."""
        with _telling() as told, ThreadPoolExecutor(parallel) as pool:
            futures: list[Future[None]] = []
            try:
                futures.extend(pool.submit(self._send, one, told) for one in self.files)
                self._look_on(futures, told)
            except BaseException:
                self._stopping.set()
                for future in futures:
                    future.cancel()
                raise
        for future in futures:
            future.result()

    def _look_on(self, futures: Sequence["Future[None]"], told: "_Telling") -> None:
        pause, sending = _POLL_S, set(futures)
        while sending or (self.wait and self._awaited()):
            if sending:
                _, sending = wait(sending, timeout=pause)
            else:
                time.sleep(pause)
            if self.wait and self._awaited():
                self._look(told)
                pause = min(pause * 1.5, _LONGEST_POLL_S)

    def _awaited(self) -> list[Sent]:
        return [one for one in self.files if one.state == "sent"]

    def _look(self, told: "_Telling") -> None:
        """See what became of what was sent."""
        awaited = self._awaited()
        for start in range(0, len(awaited), _MOST_AT_ONCE // 2):
            some = awaited[start : start + _MOST_AT_ONCE // 2]
            ids = [id for one in some for id in (one.id, one.job_id) if id]
            answer = self._asked("/graphql", {"query": _LOOK, "variables": {"ids": ids}})
            if answer.get("errors"):
                raise Fault(f"the server answered {answer['errors'][0]['message']}")
            nodes = {node["id"]: node for node in answer["data"]["nodes"] if node}
            for one in some:
                file, job = nodes.get(one.id or ""), nodes.get(one.job_id or "")
                if file is None or (file["state"] in ("uploading", "checking") and _alive(job)):
                    continue
                _settle(one, file, job)
                told.ended(one)

    def _send(self, one: Sent, told: "_Telling") -> None:
        told.begins(one)
        try:
            self._take(one, told)
        except Refused as refused:
            one.state, one.text = "refused", str(refused)
        except (Fault, OSError) as fault:
            one.state, one.text, one.fault = "failed", str(fault), not isinstance(fault, OSError)
        told.sent(one)

    def _take(self, one: Sent, told: "_Telling") -> None:
        one.sha256 = self._digest(one)
        given = {
            "fileName": one.path.name,
            "sizeBytes": one.size_bytes,
            "sha256": one.sha256,
            "subjectId": self.subject,
            "temporary": self.temporary,
        }
        place = self._asked("/v1/uploads", given)
        one.id = place["id"]
        if place["duplicateOfId"] is not None:
            one.state, one.media_type, one.text = "known", place["mediaType"], "the server has it already"
            if place["jobId"] is not None:
                one.state, one.job_id = "sent", place["jobId"]
                one.text = "the server has it already and looks at it"
            elif place["state"] == "quarantined":
                one.state, one.text = "quarantined", place["reasonText"]
            if self.subject is not None:
                self._asked(f"/v1/files/{one.id}/attach", {"subjectId": self.subject})
            return
        self._put(one, place["uploadUrl"], told)
        taken = self._asked(f"/v1/uploads/{one.id}/complete", {})
        one.state, one.job_id = "sent", taken["jobId"]

    def _digest(self, one: Sent) -> str:
        digest = hashlib.sha256()
        with one.path.open("rb") as file:
            while part := file.read(_PART):
                digest.update(part)
                if self._stopping.is_set():
                    raise Refused("stopped")
        return digest.hexdigest()

    def _put(self, one: Sent, url: str, told: "_Telling") -> None:
        """Send the bytes to a signed link, from the beginning again where the line breaks."""
        import httpx2

        from api.settings import load_settings

        for attempt in range(1, _TRIES + 1):
            try:
                # The link is a credential of its own: no token goes along, wherever it leads.
                answer = httpx2.put(
                    url,
                    content=self._parts(one, told),
                    headers={"Content-Length": str(one.size_bytes)},
                    timeout=_PATIENCE_S,
                    trust_env=bool(load_settings().url),
                )
            except httpx2.TransportError as error:
                if attempt == _TRIES:
                    raise Fault(f"the store does not take it: {error}") from error
                time.sleep(attempt)
                continue
            if answer.status_code < 300:
                return
            if answer.status_code < 500 or attempt == _TRIES:
                raise Fault(f"the store answered {answer.status_code}")

    def _parts(self, one: Sent, told: "_Telling") -> Iterator[bytes]:
        sent = 0
        with one.path.open("rb") as file:
            while part := file.read(_PART):
                if self._stopping.is_set():
                    raise Refused("stopped")
                yield part
                sent += len(part)
                told.moved(one, sent)

    def _asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request; where the budget is spent for the moment, it is asked again in time."""
        for _ in range(_MOST_WAITS):
            answer = self._server.ask("POST", path, json=body)
            if answer.status_code not in (429, 503):
                break
            if self._stopping.wait(float(answer.headers.get("retry-after", "1"))):
                raise Refused("stopped")
        told: dict[str, Any] = answer.json()
        if answer.status_code in (401, 403) or answer.status_code >= 500:
            raise Fault(f"the server answered {answer.status_code}: {told.get('detail') or told}")
        if answer.status_code >= 400:
            raise Refused(f"{told.get('code')}: {told.get('detail')}")
        return told

    @property
    def _server(self) -> Server:
        """A connection for each thread; a server's client is renewed by whoever uses it."""
        if not hasattr(self._own, "server"):
            self._own.server = Server()
        found: Server = self._own.server
        return found


class _Telling:
    """Bars on a terminal, and a line for each file elsewhere."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> "_Telling":
        if sys.stderr.isatty():
            self._bars = _bars()
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def begins(self, one: Sent) -> None:
        """A file is read."""
        if self._bars is not None:
            self._tasks[id(one)] = self._bars.add_task(f"reads {one.path.name}", total=one.size_bytes)

    def moved(self, one: Sent, done: int) -> None:
        """So many bytes of a file are sent."""
        if self._bars is not None:
            self._bars.update(self._tasks[id(one)], description=f"sends {one.path.name}", completed=done)

    def sent(self, one: Sent) -> None:
        """A file is there, or is not going to be."""
        self._say(one, one.state)

    def ended(self, one: Sent) -> None:
        """It is known what a file is."""
        self._say(one, one.state)

    def _say(self, one: Sent, what: str) -> None:
        if self._bars is not None:
            task = self._tasks[id(one)]
            done = None if one.state in ("refused", "failed") else one.size_bytes
            self._bars.update(task, description=f"{what} {one.path.name}", completed=done)
        else:
            say(f"{what} {one.path}" + (f": {one.text}" if one.text else ""))


def _bars() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
    )


def _telling() -> _Telling:
    return _Telling()


def _alive(job: dict[str, Any] | None) -> bool:
    return job is None or job["state"] in ("queued", "running", "done")


def _settle(one: Sent, file: dict[str, Any], job: dict[str, Any] | None) -> None:
    """What the server found, in the words of the report."""
    one.media_type = file["mediaType"]
    one.cover_id = (file["cover"] or {}).get("id")
    one.text = file["reasonText"]
    if file["state"] in ("ready", "quarantined"):
        one.state = file["state"]
    elif file["duplicateOf"] is not None:
        one.state, one.id = "known", file["duplicateOf"]["id"]
    else:
        one.state = "refused"
        one.text = one.text or (job or {}).get("errorText") or "the file was deleted meanwhile"


def _found(given: Sequence[str]) -> list[Path]:
    """The files that were named, and those under the folders that were; hidden ones only by name."""
    found: dict[Path, None] = {}
    for text in given:
        if not text:  # a variable that was empty; Path makes it the folder one stands in
            raise Refused("an empty name names nothing; a file or a folder will do")
        path = Path(text)
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.is_file() and not _hidden(file, path)]
            if not inside:
                raise Refused(f"{text} holds no file")
            found |= dict.fromkeys(inside)
        elif path.is_file():
            found[path] = None
        else:
            raise Refused(f"{text} is not there; a file or a folder will do")
    return list(found)


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
