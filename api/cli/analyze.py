"""`analyze`: tells what files of sound say of themselves when they are listened to; needs no server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import REFUSED, WRONG_CALL, AsJson, print_rows, progress, say

if TYPE_CHECKING:
    from api.settings import Settings
    from domain.audio.analysis import Analysis, NotAnalysed

_COLUMNS = ("file", "bpm", "key", "LUFS", "genre", "confidence", "quality")
_NO_SOUND = "there is no file of sound in {}; name files to have them tried whatever they are called"

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of them.")]
AtOnce = Annotated[int, typer.Option("--at-once", min=1, max=64, help="Files analysed at a time.")]


def register(app: typer.Typer) -> None:
    """Hang `analyze` off the command line."""
    app.command()(analyze)


def analyze(paths: Paths, at_once: AtOnce = 2, as_json: AsJson = False) -> None:
    """Print tempo, key, loudness and genre of files of sound. Exit status 1 when one can't be analysed.

    With --json one object a line for each file, with everything that was found; docs/enrichment.md says how
    each figure is made. Of folders all files are taken that are called like sound.
    """
    files = list(_files(paths))
    if not files:
        say(_NO_SOUND.format(", ".join(map(str, paths))))
        raise typer.Exit(WRONG_CALL)
    rows, refused = [], False
    for path, found in _analysed(files, at_once):
        data = _data(found)
        refused = refused or "code" in data
        if as_json:
            # A name that is no Unicode is told with signs in place of its odd bytes.
            _print_line({"file": str(path).encode(errors="surrogateescape").decode(errors="replace"), **data})
        else:
            rows.append([_called(path, paths), *_row(data)])
    if not as_json:
        print_rows(_COLUMNS, rows)
    if refused:
        raise typer.Exit(REFUSED)


def _files(paths: list[Path]) -> Iterator[Path]:
    """The files that are meant, in order. Exits for a path that isn't there."""
    from domain.files.types import TYPES, named

    for path in paths:
        if path.is_dir():
            for inside in sorted(one for one in path.rglob("*") if one.is_file()):
                kinds = {TYPES[key].kind for key in named(inside.name)}
                if kinds & {"audio", "video"} and not inside.name.startswith("."):
                    yield inside
        elif path.exists():
            yield path
        else:
            say(f"{path} does not exist")
            raise typer.Exit(WRONG_CALL)


def _analysed(files: list[Path], at_once: int) -> "Iterator[tuple[Path, Analysis | NotAnalysed]]":
    """Each file with what was found, in order, as soon as it and all before it are done."""
    from api.compose import sound_analyser
    from api.settings import load_settings

    at_once = min(at_once, len(files))
    settings = load_settings()
    _fetch_weights(settings)
    with (
        ThreadPoolExecutor(at_once) as threads,
        # Left before the threads: they wait for its processes, which end here, also in the middle of a file.
        sound_analyser(settings, at_once) as analyse,
        progress() as bar,
    ):
        task = bar.add_task("analysing", total=len(files))
        work = [threads.submit(analyse, path) for path in files]
        for one in work:
            one.add_done_callback(lambda _: bar.advance(task))
        try:
            for path, one in zip(files, work, strict=True):
                yield path, one.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _fetch_weights(settings: "Settings") -> None:
    """The taggers' weights, once, where they are not there; without them all but genre and mood is said."""
    from api.compose import tagger_weights
    from domain.audio.weights import WeightsUnavailable

    weights = tagger_weights(settings)
    absent = weights.absent()
    if not absent:
        return
    if settings.weights_fetch:
        say("Fetching the weights that genre and mood are heard by, once, 30 MB ...")
        try:
            weights.install()
        except WeightsUnavailable as unavailable:
            absent = str(unavailable)
        else:
            return
    say(f"Genre, mood, instruments and neighbours are not heard: {absent}")


def _data(found: "Analysis | NotAnalysed") -> dict[str, Any]:
    from domain.audio.written import as_data

    return as_data(found)


def _print_line(value: dict[str, Any]) -> None:
    """One object a line, however it is shown: whoever reads it reads lines."""
    import orjson

    typer.echo(orjson.dumps(value).decode())


def _called(path: Path, asked: list[Path]) -> str:
    """A file as it is called inside the folder that was asked for."""
    for folder in asked:
        if folder.is_dir() and path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return path.name or str(path)


def _row(found: dict[str, Any]) -> list[object]:
    if "code" in found:
        return [None, None, None, None, None, f"{found['code']}: {found['text']}"]
    tempo, key, loudness = found["tempo"], found["key"]["best"], found["loudness"]["integrated_lufs"]
    genre = next(iter((found["tagged"] or {"labels": {"genre": ()}})["labels"]["genre"]), None)
    sure = {
        "bpm": tempo["confidence"],
        "key": key and key["confidence"],
        "genre": genre and genre["confidence"],
    }
    return [
        None if tempo["bpm"] is None else f"{tempo['bpm']:.1f}",
        key and f"{key['tonic']} {key['scale']} {key['camelot']}",
        None if loudness is None else f"{loudness:.1f}",
        genre and genre["name"],
        " ".join(f"{name} {value:.2f}" for name, value in sure.items() if value is not None),
        ", ".join(found["quality"]["flags"]) or "ok",
    ]
