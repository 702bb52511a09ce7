"""A model server as vLLM and OpenAI behave, on this machine, with every fault that a test asks for.

It checks the key, really decodes the audio, refuses what the real ones refuse, and counts tokens as they do.
What it hears is decided by the test, or else by how bright the sound is, so that other audio gets other
answers.
"""

import asyncio
import base64
import binascii
import io
import json
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import numpy as np
import soundfile
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-a-key-of-the-tests-that-nobody-may-see"
LONGEST_S = 30.0
VLLM, OPENAI = "vllm", "openai"
_PARTS = {VLLM: {"text", "input_audio", "audio_url"}, OPENAI: {"text", "input_audio"}}
_TOKEN = re.compile(r"\s+|[A-Za-z]{1,5}|[0-9]+|.", re.DOTALL)

Labels = dict[str, Any]
LABELS: Labels = {
    "genre": ["techno"],
    "mood": ["energetic"],
    "instruments": ["synthesizer", "drums"],
    "vocals": "instrumental",
    "description": "A driving machine groove.",
}


@dataclass(frozen=True)
class Clip:
    """What was decoded of a request. heard_s: what is left of it after the front end's cut."""

    duration_s: float
    heard_s: float
    rate_hz: int
    channels: int
    subtype: str
    samples: Any


@dataclass(frozen=True)
class Fault:
    """What one request is answered with instead. name: of `FAULTS`; value: seconds, where it takes any."""

    name: str
    value: float = 0.0


FAULTS = (
    *("latency", "429", "500", "503", "400", "drop", "cut", "half_json", "prose", "fences", "low_logprobs"),
    *("no_logprobs", "length", "refusal", "empty", "off_schema", "not_json", "no_tools", "echo_key"),
)


@dataclass
class Models:
    """A running server: where it is, what it was asked, and what it is to do next.

    says: labels of a clip; faults: for the next requests, one each; always: for every request.
    """

    profile: str
    url: str = ""
    key: str = KEY
    says: Callable[[Clip], Labels] = lambda _clip: LABELS
    logprob: float = -0.01
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0

    def then(self, *names: str, value: float = 0.0) -> None:
        """Let the next requests go wrong, one after the other."""
        self.faults += [Fault(name, value) for name in names]


class Refused(Exception):
    """An answer with an error in OpenAI's form."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@contextmanager
def model_server(profile: str, **more: Any) -> Iterator[Models]:
    """A server of a profile on a free port of this machine, for as long as the block lasts."""
    models = Models(profile, **more)

    async def chat(request: Request) -> Response:
        return await _chat(models, request)

    async def listed(request: Request) -> Response:
        try:
            _authorize(models, request)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        return JSONResponse({"object": "list", "data": [{"id": "test", "object": "model"}]})

    async def health(_request: Request) -> Response:
        return Response(status_code=200)

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/models", listed),
            Route("/health", health),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    give_up_at = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < give_up_at, "the model server did not start"
        time.sleep(0.01)
    models.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    try:
        yield models
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


async def _chat(models: Models, request: Request) -> Response:
    models.busy += 1
    models.busiest = max(models.busiest, models.busy)
    try:
        return await _answer(models, request)
    except Refused as refused:
        return JSONResponse(refused.body, refused.status)
    finally:
        models.busy -= 1


async def _answer(models: Models, request: Request) -> Response:
    _authorize(models, request)
    body = await request.json()
    models.asked.append(body)
    fault = models.faults.pop(0) if models.faults else models.always or Fault("")
    before = await _before(fault)
    if before is not None:
        return before
    if fault.name == "echo_key":
        raise Refused(400, f"Incorrect use of key {request.headers['authorization']}")
    _check(models, body)
    clip = _clip(models, body)
    models.clips.append(clip)
    answer = _completion(models, body, clip, fault)
    if fault.name == "cut":
        return StreamingResponse(_cut_off(json.dumps(answer).encode()), media_type="application/json")
    return JSONResponse(answer)


def _authorize(models: Models, request: Request) -> None:
    given = request.headers.get("authorization", "")
    if models.key and given != f"Bearer {models.key}":
        shown = given.removeprefix("Bearer ")
        raise Refused(401, f"Incorrect API key provided: {shown}.", "invalid_api_key")


async def _before(fault: Fault) -> Response | None:
    """What happens whatever was asked."""
    if fault.name == "latency":
        await asyncio.sleep(fault.value)
    elif fault.name == "429":
        headers = {"Retry-After": f"{fault.value:g}"} if fault.value else {}
        error = Refused(429, "Rate limit reached for requests", "rate_limit_exceeded").body
        return JSONResponse(error, 429, headers)
    elif fault.name in ("500", "503"):
        headers = {"Retry-After": f"{fault.value:g}"} if fault.value else {}
        return JSONResponse(
            Refused(int(fault.name), "The server had an error").body, int(fault.name), headers
        )
    elif fault.name == "400":
        raise Refused(400, "Invalid or unsupported audio file.")
    elif fault.name == "drop":
        return StreamingResponse(_cut_off(b""), headers={"Content-Length": "1000"})
    return None


async def _cut_off(data: bytes) -> Any:
    yield data[: len(data) // 2]
    raise ConnectionResetError("the test cuts the answer off")


def _check(models: Models, body: dict[str, Any]) -> None:
    """Refuse what the real ones refuse, in their words."""
    if not isinstance(body.get("model"), str) or not isinstance(body.get("messages"), list):
        raise Refused(400, "you must provide a model parameter and messages")
    format_ = body.get("response_format", {}).get("type")
    if models.profile == OPENAI and format_ == "json_schema":
        raise Refused(
            400,
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
            param="response_format",
        )
    if models.profile == OPENAI and "text" not in body.get("modalities", []):
        raise Refused(400, "This model requires that either input content or output modality contain audio.")
    for message in body["messages"]:
        parts = message["content"] if isinstance(message["content"], list) else []
        for part in parts:
            if part.get("type") not in _PARTS[models.profile]:
                raise Refused(
                    400, f"Invalid value: '{part.get('type')}'.", param="messages[1].content[0].type"
                )
            if models.profile == OPENAI and "uuid" in part:
                raise Refused(400, "Unknown parameter: 'messages[1].content[0].uuid'.")
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        names = {tool["function"]["name"] for tool in body.get("tools", [])}
        if choice["function"]["name"] not in names:
            raise Refused(400, "Tool choice names no tool.", param="tool_choice")
    for tool in body.get("tools", []):
        jsonschema_rs.meta.validate(tool["function"]["parameters"])


def _clip(models: Models, body: dict[str, Any]) -> Clip:
    """The one audio part of a request, decoded."""
    found = [
        part["input_audio"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "input_audio"
    ]
    if len(found) != 1:
        raise Refused(400, f"{len(found)} audio parts; this server takes one")
    if models.profile == OPENAI and found[0].get("format") not in ("wav", "mp3"):
        raise Refused(400, "Invalid value: 'format'. Supported values are: 'wav' and 'mp3'.")
    try:
        data = base64.b64decode(found[0]["data"], validate=True)
        file = soundfile.SoundFile(io.BytesIO(data))
        samples = file.read(dtype="float32", always_2d=True)
    except (binascii.Error, ValueError, KeyError, soundfile.SoundFileError):
        raise Refused(400, "Invalid or unsupported audio file.") from None
    duration_s = len(samples) / file.samplerate
    heard_s = min(duration_s, LONGEST_S) if models.profile == VLLM else duration_s
    heard = samples[: int(heard_s * file.samplerate)]
    return Clip(duration_s, heard_s, file.samplerate, file.channels, file.subtype, heard)


def brightness(clip: Clip) -> float:
    """Where the middle of the sound's power lies, in Hz."""
    mono = np.asarray(clip.samples).mean(axis=1)
    power = np.abs(np.fft.rfft(mono[: 1 << 16])) ** 2
    at = np.fft.rfftfreq(min(len(mono), 1 << 16), 1 / clip.rate_hz)
    return float((power * at).sum() / max(power.sum(), 1e-12))


