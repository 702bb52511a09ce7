"""The benches run, and both sides of each give the same; how fast they are is nobody's failure."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

from api.settings import Settings
from tests.audio.music import RATE_HZ, song
from tests.bench import (
    audio,
    availability,
    bulk,
    functions,
    jobs,
    partitioning,
    reads,
    similar,
    throwaway,
)
from tests.bench.questions import QUESTIONS
from tests.conftest import TEMPLATE, Databases


@pytest.fixture
def _server(databases: Databases, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benches make their databases on the server of the tests, of what was migrated there already."""

    @contextmanager
    def server() -> Iterator[Settings]:
        yield Settings(database_url=databases.url, redis_url=redis_url)

    async def create(url: str, name: str) -> str:
        await throwaway.drop(url, name)
        await databases.run(f'create database "{name}" template "{TEMPLATE}" strategy file_copy')
        return throwaway.named(url, name)

    monkeypatch.setattr(throwaway, "server", server)
    monkeypatch.setattr(throwaway, "create", create)


@pytest.mark.usefixtures("_server")
def test_the_product_and_the_bare_handler_give_equal_answers() -> None:
    plan = reads.Plan(tracks=600, connections=4, seconds=0.1, rounds=1)
    result = reads.run(plan, lambda _tracks: None, lambda _text: None)
    assert [line.question for line in result.lines] == [question.name for question in QUESTIONS]
    for line in result.lines:
        assert line.product["per_second"] > 0
        assert line.bare["per_second"] > 0


@pytest.mark.long
@pytest.mark.usefixtures("_server")
def test_whole_and_split_tables_give_equal_answers() -> None:
    result = partitioning.run(partitioning.Plan(tracks=2_000, owners=6, partitions=3), lambda _text: None)
    assert any("Append" in plan for name, plan in result.plans.items() if name.endswith("split"))
    assert json.dumps([line.ratio for line in result.lines])


@pytest.mark.usefixtures("_server")
def test_bulk_upserts_are_measured_with_history_and_without() -> None:
    result = bulk.run(bulk.Plan(rows=500, rounds=1), lambda _text: None)
    assert {line.what for line in result.lines} == set(bulk.FLOORS)
    assert all(line.ratio > 0 for line in result.lines)
    assert len(result.roads) == 4


@pytest.mark.usefixtures("_server")
def test_availability_and_its_reference_agree() -> None:
    told: list[int] = []
    result = availability.run(
        availability.Plan(deals=150, tracks=300, calls=60), told.append, lambda _text: None
    )
    assert (result.differ, result.agreement, told) == ([], 1.0, [150])
    assert result.asked > 500
    assert [line.question for line in result.lines] == list(availability._QUESTIONS)
    assert all(line.p95_ms > 0 for line in result.lines)


@pytest.mark.usefixtures("_server")
def test_similar_recordings_are_found_by_the_index_and_without() -> None:
    result = similar.run(similar.Plan(vectors=400, questions=4), lambda _text: None)
    assert set(result.lines) == {"owner", "stranger"}
    for lines in result.lines.values():
        assert [line.filter for line in lines] == list(similar.FILTERS)
        assert all(line.ratio > 0 and line.recall > 0.5 for line in lines)


@pytest.mark.long
@pytest.mark.usefixtures("_server")
def test_functions_are_begun_and_called() -> None:
    lines = functions.run(functions.Plan(rounds=1, calls=2), lambda _text: None)
    assert [line.function for line in lines] == ["nothing", "queue", "schedule", "http"]
    assert all(line.cold_s > 0 and line.warm_ms > 0 for line in lines)


@pytest.mark.long
@pytest.mark.usefixtures("_server")
def test_jobs_are_done_by_the_product_and_by_bare_arq() -> None:
    result = jobs.run(jobs.Plan(jobs=40, rounds=1, callers=4, low=20, high=3), lambda _text: None)
    assert all(rate > 0 for rate in (*result.product, *result.bare, *result.tuned, result.relay_us))
    assert result.start_p99_ms >= result.start_p50_ms > 0


