"""`worker`: the process that runs jobs. `up` starts one by itself."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from api.settings import Settings


def register(app: typer.Typer) -> None:
    """Hang `worker` off the command line."""
    app.command()(worker)


def worker() -> None:
    """Run jobs until SIGTERM or Ctrl-C; a second one stops at once."""
    from api.cli.client import settings_here
    from api.cli.serve import require_servers
    from api.logs import configure_logs

    settings = settings_here()
    require_servers(settings.database_url, settings.redis_url)
    configure_logs(settings.log_level, settings.log_format)
    from api.compose import analysing, blob_store, collected, language_models, notice_outlets
    from jobs.worker import run

    blobs, outlets = blob_store(settings), notice_outlets(settings)
    with collected(settings), _figures(settings):
        status = run(
            settings.database_url,
            settings.redis_url,
            settings.state_folder,
            blobs,
            outlets,
            language_models(settings),
            analysing(settings),
        )
    raise typer.Exit(status)


def _figures(settings: "Settings") -> AbstractContextManager[Any]:
    """The figures of this process on a port of its own; nothing is loaded where none is set."""
    if not settings.worker_metrics_port:
        return nullcontext()
    from api.worker_metrics import worker_figures

    return worker_figures(settings)
