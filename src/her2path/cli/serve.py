"""`her2path serve`: pages for persons and CDS Hooks for record systems, which need the extra `serve`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from ..facts.problem import AskedWrongly
from .options import Day, column_option, jurisdiction_option, missing_option, pairs, settings_option, site_asked

LIBRARIES = (
    "starlette", "jinja2", "uvicorn", "sqlalchemy", "httpx", "jwt", "cryptography", "python_multipart",
    "prometheus_client",
)  # fmt: skip
"""What the extra `serve` brings."""


@click.command()
@click.argument("source", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--host", help="The address to listen on; this machine alone by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on; 8321 by default, 0 for any.")
@click.option(
    "--configuration", "configuration_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The configuration of the server, a TOML file: who may enter, clients, limits, database.",
)  # fmt: skip
@click.option("--on", type=Day(), default=None, help="Review as of this day, not as of today.")
@jurisdiction_option
@column_option
@missing_option
@settings_option
def serve(
    source: Path | None, host: str | None, port: int | None, configuration_file: Path | None, on: dt.date | None,
    jurisdiction: str | None, columns: tuple[str, ...], missing: tuple[str, ...], settings_file: Path | None,
) -> None:  # fmt: skip
    """Serve pages of the patients of SOURCE, and a CDS Hooks service for record systems.

    It listens on this machine alone, unless --host or the configuration says otherwise; then it starts only with a
    token or with clients that sign. SOURCE is whatever `review` reads; without it a page takes a file.
    """
    try:
        from ..serve.running import run
    except ModuleNotFoundError as error:
        library = (error.name or "").split(".")[0]
        if library in LIBRARIES:
            raise AskedWrongly(f"this needs {library}: pip install 'her2path[serve]'") from error
        raise
    from ..findings.settings import Settings
    from ..serve.configuration import read_configuration
    from ..tables.load import read_knowledge

    configuration = read_configuration(configuration_file, host=host, port=port)
    knowledge = read_knowledge()
    at = site_asked(settings_file, missing, knowledge)
    settings = Settings(on or dt.date.today(), jurisdiction=jurisdiction or at.jurisdiction, at=at)
    run(configuration, knowledge, settings, source, day=on, columns=pairs(columns, "--column lvef=EF"))
