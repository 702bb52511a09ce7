"""Subscriptions over WebSocket (graphql-transport-ws)."""

from tests.live.conftest import WATCH, Yard, job_id, opened


async def test_a_job_is_followed_to_its_end(yard: Yard) -> None:
    id = await yard.job()
    async with opened(yard.house) as socket:
        await socket.follow("one", WATCH, id=job_id(id))
        assert (await socket.next("one"))["jobProgress"] == {
            "id": job_id(id), "state": "queued", "progressDone": 0, "progressTotal": None,
        }  # fmt: skip
        await yard.claim(id)
        assert (await socket.next("one"))["jobProgress"]["state"] == "running"
        await yard.progress(id, 3)
        assert (await socket.next("one"))["jobProgress"]["progressDone"] == 3
        await yard.finish(id)
        assert (await socket.next("one"))["jobProgress"]["state"] == "done"
        assert await socket.hear() == {"id": "one", "type": "complete"}
