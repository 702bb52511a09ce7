"""Makes adapters for the command line, so that its verbs need not know them."""

from pathlib import Path

from domain.adapters.ern.reader import ErnReader
from domain.adapters.schemas import SchemaStore


def schema_store(state_folder: Path) -> SchemaStore:
    """The XSDs installed in the state folder."""
    return SchemaStore(state_folder / "schemas")


def ern_reader(state_folder: Path) -> ErnReader:
    """The reader of ERN deliveries, judging by the installed XSDs."""
    return ErnReader(schema_store(state_folder))
