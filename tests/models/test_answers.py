"""From an answer's characters to labels: windows, probabilities, votes, agreement and the split."""

import io
import json
import math
import uuid

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audio.analysis import Label, Labels
from domain.models.agreement import compare, overall, with_embedded
from domain.models.ask import read
from domain.models.likelihood import Token, probabilities
from domain.models.ports import Failure, ModelFailed, Said
from domain.models.question import (
    GENRES,
    WORDS,
    Heard,
    NotJson,
    OffSchema,
    find_object,
    known_word,
    read_labels,
)
from domain.models.split import asks_challenger
from domain.models.vote import SURE, vote
from domain.models.windows import RATE_HZ, cut, wav_of
from tests.models.server import LABELS

GOOD = json.dumps(LABELS)


def tone(seconds: float, hz: float = 440.0) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize(
    ("seconds", "starts", "length"),
    [
        (0.2, [0], 0.2),
        (19, [0], 19),
        (24, [0, 12], 12),
        (30, [0, 10, 19], 10),
        (90, [0, 30, 57], 30),
        (200, [15, 85, 145], 30),
    ],
)
def test_windows_lie_at_three_places_and_are_at_most_half_a_minute(
    seconds: float, starts: list[float], length: float
) -> None:
    windows = cut(tone(seconds))
    assert [window.at_s for window in windows] == pytest.approx(starts, abs=0.01)
    for window in windows:
        assert window.duration_s == pytest.approx(length)
        sound, rate = soundfile.read(io.BytesIO(window.wav), dtype="float32")
        about = soundfile.info(io.BytesIO(window.wav))
        assert (rate, about.channels, about.subtype, about.format) == (16_000, 1, "PCM_16", "WAV")
        first = int(window.at_s * RATE_HZ)
        expected = tone(seconds)[first : first + len(sound)]
        assert np.abs(sound - expected).max() < 1e-3


def test_what_is_no_number_or_beyond_full_scale_is_no_noise() -> None:
    sound, _ = soundfile.read(io.BytesIO(wav_of(np.array([np.nan, 3.0, -3.0, 0.0], np.float32))))
    assert sound == pytest.approx([0.0, 1.0, -1.0, 0.0], abs=1e-4)


def test_windows_take_one_channel_at_their_rate() -> None:
    with pytest.raises(ValueError, match="16000"):
        cut(tone(1), 22_050)
    with pytest.raises(ValueError, match="one channel"):
        cut(np.zeros((2, 100), np.float32))


@pytest.mark.parametrize(
    "around", ["{}", "```json\n{}\n```", "```\n{}\n```", "Here it is:\n{}\nI hope it helps {{"]
)
def test_an_object_is_found_in_fences_and_among_words(around: str) -> None:
    assert find_object(around.format(GOOD)) == GOOD


