"""The operator's XSDs: installed once, keyed by namespace, with checksums; they judge each delivery.

DDEX's schemas are not ours to ship. A folder holds the files under names made of their content, and
`manifest.json`, which is replaced last and at once: a reader sees the old set or the new one, never half.
"""

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from domain.adapters.schema_sources import beside, files_from
from domain.deliveries.schemas import Fault, Installed, SchemaSourceRefused

XS = "{http://www.w3.org/2001/XMLSchema}"
_IMPORTS = (f"{XS}import", f"{XS}include", f"{XS}redefine")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A schema ready to judge. The lock is held while it does, because lxml keeps its log in the schema."""

    namespace: str
    path: Path
    sha256: str
    schema: etree.XMLSchema
    lock: threading.Lock


class SchemaStore:
    """The installed schemas of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._compiled: dict[str, Compiled] = {}

    def installed(self) -> tuple[Installed, ...]:
        """Every namespace that can be judged, in order."""
        schemas = self._manifest()["schemas"]
        return tuple(Installed(namespace=name, **schemas[name]) for name in sorted(schemas))

    def load(self, namespace: str) -> Compiled | None:
        """The schema of a namespace, compiled once; None when none is installed for it."""
        entry = self._manifest()["schemas"].get(namespace)
        if entry is None:
            return None
        known = self._compiled.get(namespace)
        if known is not None and known.path.name == entry["file"]:
            return known
        path = self.folder / entry["file"]
        made = Compiled(namespace, path, entry["sha256"], compiled(path), threading.Lock())
        self._compiled[namespace] = made
        return made

    def install(self, source: str) -> tuple[tuple[Installed, ...], tuple[Fault, ...]]:
        """Install every schema that a folder, archive, file or address holds.

        Gives what was installed (state: installed, replaced or unchanged) and what could not be.
        SchemaSourceRefused when the source itself is of no use.
        """
        sources = _Sources(files_from(source))
        manifest = self._manifest()
        done: list[Installed] = []
        faults = list(sources.faults)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sources.mains():
            try:
                files = sources.closure(path)
                entry = self._put(path, files, sources)
            except (SchemaSourceRefused, etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
                faults.append(_fault(path, error))
                continue
            namespace = sources.namespace[path]
            before = manifest["schemas"].get(namespace)
            state = "installed" if before is None else "replaced"
            if before is not None and before["file"] == entry["file"]:
                state = "unchanged"
            manifest["schemas"][namespace] = entry
            manifest["files"].update(entry_files := self._checksums(files, sources))
            assert entry["file"] in entry_files
            done.append(Installed(namespace=namespace, **entry, state=state))
        if done:
            self._write(MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
        return tuple(sorted(done, key=lambda one: one.namespace)), tuple(faults)

    def verify(self) -> tuple[Fault, ...]:
        """Every installed file that is missing, changed, or no longer compiles."""
        faults = []
        manifest = self._manifest()
        for name, checksum in sorted(manifest["files"].items()):
            path = self.folder / name
            if not path.is_file():
                faults.append(Fault(name, "schema_file_missing", "the file is gone; install it again"))
            elif hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
                faults.append(
                    Fault(name, "schema_file_changed", "the file is not what was installed; install it again")
                )
        if not faults:
            for namespace in manifest["schemas"]:
                try:
                    self.load(namespace)
                except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
                    faults.append(Fault(namespace, "schema_invalid", str(error)))
        return tuple(faults)

    def _manifest(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / MANIFEST).read_bytes()))
        except FileNotFoundError:
            return {"format": 1, "schemas": {}, "files": {}}
        except ValueError as error:
            raise SchemaSourceRefused(
                "schema_manifest_broken",
                f"{self.folder / MANIFEST} can't be read ({error}); remove the folder and install again",
            ) from error

    def _put(self, path: str, files: Mapping[str, str], sources: "_Sources") -> dict[str, str]:
        for member, stored in files.items():
            if not (self.folder / stored).is_file():
                self._write(stored, sources.rewritten(member, files))
        compiled(self.folder / files[path])
        return {
            "file": files[path],
            "sha256": hashlib.sha256(sources.files[path]).hexdigest(),
            "origin": path.rsplit("/", 2)[-2] + "/" + path.rsplit("/", 1)[-1] if "/" in path else path,
        }

    def _checksums(self, files: Mapping[str, str], sources: "_Sources") -> dict[str, str]:
        return {
            stored: hashlib.sha256(sources.rewritten(member, files)).hexdigest()
            for member, stored in files.items()
        }

    def _write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all."""
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(self.folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def compiled(path: Path) -> etree.XMLSchema:
    """The compiled schema of a file, read without network and without expanding entities."""
    return etree.XMLSchema(etree.parse(str(path), _parser()))


def _fault(path: str, error: Exception) -> Fault:
    """What is wrong with a file. The codes of lxml's errors are numbers of its own and are not told."""
    code = error.code if isinstance(error, SchemaSourceRefused) else "schema_invalid"
    return Fault(path, code, str(error))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)


