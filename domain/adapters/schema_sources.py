"""Where XSDs come from: a folder, a zip archive, a file, or an http(s) address of one of these.

Every source is read into memory as path -> bytes, within limits, before anything is installed.
"""

import io
import posixpath
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

from domain.deliveries.schemas import SchemaSourceRefused

MAX_FILES = 1_000
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 30


def files_from(source: str) -> Mapping[str, bytes]:
    """The XSD files of a folder, archive, file or address, by path; SchemaSourceRefused says why not."""
    if source.startswith(("http://", "https://")):
        return _from_url(source)
    if "://" in source:
        raise SchemaSourceRefused(
            "schema_source_unknown", f"{source}: give a folder, a file, http:// or https://"
        )
    path = Path(source).expanduser()
    if path.is_dir():
        return _from_folder(path)
    if path.is_file():
        return _from_file(path)
    raise SchemaSourceRefused("schema_source_missing", f"{source}: there is no such folder or file")


def _from_folder(folder: Path) -> dict[str, bytes]:
    """The .xsd files of a folder, and the files next to it that they import."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*.xsd")):
        if path.is_file():
            _add(found, path.resolve().as_posix(), path.read_bytes())
    if not found:
        raise SchemaSourceRefused("schema_source_empty", f"{folder}: no .xsd file in it")
    return Siblings(found)


def _from_file(path: Path) -> Mapping[str, bytes]:
    if path.stat().st_size > MAX_DOWNLOAD_BYTES:
        raise SchemaSourceRefused(
            "schema_source_too_large", f"{path} is larger than {MAX_DOWNLOAD_BYTES} bytes"
        )
    data = path.read_bytes()
    if zipfile.is_zipfile(io.BytesIO(data)):
        return _from_zip(data)
    return Siblings({path.resolve().as_posix(): data})


class Siblings(dict[str, bytes]):
    """Files on disk: one that an import names and that was not in the folder is looked up beside it."""

    def __missing__(self, key: str) -> bytes:
        path = Path(key)
        if path.suffix != ".xsd" or not path.is_file():
            raise KeyError(key)
        _add(self, key, path.read_bytes())
        return dict.__getitem__(self, key)


def _from_zip(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                name = posixpath.normpath("/" + entry.filename.replace("\\", "/"))
                if entry.is_dir() or not name.endswith(".xsd"):
                    continue
                if entry.flag_bits & 1:
                    raise SchemaSourceRefused("schema_source_encrypted", f"{entry.filename} is encrypted")
                # The declared size may lie, so no more than the limit is ever unpacked.
                with archive.open(entry) as stream:
                    _add(found, name, stream.read(MAX_FILE_BYTES + 1))
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise SchemaSourceRefused("schema_source_broken", f"the archive can't be read: {error}") from error
    if not found:
        raise SchemaSourceRefused("schema_source_empty", "no .xsd file in the archive")
    return found


def _add(found: dict[str, bytes], name: str, data: bytes) -> None:
    if len(data) > MAX_FILE_BYTES:
        raise SchemaSourceRefused("schema_source_too_large", f"{name} is larger than {MAX_FILE_BYTES} bytes")
    if len(found) >= MAX_FILES or sum(map(len, found.values())) + len(data) > MAX_TOTAL_BYTES:
        raise SchemaSourceRefused(
            "schema_source_too_large", f"more than {MAX_FILES} files or {MAX_TOTAL_BYTES} bytes of schemas"
        )
    found[name] = data


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only."""

    def redirect_request(self, *args: object) -> urllib.request.Request | None:
        to = str(args[-1])
        if not to.startswith(("http://", "https://")):
            raise SchemaSourceRefused("schema_source_unknown", f"the address redirects to {to}")
        return super().redirect_request(*args)  # type: ignore[arg-type]


def _fetch(url: str) -> bytes:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            data: bytes = answer.read(MAX_DOWNLOAD_BYTES + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise SchemaSourceRefused("schema_source_unreachable", f"{url}: {error}") from error
    if len(data) > MAX_DOWNLOAD_BYTES:
        raise SchemaSourceRefused(
            "schema_source_too_large", f"{url} gives more than {MAX_DOWNLOAD_BYTES} bytes"
        )
    return data


class Fetched(dict[str, bytes]):
    """A schema by address: what it imports is fetched from the same host."""

    def __missing__(self, key: str) -> bytes:
        first = urllib.parse.urlsplit(next(iter(self)))
        wanted = urllib.parse.urlsplit(key)
        if (wanted.scheme, wanted.netloc) != (first.scheme, first.netloc):
            raise KeyError(key)
        _add(self, key, _fetch(key))
        return dict.__getitem__(self, key)


def _from_url(url: str) -> Mapping[str, bytes]:
    data = _fetch(url)
    if zipfile.is_zipfile(io.BytesIO(data)):
        return _from_zip(data)
    return Fetched({url: data})


def beside(path: str, location: str) -> str:
    """The path that a schemaLocation in the file at `path` names."""
    if "://" in path:
        return urllib.parse.urljoin(path, location)
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), location))
