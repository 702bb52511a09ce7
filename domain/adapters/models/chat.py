"""Chat completions over HTTP: one request, its limits, and what an answer or a fault means.

The key goes into one header and nowhere else: no error, log line or representation holds it.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx2

from domain.adapters.outside import FAULTS, Outside
from domain.models.likelihood import Token
from domain.models.ports import Failure, ModelFailed, Used
from domain.ports import OutsideAway, TryLater

LARGEST_ANSWER = 4 << 20
_LATER = {429: Failure.RATE_LIMITED}
_UNAUTHORIZED = frozenset({401, 403})
_HIDDEN = "[key]"


class _Broken(ConnectionError):
    """What came is no HTTP answer of a chat endpoint."""


class Chat:
    """One OpenAI-compatible endpoint. url: up to and with /v1; key: empty where none is asked for.

    Its breaker is its own: five failures in a row, and for rest_s nobody waits for it. Raises ValueError for
    a key that no header can hold: the library below would put it into an error, and that into the log.
    """

    def __init__(
        self, name: str, url: str, key: str = "", *, timeout_s: float = 60.0, rest_s: float = 30.0
    ) -> None:
        if not is_key(key):
            raise ValueError(f"the key of {name} has characters that no key has")
        self.name = name
        self._url = url.rstrip("/") + "/chat/completions"
        self._key = key
        self._timeout_s = timeout_s
        self._outside = Outside(name, timeout_s, rest_s=rest_s, faults=(*FAULTS, httpx2.HTTPError))
        self._http: httpx2.AsyncClient | None = None

    def __repr__(self) -> str:
        return f"Chat({self.name})"

    async def close(self) -> None:
        """Give the connections back."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    @property
    def state(self) -> str:
        """Of the breaker: closed, open or half-open."""
        return self._outside.state

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request, as JSON. Raises ModelFailed."""
        data = json.dumps(body).encode()
        seen: list[Failure] = []
        try:
            status, answer = await self._outside.call(lambda: self._post(data, seen))
        except OutsideAway as away:
            raise self._away(away, seen) from None
        if status == 200:
            return answer
        failure = Failure.UNAUTHORIZED if status in _UNAUTHORIZED else Failure.BAD_REQUEST
        raise ModelFailed(failure, f"{self.name} answered {status}: {self._said(answer)}")

    async def _post(self, data: bytes, seen: list[Failure]) -> tuple[int, dict[str, Any]]:
        """Send it. What asks for another time, or is a fault of theirs, is raised as one."""
        headers = {"content-type": "application/json", "user-agent": "Catalograph"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        async with self._client().stream("POST", self._url, headers=headers, content=data) as answer:
            status = int(answer.status_code)
            raw = await self._read(answer)
            if status == 429 or status >= 500 or status == 408:
                seen.append(_LATER.get(status, Failure.SERVER_ERROR))
                text = f"it answered {status}: {self._said(_json(raw))}"
                raise TryLater.by_header(text, answer.headers.get("retry-after"))
        found = _json(raw)
        if status == 200 and found is None:
            raise _Broken("what it answered is no JSON")
        return status, found or {}

    async def _read(self, answer: httpx2.Response) -> bytes:
        parts, size = [], 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > LARGEST_ANSWER:
                raise _Broken(f"it answered more than {LARGEST_ANSWER} bytes")
            parts.append(part)
        return b"".join(parts)

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:  # made once: loading the certificates takes a tenth of a second
            self._http = httpx2.AsyncClient(timeout=self._timeout_s, follow_redirects=False, trust_env=False)
        return self._http

    def _away(self, away: OutsideAway, seen: list[Failure]) -> ModelFailed:
        cause = away.__cause__
        if isinstance(cause, TryLater):
            return ModelFailed(seen[-1], self._plain(str(cause)), after_s=cause.after_s)
        if isinstance(cause, TimeoutError | httpx2.TimeoutException):
            return ModelFailed(Failure.TIMEOUT, f"{self.name} gave no answer within {self._timeout_s:g} s")
        if cause is None:
            return ModelFailed(
                Failure.RESTS, f"{self.name} is left alone for a while", after_s=away.retry_after_s
            )
        return ModelFailed(Failure.AWAY, f"{self.name} can't be reached: {type(cause).__name__}")

    def _said(self, answer: Any) -> str:
        error = answer.get("error") if isinstance(answer, dict) else None
        text = error.get("message") if isinstance(error, dict) else error
        return self._plain(str(text or "nothing that says why"))[:200]

    def _plain(self, text: str) -> str:
        return text.replace(self._key, _HIDDEN) if self._key else text


def is_key(text: str) -> bool:
    """Whether a header can hold it: printable ASCII without spaces. Empty: there is none."""
    return text.isascii() and text.isprintable() and " " not in text


def audio_part(wav: bytes) -> dict[str, Any]:
    """A part of a message that holds a WAV file."""
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"}}


def first_choice(answer: Mapping[str, Any]) -> tuple[dict[str, Any], str, Used]:
    """The first choice of an answer, why it ended, and the tokens used. Raises ModelFailed."""
    used = used_of(answer.get("usage"))
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise ModelFailed(Failure.INVALID_JSON, "the answer holds no message", used=used)
    finish = str(choice.get("finish_reason") or "")
    if finish == "length":
        raise ModelFailed(Failure.CUT_SHORT, "the answer was cut short by its token limit", used=used)
    if finish == "content_filter" or choice["message"].get("refusal"):
        raise ModelFailed(Failure.REFUSED, "the model refused to answer", used=used)
    return choice, finish, used


def used_of(usage: Any) -> Used:
    """The tokens of an answer; audio counts apart where the server tells it apart."""
    if not isinstance(usage, dict):
        return Used()
    details = usage.get("prompt_tokens_details")
    audio = _count(details.get("audio_tokens")) if isinstance(details, dict) else 0
    prompt = _count(usage.get("prompt_tokens"))
    return Used(text_in=max(0, prompt - audio), audio_in=audio, out=_count(usage.get("completion_tokens")))


def tokens_of(choice: Mapping[str, Any]) -> tuple[Token, ...]:
    """The tokens of a choice with their probabilities; none where one of them can't be read."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list):
        return ()
    found = []
    for one in content:
        if not isinstance(one, dict) or not isinstance(one.get("logprob"), int | float):
            return ()
        spelt = one.get("bytes")
        try:
            raw = bytes(spelt) if isinstance(spelt, list) else str(one.get("token") or "").encode()
            found.append(Token(raw, float(one["logprob"])))
        except (ValueError, TypeError, OverflowError):
            return ()
    return tuple(found)


def _count(given: Any) -> int:
    return max(0, min(given, 10_000_000)) if isinstance(given, int) and not isinstance(given, bool) else 0


def _json(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
