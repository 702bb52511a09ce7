"""A server in a process of its own, for the benches: the whole product, or the bare handler.

Called as `python -m tests.bench.serving product|bare DATABASE_URL REDIS_URL STATE_FOLDER OWNER_ID`; prints
its port when it serves, and serves until SIGTERM.
"""

import sys
from pathlib import Path

import uvicorn

from api.house import listening, serve
from api.logs import configure_logs
from api.settings import Settings
from tests.bench.bare import Bare


def main(what: str, database_url: str, redis_url: str, state_folder: str, owner_id: str) -> None:
    """Serve until told to stop."""
    settings = Settings(
        database_url=database_url, redis_url=redis_url, state_folder=Path(state_folder), port=0
    )
    with listening("127.0.0.1", 0) as line:
        port = line.getsockname()[1]
        if what == "product":
            configure_logs("info", "json")
            serve(settings.using(port=port), line, lambda: print(port, flush=True))
            return
        config = uvicorn.Config(
            Bare(database_url, settings.pool_size, owner_id),
            loop="uvloop",
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        print(port, flush=True)
        uvicorn.Server(config).run(sockets=[line])


if __name__ == "__main__":
    main(*sys.argv[1:])
