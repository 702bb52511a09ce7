"""The limit: an ASGI handler that knows four statements, and no tokens, schema, log or errors."""

from typing import Any

import orjson

from domain.adapters.postgres import Pool, open_read_pool
from tests.bench.questions import BY_DOCUMENT


class Bare:
    """Answers the four questions for one organization.

    It takes the same request bodies as the product and the same kind of pool.
    """

    def __init__(self, database_url: str, pool_size: int, owner_id: str) -> None:
        self._url = database_url
        self._size = pool_size
        self._owner = owner_id
        self._pool: Pool | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        asked = orjson.loads(body)
        question = BY_DOCUMENT[asked["query"]]
        argument = question.argument(asked["variables"])
        assert self._pool is not None
        async with self._pool.acquire() as connection:
            answer = await connection.fetchval(question.sql, self._owner, argument)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._pool = await open_read_pool(self._url, max_size=self._size)
                await send({"type": "lifespan.startup.complete"})
            else:
                assert self._pool is not None
                await self._pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