def _audio_tokens(models: Models, clip: Clip) -> int:
    if models.profile == OPENAI:
        return math.ceil(clip.heard_s * 10)
    frames = int(clip.heard_s * 100)  # of the Whisper front end
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def _completion(models: Models, body: dict[str, Any], clip: Clip, fault: Fault) -> dict[str, Any]:
    labels = models.says(clip)
    if fault.name == "off_schema":
        labels = {**labels, "genre": ["a genre that nobody asked for"]}
    text = json.dumps(labels, ensure_ascii=False)
    if body.get("response_format", {}).get("type") == "json_schema" and fault.name != "off_schema":
        jsonschema_rs.validate(body["response_format"]["json_schema"]["schema"], labels)
    if fault.name in ("half_json", "length"):
        text = text[: len(text) // 2]
    elif fault.name == "prose":
        text = f"Here is what I hear:\n{text}\nI hope this helps!"
    elif fault.name == "fences":
        text = f"```json\n{text}\n```"
    elif fault.name == "not_json":
        text = "I am sorry, I can't label music."
    message: dict[str, Any] = {"role": "assistant", "content": text, "tool_calls": []}
    finish = "length" if fault.name == "length" else "stop"
    if body.get("tools") and fault.name != "no_tools":
        name = body["tool_choice"]["function"]["name"]
        call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}
        message |= {"content": None, "tool_calls": [call]}
    if fault.name == "refusal":
        message |= {"content": None, "tool_calls": [], "refusal": "I can't help with that."}
    if fault.name == "empty":
        message |= {"content": None, "tool_calls": []}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish, "stop_reason": None}
    if body.get("logprobs") and fault.name != "no_logprobs":
        low = -1.2 if fault.name == "low_logprobs" else models.logprob
        choice["logprobs"] = {"content": _logprobs(text, low)}
    audio, out = _audio_tokens(models, clip), len(_TOKEN.findall(text))
    prompt = audio + sum(
        len(part["text"]) // 4
        for message in body["messages"]
        for part in (message["content"] if isinstance(message["content"], list) else [])
        if part["type"] == "text"
    )
    usage = {"prompt_tokens": prompt, "completion_tokens": out, "total_tokens": prompt + out}
    if models.profile == OPENAI:
        usage["prompt_tokens_details"] = {"audio_tokens": audio, "cached_tokens": 0}  # type: ignore[assignment]
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }


def _logprobs(text: str, value: float) -> list[dict[str, Any]]:
    """Tokens of the answer: what is of the form is certain, what is a value has the given probability.

    A character beyond ASCII is two tokens, as byte-level vocabularies have it; the end is one without text.
    """
    made = []
    keys = [match.span() for match in re.finditer(r'"[^"]*"\s*:', text)]
    for match in _TOKEN.finditer(text):
        piece, place = match.group(), match.start()
        word = piece.isalpha() and not any(first <= place < last for first, last in keys)
        raw = piece.encode()
        parts = [raw[:1], raw[1:]] if len(raw) > len(piece) else [raw]
        for part in parts:
            spelt = ""
            with suppress(UnicodeDecodeError):
                spelt = part.decode()
            entry = {"token": spelt, "logprob": value if word else -0.0001, "bytes": list(part)}
            made.append({**entry, "top_logprobs": [entry]})
    end = {"token": "", "logprob": -9999.0, "bytes": []}
    return [*made, {**end, "top_logprobs": [end]}]
