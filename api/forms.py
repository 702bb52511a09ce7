"""A multipart form read part by part, as it comes: nothing of it is kept but its short fields.

Starlette's own parser spools every file to a folder before anybody sees a byte of it; this one hands the
bytes of the file on while they arrive (RFC 7578).
"""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.problems import Problem

# Of what stands around the file: boundaries, headers and short fields.
MOST_AROUND = 64 << 10
_MOST_FIELDS = 20
_LONGEST_FIELD = 4 << 10
_HEADERS = 8 << 10


@dataclass(frozen=True)
class Part:
    """The beginning of a part. file_name: None where it is no file."""

    name: str
    file_name: str | None
    media_type: str | None


class Form:
    """A form under way: short fields are collected, the bytes of each file are given as they come."""

    def __init__(self, content_type: str | None, stream: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise Problem("UNSUPPORTED_MEDIA_TYPE", "the body is a multipart/form-data with a boundary")
        self.fields: dict[str, str] = {}
        self._stream = stream
        self._seen: deque[Part | bytes | None] = deque()
        self._headers = _Headers()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._headers.name,
                    "on_header_value": self._headers.value,
                    "on_header_end": self._headers.end,
                    "on_headers_finished": lambda: self._seen.append(self._headers.part()),
                    "on_part_data": lambda data, start, end: self._seen.append(data[start:end]),
                    "on_part_end": lambda: self._seen.append(None),
                    "on_end": self._end,
                },
                max_header_count=8,
                max_header_size=_HEADERS,
            )
        except FormParserError as error:
            raise Problem("BAD_REQUEST", f"the form can't be read: {error}") from None

    async def files(self) -> AsyncIterator[tuple[Part, AsyncIterator[bytes]]]:
        """Each file of the form with its bytes, which must be read before the next is asked for.

        Raises Problem: also where the form breaks off.
        """
        while (part := await self._next()) is not _END:
            assert isinstance(part, Part)
            if part.file_name is not None:
                yield part, self._bytes()
                continue
            text = bytearray()
            async for piece in self._bytes():
                text += piece
                if len(text) > _LONGEST_FIELD:
                    raise Problem(
                        "PAYLOAD_TOO_LARGE", f"the field {part.name!r} is longer than a field may be"
                    )
            if part.name in self.fields or len(self.fields) >= _MOST_FIELDS:
                raise Problem("BAD_REQUEST", f"the field {part.name!r} is one too many")
            self.fields[part.name] = text.decode("utf-8", "replace")

    async def _bytes(self) -> AsyncIterator[bytes]:
        while (piece := await self._next()) is not None:
            assert isinstance(piece, bytes)
            yield piece

    async def _next(self) -> "Part | bytes | _End | None":
        while not self._seen:
            if self._ended:
                return _END
            chunk = await anext(self._stream, None)
            if chunk is None:
                raise Problem("BAD_REQUEST", "the form breaks off before its last boundary")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise Problem("BAD_REQUEST", f"the form can't be read: {error}") from None
        return self._seen.popleft()

    def _end(self) -> None:
        self._ended = True


class _End:
    """The form is over."""


_END = _End()


@dataclass
class _Headers:
    """The headers of the part under way."""

    found: dict[str, str] = field(default_factory=dict)
    _name: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)

    def clear(self) -> None:
        self.found.clear()

    def name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end(self) -> None:
        self.found[self._name.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._name.clear()
        self._value.clear()

    def part(self) -> Part:
        kind, options = parse_options_header(
            self.found.get("content-disposition", "").encode().decode("latin-1")
        )
        name = options.get(b"name")
        if kind != b"form-data" or name is None:
            raise Problem("BAD_REQUEST", "a part of the form has no name")
        file = options.get(b"filename")
        return Part(
            name.decode("utf-8", "replace"),
            None if file is None else file.decode("utf-8", "replace"),
            self.found.get("content-type"),
        )
