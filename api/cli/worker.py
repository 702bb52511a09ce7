"""`worker`: the process that runs jobs. `up` starts one by itself."""

import typer


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
    from api.compose import blob_store, collected, language_models, notice_outlets
    from jobs.worker import run

    blobs, outlets = blob_store(settings), notice_outlets(settings)
    with collected(settings):
        status = run(
            settings.database_url,
            settings.redis_url,
            settings.state_folder,
            blobs,
            outlets,
            language_models(settings),
        )
    raise typer.Exit(status)
