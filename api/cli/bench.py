"""`bench …`: measures this installation against limits, in one run; `bench --help` lists what."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import AsJson, Fault, Refused, print_json, print_rows, progress, say

app = typer.Typer(no_args_is_help=True, help="Measure this machine's Catalograph against limits, as ratios.")


def register(parent: typer.Typer) -> None:
    """Hang `bench` off the command line."""
    parent.add_typer(app, name="bench")


@app.command()
def reads(
    tracks: Annotated[
        int, typer.Option(help="Size of the made-up catalog.", min=500, max=5_000_000)
    ] = 100_000,
    seed: Annotated[int, typer.Option(help="Which made-up catalog.", min=0, max=998)] = 1,
    connections: Annotated[int, typer.Option(help="Requests under way at once.", min=1, max=256)] = 16,
    seconds: Annotated[float, typer.Option(help="Length of one measurement.", min=0.2, max=60)] = 1.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each, for the median.", min=1, max=50)] = 7,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the catalog for the next run.")] = False,
    as_json: AsJson = False,
) -> None:
    """Four queries: the whole product against a bare handler with the same SQL written by hand."""
    _require_checkout()
    from api.logs import configure_logs
    from tests.bench import reads as bench

    configure_logs("warning", "console")
    plan = bench.Plan(tracks, seed, connections, seconds, rounds, keep)
    with progress() as bar:
        task = bar.add_task("catalog", total=tracks)
        try:
            result = bench.run(
                plan,
                lambda done: bar.update(task, completed=min(done, tracks)),
                lambda text: bar.update(task, completed=tracks, description=text),
            )
        except bench.AnswersDiffer as error:
            raise Refused(str(error)) from error
    if as_json:
        from dataclasses import asdict

        print_json(asdict(result))
        return
    print_rows(
        (
            "query",
            "bytes",
            "req/s",
            "p50 ms",
            "p99 ms",
            "cpu µs",
            "bare req/s",
            "p50 ms ",
            "p99 ms ",
            "cpu µs ",
            "ratio",
        ),
        [
            (line.question, line.bytes, *line.product.values(), *line.bare.values(), f"{line.ratio:.3f}")
            for line in result.lines
        ],
    )
    for line in result.lines:
        say(f"{line.question}: {line.about}")
    say(f"Geometric mean of the ratios: {result.mean_ratio:.3f} ({bench.FLOOR} is asked for).")
    say(f"Access: {result.access_us:.1f} µs of processor time a request ({bench.ACCESS_US} are allowed).")


@app.command()
def overload(
    tracks: Annotated[
        int, typer.Option(help="Size of the made-up catalog.", min=500, max=1_000_000)
    ] = 20_000,
    seconds: Annotated[float, typer.Option(help="Length of the overload.", min=1, max=600)] = 20.0,
    callers: Annotated[int, typer.Option(help="Callers that can be served.", min=1, max=200)] = 16,
    as_json: AsJson = False,
) -> None:
    """Five times as many callers as can be served: what becomes of those let in, and of the others."""
    _require_checkout()
    from dataclasses import asdict

    from api.logs import configure_logs
    from tests.bench import overload as bench

    configure_logs("warning", "console")
    with progress() as bar:
        task = bar.add_task("catalog", total=tracks)
        result = bench.run(
            bench.Plan(tracks, seconds, callers),
            lambda done: bar.update(task, completed=min(done, tracks)),
            lambda text: bar.update(task, completed=tracks, description=text),
        )
    if as_json:
        print_json(asdict(result))
        return
    print_rows(("measured", "ms or count"), [(name, value) for name, value in asdict(result).items()])
    say(f"The slowest of those let in take {result.slower:.2f} times as long ({bench.SLOWER} are allowed);")
    say(f"a no takes {result.refused_p99:.1f} ms at p99 ({bench.NO_WITHIN_MS} are allowed).")


@app.command()
def jobs(
    count: Annotated[int, typer.Option("--jobs", help="Empty jobs a round.", min=10, max=100_000)] = 3_000,
    rounds: Annotated[int, typer.Option(help="Rounds of each, for the median.", min=1, max=50)] = 5,
    callers: Annotated[int, typer.Option(help="Commands under way at once.", min=1, max=64)] = 16,
    low: Annotated[int, typer.Option(help="Low jobs that wait meanwhile.", min=10, max=100_000)] = 10_000,
    high: Annotated[int, typer.Option(help="High jobs whose start is timed.", min=1, max=10_000)] = 200,
    as_json: AsJson = False,
) -> None:
    """Empty jobs from the command to the end, against bare ARQ's; high work under low work; the relay."""
    _require_checkout()
    from dataclasses import asdict

    from api.logs import configure_logs
    from tests.bench import jobs as bench

    configure_logs("warning", "console")
    with progress() as bar:
        task = bar.add_task("")
        result = bench.run(
            bench.Plan(count, rounds, callers, low, high), lambda text: bar.update(task, description=text)
        )
    if as_json:
        print_json(asdict(result) | {"ratio": result.ratio})
        return
    print_rows(
        ("round", "jobs/s", "bare ARQ", "bare ARQ, tuned"),
        [
            (number + 1, *line)
            for number, line in enumerate(zip(result.product, result.bare, result.tuned, strict=True))
        ],
    )
    say(f"By the faster bare one, in the median: {result.ratio:.3f} ({bench.FLOOR} is asked for).")
    say(
        f"High work while {result.waiting:,} low jobs wait begins after {result.start_p50_ms} ms, "
        f"p99 {result.start_p99_ms} ms ({bench.START_MS:,} are allowed)."
    )
    say(f"The relay: {result.relay_us} µs a job, {result.relay_cpu_us} of them of its processor.")


