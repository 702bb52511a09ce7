"""What is said about the operator's XSDs: which are installed, and what is wrong with them."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Installed:
    """One namespace that deliveries can be judged by. sha256 is of the file as it came."""

    namespace: str
    file: str
    sha256: str
    origin: str
    state: str = "installed"


@dataclass(frozen=True, slots=True)
class Fault:
    """A schema that was not installed, or whose files are not what was installed, and why."""

    name: str
    code: str
    text: str


class SchemaSourceRefused(Exception):
    """The place named gives no schemas: a stable code and what would do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Schemas(Protocol):
    """The installed schemas of one folder."""

    def installed(self) -> tuple[Installed, ...]:
        """Every namespace that can be judged, in order."""
        ...

    def install(self, source: str) -> tuple[tuple[Installed, ...], tuple[Fault, ...]]:
        """Install every schema of a folder, archive, file or address; SchemaSourceRefused if it is no use."""
        ...

    def verify(self) -> tuple[Fault, ...]:
        """Every installed file that is missing, changed, or no longer compiles."""
        ...