@pytest.mark.parametrize("text", ["", "no", "{", GOOD[: len(GOOD) // 2], "[1, 2]", "```json\n```"])
def test_half_an_object_is_none(text: str) -> None:
    with pytest.raises(NotJson):
        find_object(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"genre": ["nonsense"]},
        {"genre": []},
        {"genre": "techno"},
        {"genre": ["techno"] * 4},
        {"mood": [1]},
        {"vocals": ["male"]},
        {"description": 3},
        {"tempo": 120},
        {"mood": None},
    ],
)
def test_what_is_not_of_the_schema_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(OffSchema):
        read_labels(json.dumps(LABELS | changes))


def test_a_flood_of_blanks_is_read_in_one_pass() -> None:
    # Small models fall into endless line breaks; looking for the end of a fence among them took hours.
    with pytest.raises(NotJson):
        find_object("```json\n" + "\n" * 1_000_000)
    assert find_object(f"```json\n{GOOD}" + " \n" * 1_000_000) == GOOD


@pytest.mark.parametrize("text", ["half a pair \ud800", "the other \udfff"])
def test_what_is_no_unicode_is_an_answer_that_is_broken(text: str) -> None:
    raw = json.dumps(LABELS | {"description": text}, ensure_ascii=False)
    with pytest.raises(ModelFailed) as failed:
        read(Said(text=raw, tokens=(Token(b"{", -0.1),)))
    assert failed.value.failure is Failure.INVALID_JSON


def test_a_description_steers_no_terminal_and_can_be_kept() -> None:
    hostile = "A \x1b[31mred\x1b]0;title\x07 song\x00 with \ud800 and \u202ebackwards " + "x" * 5_000
    _, text = read_labels(json.dumps(LABELS | {"description": hostile}))
    assert text.startswith("A [31mred ]0;title song with and backwards xxx")
    assert (text.isprintable(), len(text)) == (True, 600)
    with pytest.raises(ModelFailed) as failed:
        read(Said(text=json.dumps(LABELS | {"\x1b[2J\x00\ud800": "x" * 5_000})))
    assert failed.value.failure is Failure.OFF_SCHEMA
    assert (failed.value.text.isprintable(), len(failed.value.text) < 300) == (True, True)


def test_spellings_are_brought_to_our_words() -> None:
    labels, text = read_labels(
        json.dumps(LABELS | {"genre": ["Hip-Hop", "R&B", "HIPHOP"], "description": " a\n b "})
    )
    assert (labels["genre"], text) == (("hip hop", "rnb"), "a b")
    assert all(known_word(field, word) == word for field, words in WORDS.items() for word in words)


def tokens_of(*pieces: tuple[str | bytes, float]) -> list[Token]:
    return [Token(piece.encode() if isinstance(piece, str) else piece, p) for piece, p in pieces]


def test_only_the_tokens_of_values_count() -> None:
    text = '{"genre":["techno","hip hop"]}'
    tokens = tokens_of(
        *(('{"', -3.0), ('genre":["', -4.0), ("tech", -0.2), ("no", -0.4), ('","', -5.0)),
        *(("hip", -0.1), (" hop", -0.5), ('"]}', -6.0), ("", -9999.0)),
    )
    assert probabilities(text, tokens) == pytest.approx(
        {("genre", "techno"): math.exp(-0.3), ("genre", "hip hop"): math.exp(-0.3)}
    )


def test_a_token_that_also_holds_a_quotation_mark_is_the_values() -> None:
    text = '{"vocals":"male"}'
    tokens = tokens_of(('{"vocals":', 0.0), ('"male', -1.0), ('"}', -9.0), ("", -9999.0))
    assert probabilities(text, tokens) == pytest.approx({("vocals", "male"): math.exp(-1.0)})


def test_characters_are_mapped_also_behind_bytes_that_are_half_a_character() -> None:
    text = '{"description":"é","vocals":"male"}'
    raw = text.encode()
    at = raw.index("é".encode())
    tokens = tokens_of(
        (raw[: at + 1], -0.1), (raw[at + 1 : raw.index(b"male")], -0.1), ("male", -0.7), ('"}', 0.0)
    )
    assert probabilities(text, tokens)["vocals", "male"] == pytest.approx(math.exp(-0.7))


def test_tokens_that_spell_something_else_say_nothing() -> None:
    assert probabilities('{"vocals":"male"}', tokens_of(('{"vocals":"fem', -0.1), ('ale"}', -0.1))) == {}
    assert probabilities('{"vocals":"male"}', []) == {}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=60),
    st.sampled_from(["{}", "Sure: {}", "```json\n{}\n```"]),
)
def test_however_the_text_is_cut_into_tokens_each_label_gets_its_own(sizes: list[int], around: str) -> None:
    whole = around.format(GOOD).encode()
    tokens, place = [], 0
    for size in [*sizes, len(whole)]:
        if piece := whole[place : place + size]:
            tokens.append(Token(piece, -0.5))
        place += size
    text = find_object(whole.decode())
    found = probabilities(text, tokens)
    assert {label for _, label in found} == {"techno", "energetic", "synthesizer", "drums", "instrumental"}
    assert all(p == pytest.approx(math.exp(-0.5)) for p in found.values())