@app.command()
def bulk(
    rows: Annotated[int, typer.Option(help="Rows written at once.", min=100, max=5_000_000)] = 20_000,
    rounds: Annotated[int, typer.Option(help="How often, for the median.", min=1, max=50)] = 3,
    as_json: AsJson = False,
) -> None:
    """Bulk upserts with history, against COPY and INSERT … ON CONFLICT without."""
    _require_checkout()
    from dataclasses import asdict

    from tests.bench import bulk as bench

    with progress() as bar:
        task = bar.add_task("")
        result = bench.run(bench.Plan(rows, rounds), lambda text: bar.update(task, description=text))
    if as_json:
        print_json(asdict(result))
        return
    print_rows(
        ("upsert", "rows/s with history", "rows/s without", "ratio", "asked for"),
        [(line.what, line.with_history, line.without, line.ratio, line.floor) for line in result.lines],
    )
    print_rows(("claims to catalog", "entities/s"), result.roads.items())


@app.command()
def partitioning(
    tracks: Annotated[
        int, typer.Option(help="Rows of each large table.", min=1_000, max=50_000_000)
    ] = 1_000_000,
    owners: Annotated[int, typer.Option(help="Organizations that share them.", min=1, max=5_000)] = 50,
    partitions: Annotated[int, typer.Option(help="Hash partitions by owner.", min=2, max=256)] = 16,
    as_json: AsJson = False,
) -> None:
    """Catalog tables whole, against the same hash-partitioned by owner: speed, size, plans."""
    _require_checkout()
    from dataclasses import asdict

    from tests.bench import partitioning as bench

    with progress() as bar:
        task = bar.add_task("")
        result = bench.run(
            bench.Plan(tracks, owners, partitions), lambda text: bar.update(task, description=text)
        )
    rows = [(line.question, line.whole, line.split, f"{line.ratio:.2f}") for line in result.lines]
    if as_json:
        lines = [asdict(line) | {"ratio": line.ratio} for line in result.lines]
        print_json(asdict(result) | {"lines": lines})
        return
    print_rows(("question", "whole (ms)", "split (ms)", "whole ÷ split"), rows)
    for name, plan in result.plans.items():
        say(f"{name}: {plan}")
    say(f"{result.seconds:.0f} s in all.")


@app.command()
def availability(
    deals: Annotated[int, typer.Option(help="Random deals that are compared.", min=100)] = 100_000,
    tracks: Annotated[int, typer.Option(help="Size of the catalog that is timed.", min=500)] = 100_000,
    seed: Annotated[int, typer.Option(help="Which random worlds.", min=0, max=998)] = 1,
    as_json: AsJson = False,
) -> None:
    """Availability against a slow reference on random deals, and what a call takes."""
    _require_checkout()
    from dataclasses import asdict

    from tests.bench import availability as bench

    with progress() as bar:
        task = bar.add_task("deals", total=deals)
        result = bench.run(
            bench.Plan(deals, tracks, seed),
            lambda done: bar.update(task, completed=done),
            lambda text: bar.update(task, description=text),
        )
    if as_json:
        print_json(asdict(result) | {"agreement": result.agreement})
    else:
        print_rows(
            ("question", "median ms", "p95 ms", "p95 ÷ one call"),
            [(line.question, line.median_ms, line.p95_ms, line.ratio) for line in result.lines],
        )
        say(
            f"{result.asked:,} questions about {result.deals:,} random deals, "
            f"{result.yes / result.asked:.0%} yes: "
            f"agreement {result.agreement:.6f}. One call is asked to take {bench.TARGET_MS:.0f} ms at p95."
        )
    if result.differ:
        raise Refused("\n".join(result.differ[:20]))


