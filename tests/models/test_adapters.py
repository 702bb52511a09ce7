"""The adapters over real HTTP: what is sent, what is understood, and what each fault is called."""

import io
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
import soundfile

from domain.adapters.models.chat import Chat
from domain.adapters.models.openai import OpenAI
from domain.adapters.models.qwen import Qwen
from domain.models.ask import read
from domain.models.ports import Failure, ModelFailed, Said
from domain.models.windows import Window, wav_of
from tests.models.conftest import SHORT, windows
from tests.models.server import KEY, LABELS, LONGEST_S, Clip, Models, brightness
from tests.outside.proxy import Fault, Switchboard, by_tcp

MODEL = "Qwen/Qwen2-Audio-7B-Instruct"


@asynccontextmanager
async def qwen(models: Models, **more: float) -> AsyncIterator[Qwen]:
    chat = Chat("Qwen2-Audio", models.url, KEY, **more)
    yield Qwen(chat, inside=True)
    await chat.close()


@asynccontextmanager
async def openai(models: Models, **more: float) -> AsyncIterator[OpenAI]:
    chat = Chat("OpenAI", models.url, KEY, **more)
    yield OpenAI(chat, inside=True)
    await chat.close()


async def failure(adapter: Qwen | OpenAI, window: Window = SHORT[0]) -> ModelFailed:
    with pytest.raises(ModelFailed) as caught:
        read(await adapter.ask(MODEL, window))
    assert KEY not in str(caught.value) + repr(caught.value.__dict__)
    return caught.value


async def test_qwen_is_sent_sound_that_can_be_decoded_and_tells_probabilities(
    both: tuple[Models, Models],
) -> None:
    vllm, _ = both
    vllm.logprob = -0.2
    async with qwen(vllm) as adapter:
        said = await adapter.ask(MODEL, windows(90)[1])
    (clip,), (body,) = vllm.clips, vllm.asked
    assert (clip.rate_hz, clip.channels, clip.subtype, clip.duration_s) == (16_000, 1, "PCM_16", 30.0)
    assert 290 < brightness(clip) < 310
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (body["logprobs"], body["temperature"], "tools" in body) == (True, 0, False)
    heard = read(said)
    assert heard.labels["genre"] == ("techno",)
    assert heard.probable["genre", "techno"] == pytest.approx(math.exp(-0.2))
    assert heard.probable["instruments", "synthesizer"] == pytest.approx(math.exp(-0.2))
    assert said.used.text_in > 700  # vLLM counts 750 tokens of audio among those of the prompt


async def test_the_server_cuts_longer_sound_so_it_is_never_sent(both: tuple[Models, Models]) -> None:
    vllm, _ = both
    long = Window(at_s=0, duration_s=40, wav=wav_of(np.zeros(40 * 16_000, np.float32)))
    async with qwen(vllm) as adapter:
        await adapter.ask(MODEL, long)
        for window in windows(400):
            await adapter.ask(MODEL, window)
    assert [clip.heard_s for clip in vllm.clips] == [LONGEST_S] * 4
    assert [clip.duration_s for clip in vllm.clips] == [40.0, *[LONGEST_S] * 3]


async def test_openai_is_forced_to_call_a_function(both: tuple[Models, Models]) -> None:
    _, server = both
    async with openai(server) as adapter:
        said = await adapter.ask("gpt-audio-mini", SHORT[0])
    (body,) = server.asked
    assert "response_format" not in body
    assert "logprobs" not in body
    assert body["tool_choice"]["function"]["name"] == body["tools"][0]["function"]["name"] == "label_music"
    assert (body["modalities"], body["messages"][1]["content"][0]["type"]) == (["text"], "input_audio")
    assert read(said).labels["vocals"] == ("instrumental",)
    assert read(said).probable == {}
    assert (said.used.audio_in, said.used.out > 10) == (60, True)


async def test_openai_refuses_what_qwen_is_sent(both: tuple[Models, Models]) -> None:
    _, server = both
    async with qwen(server) as adapter:
        failed = await failure(adapter)
    assert failed.failure is Failure.BAD_REQUEST
    assert "'response_format' of type 'json_schema' is not supported" in failed.text


async def test_other_sound_may_get_another_answer(both: tuple[Models, Models]) -> None:
    vllm, _ = both
    vllm.says = lambda clip: LABELS | {"genre": ["ambient" if brightness(clip) < 1000 else "metal"]}
    async with qwen(vllm) as adapter:
        answers = [read(await adapter.ask(MODEL, windows(6, hz)[0])) for hz in (200, 3000)]
    assert [answer.labels["genre"] for answer in answers] == [("ambient",), ("metal",)]


@pytest.mark.parametrize("fault", ["prose", "fences", "no_logprobs"])
async def test_what_stands_around_an_answer_is_passed_over(both: tuple[Models, Models], fault: str) -> None:
    vllm, _ = both
    vllm.then(fault)
    async with qwen(vllm) as adapter:
        heard = read(await adapter.ask(MODEL, SHORT[0]))
    assert heard.labels["mood"] == ("energetic",)
    assert bool(heard.probable) is (fault != "no_logprobs")


FAILURES = {
    "429": Failure.RATE_LIMITED,
    "500": Failure.SERVER_ERROR,
    "503": Failure.SERVER_ERROR,
    "400": Failure.BAD_REQUEST,
    "drop": Failure.AWAY,
    "cut": Failure.AWAY,
    "half_json": Failure.INVALID_JSON,
    "not_json": Failure.INVALID_JSON,
    "empty": Failure.INVALID_JSON,
    "length": Failure.CUT_SHORT,
    "refusal": Failure.REFUSED,
    "off_schema": Failure.OFF_SCHEMA,
    "echo_key": Failure.BAD_REQUEST,
}