def heard(genre: str, p: float | None = None, mood: str = "calm") -> Heard:
    labels = {"genre": (genre,), "mood": (mood,), "instruments": ("piano",), "vocals": ("instrumental",)}
    told = {(field, word): p for field, words in labels.items() for word in words} if p is not None else {}
    return Heard(labels=labels, description=genre, probable=told)


def test_confidence_is_probability_times_agreement() -> None:
    voted = vote([heard("jazz", 0.9), heard("jazz", 0.9), heard("blues", 0.9)])
    assert voted.labels.genre == (Label(name="jazz", confidence=0.6),)
    assert voted.labels.mood == (Label(name="calm", confidence=0.9),)
    assert voted.confidence == pytest.approx((0.6 + 0.9 + 0.9) / 3)
    assert voted.labels.description == "jazz"


def test_without_probabilities_only_agreement_speaks_and_one_window_is_little() -> None:
    assert vote([heard("jazz")] * 3).confidence == pytest.approx(0.8)
    assert vote([heard("jazz")] * 3).confidence >= SURE
    assert vote([heard("jazz")]).confidence == pytest.approx(2 / 3, abs=1e-4)


def test_where_no_label_has_a_majority_the_surest_stays() -> None:
    voted = vote([heard("jazz", 0.5), heard("blues", 0.9), heard("rock", 0.7)])
    assert [label.name for label in voted.labels.genre] == ["blues"]
    assert voted.labels.genre[0].confidence == pytest.approx(0.3)


def test_an_answer_is_compared_with_what_a_person_says() -> None:
    answer = Labels(
        genre=(Label(name="jazz", confidence=0.9), Label(name="soul", confidence=0.5)),
        mood=(Label(name="calm", confidence=0.9),),
        instruments=(Label(name="piano", confidence=0.9), Label(name="drums", confidence=0.8)),
    )
    assert compare(answer, {"genre": ["Jazz"]}) == {"genre": 1.0}
    assert compare(answer, {"genre": ["soul"]}) == {"genre": 0.5}
    assert compare(answer, {"genre": ["rock"], "tempo": ["120"]}) == {"genre": 0.0}
    assert compare(answer, {"instruments": ["piano", "bass"]}) == {"instruments": pytest.approx(1 / 3)}
    assert compare(answer, {"mood": []}) == {"mood": 0.0}
    assert overall(compare(answer, {"genre": ["jazz"], "mood": ["sad"]})) == 0.5
    assert overall(compare(answer, {"vocals": ["male"]})) is None
    assert with_embedded(answer, Labels(genre=(Label(name="Jazz", confidence=0.4),))) == 1.0
    assert with_embedded(answer, Labels()) is None


def test_a_tenth_of_the_subjects_goes_to_the_challenger() -> None:
    subjects = [
        uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128) for number in range(20_000)
    ]
    share = sum(map(asks_challenger, subjects)) / len(subjects)
    # Five standard deviations of a tenth of 20,000.
    assert abs(share - 0.10) < 0.0107


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.uuids(), st.floats(0, 1), st.floats(0, 1))
def test_a_subject_stays_where_it_is(subject: uuid.UUID, one: float, other: float) -> None:
    assert asks_challenger(subject) == asks_challenger(uuid.UUID(str(subject)))
    small, large = sorted((one, other))
    assert asks_challenger(subject, small) <= asks_challenger(subject, large)
    assert asks_challenger(subject, 1.0) is True
    assert asks_challenger(subject, 0.0) is False


def test_the_words_differ_when_they_are_folded() -> None:
    assert len(set(GENRES)) == len(GENRES)
