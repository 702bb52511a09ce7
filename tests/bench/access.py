"""What access costs a request: the processor's time for all that is not answering the question.

A token that was verified before, the look-up of what was revoked, a place in front of the database, the
price taken from what the process holds and given back in part, the cost told in headers and body, and the
request counted for /metrics.
"""

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from api.app import open_services
from api.keys import ensure_keys, mint_token
from api.settings import Settings
from domain.access.scopes import Role

TIMES = 20_000
_BODY = b'{"data":{"track":{"id":"1","artistCredit":{"name":"x","names":[{"name":"y"}]}}}}'


def cpu_us(settings: Settings, organization: uuid.UUID) -> float:
    """Microseconds of processor time a request."""
    with ThreadPoolExecutor(1) as thread:  # the caller may have a loop of its own
        return thread.submit(asyncio.run, _measure(settings, organization)).result()


async def _measure(settings: Settings, organization: uuid.UUID) -> float:
    key = ensure_keys(settings.state_folder / "keys")[0]
    token = mint_token(
        key,
        subject="bench",
        organization_id=organization,
        role=Role.LABEL_USER,
        tier="enterprise",
        lifetime=timedelta(hours=1),
    )
    async with open_services(settings) as services:
        authorization = f"Bearer {token}"
        known, limiter, places = services.authenticator.known, services.limiter, services.places
        spent, scope = 0.0, {"path": "/graphql"}
        for _ in range(TIMES // 1000):
            # What the process draws from the store it draws here: a share lasts for thousands of requests.
            viewer = known(authorization, "127.0.0.1")
            assert viewer is not None
            if waiting := limiter.bill(viewer).reserve(23_000):
                await waiting
            limiter.give(limiter.bill(viewer).buckets, 23_000)
            began = time.thread_time()
            for _ in range(1000):
                viewer = known(authorization, "127.0.0.1")
                assert viewer is not None
                bill = limiter.bill(viewer)
                assert places.enter(viewer.organization_id) is None
                assert bill.reserve(23) is None
                places.leave(viewer.organization_id)
                bill.settle(5)
                bill.with_cost(_BODY)
                bill.headers()
                bill.close()
                services.requests.note(scope, 200, 0.002)
            spent += time.thread_time() - began
    return spent / TIMES * 1e6