@app.command()
def functions(
    rounds: Annotated[int, typer.Option(help="How often each is begun anew.", min=1, max=50)] = 5,
    calls: Annotated[int, typer.Option(help="Calls of each once it is warm.", min=1, max=1_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """Cold and warm calls of the cloud functions, beside a function that does nothing."""
    _require_checkout()
    from dataclasses import asdict

    from tests.bench import functions as bench

    with progress() as bar:
        task = bar.add_task("")
        lines = bench.run(bench.Plan(rounds, calls), lambda text: bar.update(task, description=text))
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    print_rows(
        ("function", "cold (s)", "warm (ms)", "cold ÷ nothing"),
        [(line.function, f"{line.cold_s:.2f}", f"{line.warm_ms:.1f}", f"{line.ratio:.1f}") for line in lines],
    )


@app.command()
def similar(
    vectors: Annotated[int, typer.Option(help="Recordings with a vector.", min=500, max=2_000_000)] = 20_000,
    questions: Annotated[int, typer.Option(help="Recordings asked about.", min=5, max=1_000)] = 50,
    seed: Annotated[int, typer.Option(help="Which random vectors.", min=0, max=998)] = 1,
    as_json: AsJson = False,
) -> None:
    """Similar recordings by the index against comparing everything: recall of the ten nearest, and times."""
    _require_checkout()
    from dataclasses import asdict

    from tests.bench import similar as bench

    with progress() as bar:
        task = bar.add_task("")
        result = bench.run(
            bench.Plan(vectors, questions, seed), lambda text: bar.update(task, description=text)
        )
    if as_json:
        print_json(asdict(result))
        return
    for who, lines in result.lines.items():
        print_rows(
            (who, "hits", "recall@10", "least", "ms", "exact ms", "exact ÷ index"),
            [tuple(asdict(line).values()) for line in lines],
        )
    say(
        f"{result.vectors:,} vectors: loaded in {result.loaded_s} s, indexed in {result.indexed_s} s, "
        f"{result.index_mb} MB of index. What follows in a mix takes {result.mix_ms} ms in the median."
    )


@app.command()
def audio(
    folder: Annotated[Path, typer.Argument(help="Clips and their labels.csv.")] = Path(
        "../shared/samples/audio"
    ),
    clips: Annotated[int, typer.Option(help="At most so many of them.", min=1, max=100_000)] = 10_000,
    threshold: Annotated[float, typer.Option(help="From which confidence on a tempo is shown.")] = 0.7,
    librosa: Annotated[bool, typer.Option(help="Ask librosa too, where it is installed.")] = True,
    as_json: AsJson = False,
) -> None:
    """Tempo, key and genre of labelled clips: right, sure, quick; librosa beside it where it is installed."""
    _require_checkout()
    from dataclasses import asdict

    from api.settings import load_settings

    # As the processes that analyse have it; threads that wait for each other would count twice.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from tests.bench import audio as bench

    if not (folder / "labels.csv").is_file():
        raise Refused(f"{folder} has no labels.csv; it lists file, bpm, key, scale and source of each clip")
    with progress() as bar:
        task = bar.add_task("")
        result = bench.run(
            bench.Plan(folder, clips, librosa, threshold, load_settings().weights),
            lambda text: bar.update(task, description=text),
        )
    if as_json:
        print_json(asdict(result))
        return

    def share(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f}"

    def error(value: float | None, chance: float | None) -> str:
        return share(value) if value is None else f"{share(value)} ({share(chance)})"

    print_rows(
        (
            "way", "set", "clips", "tempos", "Acc1", "Acc2", "in 3", "ECE", "unknown", "shown",
            "keys", "MIREX", "ECE ", "unknown ", "genres", "right", "ECE  ", "unknown  ", "cpu s/min",
        ),
        [
            (
                line.way, line.set, line.clips, line.tempos, share(line.acc1), share(line.acc2),
                share(line.first_three), error(line.tempo_ece, line.tempo_chance_ece),
                share(line.tempo_unknown), share(line.shown),
                line.keys, share(line.mirex), error(line.key_ece, line.key_chance_ece),
                share(line.key_unknown), line.genres, share(line.genre_right),
                error(line.genre_ece, line.genre_chance_ece), share(line.genre_unknown),
                f"{line.cpu_s_per_minute:.3f}",
            )
            for line in result.lines
        ],
    )  # fmt: skip
    print_rows(
        ("cpu s/min of", *bench.PARTS),
        [
            (line.set, *(f"{line.of_that[part]:.3f}" for part in bench.PARTS))
            for line in result.lines
            if line.of_that
        ],
    )
    for one in (*result.refused, *result.wrong):
        say(f"{one.file}: {one.said}")
    say(
        f"Odd files: {result.odd}, {len({one.file for one in result.wrong})} not as expected. "
        f"Taggers: {result.taggers or 'their weights are not installed; tempo goes without their pace'}. "
        f"Peak memory {result.peak_mb:,} MB."
    )
    say(
        f"Asked for on clips never tuned on: Acc1 {share(bench.ACC1)}, Acc2 {share(bench.ACC2)}, in 3 "
        f"{share(bench.FIRST_THREE)}, MIREX {share(bench.MIREX)}, ECE {share(bench.ECE)} at most, "
        f"{bench.CPU_S:.1f} s of a processor for a minute of sound. In brackets after ECE: what chance "
        "alone gives so few clips (the median of a perfectly calibrated way that is as sure)."
    )


def _require_checkout() -> None:
    if find_spec("tests.bench") is None:
        raise Fault(
            "The benches stand in the checkout, not in the installed package: run python3 -m api bench there."
        )
