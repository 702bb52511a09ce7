"""What must hold after every seed, whatever went wrong."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

# before -> after: (by how much the fence moves, the attempts, the history), each as it may be.
LEGAL = {
    (None, "queued"): ((None, None, None),),
    ("queued", "running"): ((1, 1, 0),),
    # Taken over from a silent worker, to be run again or to be buried.
    ("running", "running"): ((1, 1, 1), (1, 0, 1)),
    # Failed for the last time, or buried.
    ("running", "dead"): ((0, 0, 1), (0, 0, 0)),
    # Failed and tried again, or given back.
    ("running", "queued"): ((0, 0, 1), (0, -1, 0)),
    ("running", "done"): ((0, 0, 0),),
    ("running", "failed"): ((0, 0, 0),),
    # It stopped, or was given back; or it failed after somebody had cancelled it.
    ("running", "cancelled"): ((0, 0, 0), (0, 0, 1)),
    ("queued", "cancelled"): ((0, 0, 0),),
}
BEGUN_ANEW = {("dead", "queued"), ("failed", "queued"), ("cancelled", "queued")}


async def unsettled(sql: Any) -> list[str]:
    """What has not ended: jobs by state, and rows of the outbox nobody was told of."""
    rows = await sql.fetch(
        "select right(id::text, 6) || ' ' || state as what from job where state in ('queued', 'running') "
        "union all select 'outbox ' || id from outbox where told_at is null order by 1"
    )
    return [row["what"] for row in rows]


async def check_leases(sql: Any) -> None:
    """While workers live, nothing runs past its lease and five seconds."""
    late = await sql.fetch(
        "select right(id::text, 6) as id, leased_until from job where state = 'running' and leased_until < "
        "(select to_timestamp(last_value::float8 / 1e6) from simulated.clock) - interval '5 s'"
    )
    assert not late, f"running past the lease: {late}"


async def check_all(sql: Any, asked: Sequence[str], published: Sequence[int], tries: int) -> None:
    """Raise AssertionError for the first thing that does not hold."""
    rows = {row["id"]: row for row in await sql.fetch("select * from job")}
    missing = [id for id in asked if uuid.UUID(id) not in rows]
    assert not missing, f"asked for and not there: {missing}"
    effects: dict[uuid.UUID, list[Any]] = {id: [] for id in rows}
    for effect in await sql.fetch("select * from simulated.effect order by seq"):
        effects[effect["job_id"]].append(effect)
    lives: dict[uuid.UUID, list[Any]] = {id: [] for id in rows}
    for move in await sql.fetch("select * from simulated.life order by seq"):
        lives[move["job_id"]].append(move)
    word = {row["word"] for row in await sql.fetch("select word from simulated.given_up")}
    results = {
        row["id"]: row["fence"]
        for row in await sql.fetch(
            "select id, (result ->> 'fence')::int as fence from job where state = 'done'"
        )
    }
    plans = {
        row["id"]: json.loads(row["plan"])
        for row in await sql.fetch("select id, payload -> 'plan' as plan from job")
    }
    for id, row in rows.items():
        name = f"job {str(id)[-6:]} ({row['state']})"
        _check_effects(name, row, effects[id], plans[id]["steps"])
        _check_life(name, lives[id], tries)
        if row["state"] == "done":
            assert results[id] == row["fence"], f"{name} was ended by {results[id]}, held by {row['fence']}"
        if row["state"] in ("dead", "failed", "cancelled"):
            assert plans[id]["word"] in word, f"{name} has left no word where it belongs"
    untold = await sql.fetch(
        "select id from outbox where topic <> 'job' and not id = any($1)", list(published)
    )
    assert not untold, f"nobody heard of the events {[row['id'] for row in untold]}"


def _check_effects(name: str, row: Any, effects: Sequence[Any], steps: int) -> None:
    done = [effect["step"] for effect in effects]
    assert len(done) == len(set(done)), f"{name} has effects twice: {done}"
    if row["state"] == "done":
        assert sorted(done) == list(range(steps)), f"{name} has effects {done} of {steps}"
    fences = [effect["fence"] for effect in effects]
    assert fences == sorted(fences), f"{name} has effects of an older worker after a newer one's: {fences}"


def _check_life(name: str, moves: Sequence[Any], tries: int) -> None:
    before, last = None, None
    for move in moves:
        said = f"{name} went from {move['before']} to {move['after']}"
        assert move["before"] == before, f"{said}, but was {before}"
        change = (move["moved"], move["counted"], move["told"])
        way = (move["before"], move["after"])
        if way in BEGUN_ANEW:
            assert (move["moved"], move["attempts"], move["told"]) == (0, 0, 0), f"{said} by {change}"
        else:
            assert change in LEGAL.get(way, ()), f"{said} by {change}"
        if way[0] == "running" and move["moved"] == 1:
            assert move["lease"] < move["at"], f"{said} while its lease held"
        if move["cancelled"]:
            assert not move["counted"], f"{said} after it was cancelled"
            assert move["after"] != "queued", f"{said} after it was cancelled"
        assert move["attempts"] <= tries, f"{said} with {move['attempts']} attempts"
        assert last is None or move["fence"] >= last, f"{said} under fence {move['fence']} after {last}"
        before, last = move["after"], move["fence"]
