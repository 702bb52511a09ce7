"""What would break a caller between two printed interfaces.

The committed files are compared with those of the last release (the newest tag), or of the last commit
where nothing is released yet. A break that is meant stands in `openapi/breaks.txt`, one a line as it is
told here, with the reason after ` # `; the file is emptied at each release.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graphql import build_schema
from graphql.utilities import find_breaking_changes

HERE = Path(__file__).parent
MEANT = HERE / "breaks.txt"


def schema_breaks(old: str, new: str) -> list[str]:
    """Breaking changes of the GraphQL schema, as sentences."""
    return sorted(
        f"{change.type.name}: {change.description}"
        for change in find_breaking_changes(build_schema(old), build_schema(new))
    )


def route_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Routes that are gone, and inputs that have become required."""
    return sorted(_route_breaks(old["paths"], new["paths"]))


def _route_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in old.items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            present = new.get(path, {}).get(method)
            if present is None:
                yield f"ROUTE_REMOVED: {name} was removed."
                continue
            needed = _required(present) - _required(operation)
            yield from (f"INPUT_REQUIRED: {name} now needs {part}." for part in sorted(needed))


def _required(operation: Mapping[str, Any]) -> set[str]:
    needed = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter.get("required")}
    content = operation.get("requestBody", {}).get("content", {})
    return needed | {
        name for media in content.values() for name in media.get("schema", {}).get("required", ())
    }


def meant() -> set[str]:
    """The breaks that were decided on."""
    if not MEANT.exists():
        return set()
    return {line.split(" # ")[0].strip() for line in MEANT.read_text().splitlines() if line.strip()}


def earlier(name: str) -> str | None:
    """A printed file as it was released last, or committed last; None outside a repository."""
    git = shutil.which("git")
    if git is None:
        return None
    tag = _run(git, "describe", "--tags", "--abbrev=0")
    return _run(git, "show", f"{(tag or 'HEAD').strip()}:openapi/{name}")


def _run(*command: str) -> str | None:
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout if done.returncode == 0 else None