@pytest.mark.parametrize(("fault", "called"), FAILURES.items())
async def test_each_fault_has_its_name(both: tuple[Models, Models], fault: str, called: Failure) -> None:
    vllm, server = both
    async with qwen(vllm) as first, openai(server) as second:
        for models, adapter in ((vllm, first), (server, second)):
            models.then(fault)
            assert (await failure(adapter)).failure is called


async def test_a_wrong_key_is_named_as_such_and_never_told(
    both: tuple[Models, Models], caplog: pytest.LogCaptureFixture
) -> None:
    vllm, server = both
    vllm.key = server.key = "another"
    with caplog.at_level(logging.DEBUG):
        async with qwen(vllm) as first, openai(server) as second:
            for adapter in (first, second):
                failed = await failure(adapter)
                assert failed.failure is Failure.UNAUTHORIZED
                assert "[key]" in failed.text
                assert KEY not in repr(adapter) + repr(adapter.chat)
    assert KEY not in caplog.text


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nX-More: 1", f"{KEY}’", f"{KEY} "])
def test_a_key_that_no_header_can_hold_is_refused_without_telling_it(key: str) -> None:
    with pytest.raises(ValueError, match="the key of OpenAI") as refused:
        Chat("OpenAI", "http://127.0.0.1:9/v1", key)
    assert KEY not in str(refused.value)


async def test_probabilities_beyond_all_numbers_are_none(both: tuple[Models, Models]) -> None:
    vllm, _ = both
    vllm.logprob = -(10**400)
    async with qwen(vllm) as adapter:
        heard = read(await adapter.ask(MODEL, SHORT[0]))
    assert (heard.labels["mood"], heard.probable) == (("energetic",), {})


async def test_an_answer_without_the_function_is_none(both: tuple[Models, Models]) -> None:
    _, server = both
    server.then("no_tools")
    async with openai(server) as adapter:
        assert (await failure(adapter)).failure is Failure.INVALID_JSON


async def test_silence_ends_with_a_timeout(both: tuple[Models, Models]) -> None:
    vllm, _ = both
    vllm.then("latency", value=3)
    async with qwen(vllm, timeout_s=0.3) as adapter:
        assert (await failure(adapter)).failure is Failure.TIMEOUT


async def test_who_asks_for_another_time_is_left_alone_until_then(both: tuple[Models, Models]) -> None:
    vllm, _ = both
    vllm.then("429", value=70)
    async with qwen(vllm) as adapter:
        failed = await failure(adapter)
        assert (failed.failure, failed.after_s) == (Failure.RATE_LIMITED, 70)
        again = await failure(adapter)
    assert (again.failure, len(vllm.asked)) == (Failure.RESTS, 1)
    assert 10 < (again.after_s or 0) <= 70


async def test_five_failures_open_the_breaker_and_one_call_tries_it_again(
    both: tuple[Models, Models],
) -> None:
    vllm, _ = both
    vllm.then(*["500"] * 5)
    async with qwen(vllm) as adapter:
        found = [(await failure(adapter)).failure for _ in range(7)]
        assert found == [Failure.SERVER_ERROR] * 5 + [Failure.RESTS] * 2
        assert (adapter.chat.state, len(vllm.asked)) == ("open", 5)
        adapter.chat._outside._not_before = 0.0  # half a minute later
        assert adapter.chat.state == "half-open"
        said = await adapter.ask(MODEL, SHORT[0])
        assert isinstance(said, Said)
        assert adapter.chat.state == "closed"


async def test_an_answer_that_says_no_is_an_answer(both: tuple[Models, Models]) -> None:
    vllm, _ = both
    vllm.then(*["400"] * 8)
    async with qwen(vllm) as adapter:
        for _ in range(8):
            await failure(adapter)
        assert adapter.chat.state == "closed"


@pytest.mark.parametrize(
    ("fault", "called"),
    [
        (Fault.REFUSE, {Failure.AWAY}),
        (Fault.HANG, {Failure.TIMEOUT}),
        (Fault.CUT, {Failure.AWAY}),
        (Fault.GARBAGE, {Failure.AWAY}),
        (Fault.SLOW, set()),
    ],
)
async def test_a_spoiled_line_is_no_answer_and_passes(
    both: tuple[Models, Models], fault: Fault, called: set[Failure]
) -> None:
    vllm, _ = both
    port = int(vllm.url.split(":")[2].split("/")[0])
    with Switchboard() as board:
        proxy = board.proxy(by_tcp(port), delay_s=0.002)
        chat = Chat(
            "Qwen2-Audio",
            f"http://127.0.0.1:{proxy.port}/v1",
            KEY,
            timeout_s=2 if fault is Fault.HANG else 30,
        )
        adapter = Qwen(chat, inside=True)
        with board.spoiled(proxy, fault):
            try:
                read(await adapter.ask(MODEL, SHORT[0]))
                found = set()
            except ModelFailed as failed:
                found = {failed.failure}
        assert found == called
        assert read(await adapter.ask(MODEL, SHORT[0])).labels["genre"] == ("techno",)
        await chat.close()


def test_the_server_really_decodes(both: tuple[Models, Models]) -> None:
    sound, _ = soundfile.read(io.BytesIO(SHORT[0].wav), dtype="float32", always_2d=True)
    clip = Clip(6, 6, 16_000, 1, "PCM_16", sound)
    assert 290 < brightness(clip) < 310