def test_tempo_and_key_are_measured_for_each_set_apart(tmp_path: Path) -> None:
    clips = {"one.wav": (104.0, 2, "D", "major", "made"), "two.flac": (92.0, 9, "A", "minor", "other")}
    rows = ["file,bpm,key,scale,style,source"]
    for name, (bpm, tonic, letter, scale, source) in clips.items():
        soundfile.write(tmp_path / name, song(bpm, tonic, scale, seconds=10), RATE_HZ)
        rows.append(f"{name},{bpm},{letter},{scale},rock,{source}")
    (tmp_path / "silence.flac").write_bytes(b"nothing")
    (tmp_path / "labels.csv").write_text("\n".join([*rows, "silence.flac,,,,,edge", "gone.wav,,,,,edge"]))
    result = audio.run(audio.Plan(tmp_path), lambda _text: None)
    ours = [line for line in result.lines if line.way == "catalograph"]
    assert [(line.set, line.clips, line.tempos, line.keys) for line in ours] == [
        ("made", 1, 1, 1),
        ("other", 1, 1, 1),
    ]
    assert all(line.acc2 == 1 and line.mirex == 1 and line.tempo_unknown == 0 for line in ours)
    assert all(line.cpu_s_per_minute > line.of_that["decode"] > 0 for line in ours)
    assert all((line.genres, line.genre_unknown) == (1, 1) for line in ours), "nobody was there to hear it"
    assert result.peak_mb > 0
    assert result.refused == ()
    assert result.taggers is None
    assert result.odd == 1
    assert [(one.file, one.said.partition(":")[0]) for one in result.wrong] == [
        ("silence.flac", "audio_unknown")
    ]


def test_a_clip_that_gives_nothing_is_a_miss_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    rows = ("file,bpm,key,scale,style,source", "broken.wav,104.0,D,major,rock,made")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    result = audio.run(audio.Plan(tmp_path, librosa=False), lambda _text: None)
    (line,) = result.lines
    assert (line.clips, line.tempos, line.keys, line.genres) == (1, 1, 1, 1)
    assert (line.acc1, line.acc2, line.first_three, line.mirex, line.genre_right) == (0, 0, 0, 0, 0)
    assert (line.tempo_unknown, line.key_unknown, line.genre_unknown, line.shown) == (1, 1, 1, 0)
    assert [(one.file, one.said.partition(":")[0]) for one in result.refused] == [
        ("broken.wav", "audio_unknown")
    ]


def test_a_key_is_worth_what_mirex_says() -> None:
    told = [("G", "major"), ("F", "major"), ("A", "minor"), ("C", "minor"), ("D", "major"), ("C", "major")]
    assert [audio.mirex(key, "C", "major") for key in told] == [0.5, 0.5, 0.3, 0.2, 0.0, 1.0]
    assert audio.mirex(("C", "major"), "A", "minor") == 0.3
    assert audio.mirex(("C#", "minor"), "Db", "minor") == 1.0
    assert audio.mirex(None, "C", "major") == 0.0


def test_the_error_of_calibration_is_the_distance_of_sure_from_right() -> None:
    assert audio.calibration_error([]) is None
    assert audio.calibration_error([(0.75, True)] * 3 + [(0.75, False)]) == pytest.approx(0)
    assert audio.calibration_error([(0.95, False)] * 2) == pytest.approx(0.95)
    assert audio.calibration_error([(0.95, True)] * 3 + [(0.15, True)]) == pytest.approx(
        (3 * 0.05 + 0.85) / 4
    )


def test_few_clips_have_an_error_of_calibration_by_chance_that_many_do_not() -> None:
    assert audio.chance_error([]) is None
    assert audio.chance_error([1.0] * 3) == 0
    assert audio.chance_error([0.8]) == pytest.approx(0.2), "it comes true or does not; mostly it does"
    few, many = audio.chance_error([0.75, 0.85, 0.95] * 12), audio.chance_error([0.75, 0.85, 0.95] * 400)
    assert few is not None
    assert many is not None
    assert 0.05 < few < 0.15
    assert many < few / 4