class _Sources:
    """The files of a source, which of them are schemas, and what imports what."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.roots: dict[str, etree._Element] = {}
        self.namespace: dict[str, str] = {}
        self.faults: list[Fault] = []
        self._imported: set[str] = set()
        for path in list(files):
            try:
                self._take(path)
            except (SchemaSourceRefused, etree.XMLSyntaxError) as error:
                self.faults.append(_fault(path, error))

    def _take(self, path: str) -> None:
        root = etree.fromstring(self.files[path], _parser())
        if root.tag != f"{XS}schema":
            raise SchemaSourceRefused("schema_invalid", f"{path} is no XML schema but {root.tag!r}")
        self.roots[path] = root
        self.namespace[path] = str(root.get("targetNamespace") or "")
        for element in root:
            if element.tag in _IMPORTS and element.get("schemaLocation"):
                self._imported.add(beside(path, str(element.get("schemaLocation"))))

    def mains(self) -> list[str]:
        """The schemas that no other one imports: those that judge whole messages."""
        return [path for path in self.roots if path not in self._imported and self.namespace[path]]

    def closure(self, path: str) -> dict[str, str]:
        """The file and all it imports, each with the name it is stored under.

        The name is made of the content of the file and of all that it imports in turn, because a stored
        file names its imports: the same file beside another value set is another file.
        """
        return {member: self._stored_name(member) for member in self._reached(path)}

    def _reached(self, path: str) -> set[str]:
        found: set[str] = set()
        waiting = [path]
        while waiting:
            member = waiting.pop()
            if member in found:
                continue
            if member not in self.roots:
                try:
                    self._take(member)
                except KeyError as error:
                    raise SchemaSourceRefused(
                        "schema_import_missing", f"{path} imports {member}, which is not there"
                    ) from error
            found.add(member)
            waiting += [
                beside(member, str(element.get("schemaLocation")))
                for element in self.roots[member]
                if element.tag in _IMPORTS and element.get("schemaLocation")
            ]
        return found

    def _stored_name(self, path: str) -> str:
        own = hashlib.sha256(self.files[path]).hexdigest()
        others = sorted(hashlib.sha256(self.files[member]).hexdigest() for member in self._reached(path))
        digest = hashlib.sha256(" ".join((own, *others)).encode()).hexdigest()
        return f"{path.rsplit('/', 1)[-1].removesuffix('.xsd')}-{digest[:16]}.xsd"

    def rewritten(self, path: str, files: Mapping[str, str]) -> bytes:
        """The file as it is stored: imports by stored name, no DOCTYPE."""
        root = etree.fromstring(self.files[path], _parser())
        for element in root:
            if element.tag in _IMPORTS and element.get("schemaLocation"):
                element.set("schemaLocation", files[beside(path, str(element.get("schemaLocation")))])
        return etree.tostring(root, encoding="utf-8", xml_declaration=True, with_tail=False)
