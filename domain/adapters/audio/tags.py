"""What a file says of itself, in one vocabulary: claims of whoever wrote them, never measurements.

tinytag reads what it knows by the content; what FFmpeg read fills the gaps (APE, WavPack, DSF, Matroska).
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import BinaryIO

from tinytag import TinyTag
from tinytag.tinytag import TinyTagException

Tags = Mapping[str, tuple[str, ...]]

_MOST_NAMES = 200
_MOST_VALUES = 50
_LONGEST_NAME = 100
_LONGEST_VALUE = 10_000
# As tinytag, FFmpeg and the formats call it -> as it is called here.
_NAMES = {
    "albumartist": "album_artist",
    "album artist": "album_artist",
    "artists": "artist",
    "author": "artist",
    "performer": "performer",
    "year": "date",
    "date_recorded": "date",
    "originaldate": "original_date",
    "tracknumber": "track",
    "tracktotal": "track_total",
    "totaltracks": "track_total",
    "discnumber": "disc",
    "disctotal": "disc_total",
    "totaldiscs": "disc_total",
    "initial_key": "key",
    "initialkey": "key",
    "initial key": "key",
    "tkey": "key",
    "tbpm": "bpm",
    "tmpo": "bpm",
    "tempo": "bpm",
    "beats per minute": "bpm",
    "tsrc": "isrc",
    "tpub": "publisher",
    "organization": "publisher",
    "label": "publisher",
    "catalognumber": "catalog_number",
    "labelno": "catalog_number",
    "ean/upn": "barcode",
    "upc": "barcode",
    "tlan": "language",
    "encoded_by": "encoded_by",
    "encoder": "encoder",
    "encoder_settings": "encoder",
    "description": "comment",
    "unsyncedlyrics": "lyrics",
}
# What says how the container is built, and not what is in it.
_OF_THE_CONTAINER = {
    "major_brand",
    "minor_version",
    "compatible_brands",
    "handler_name",
    "vendor_id",
    "duration",
    "creation_time",
    "id3v2_priv",
    "metadata_block_picture",
}
_keep_all = TinyTag._set_other_field


def _keep_some(tag: TinyTag, name: str, value: str) -> None:
    """What tinytag keeps of a field: it compares each value with all others, so a flood would take hours."""
    kept = tag.other
    if len(kept.get(name, ())) < _MOST_VALUES and (name in kept or len(kept) < 4 * _MOST_NAMES):
        _keep_all(tag, name, value[: 4 * _LONGEST_VALUE])


TinyTag._set_other_field = _keep_some  # type: ignore[method-assign, assignment]
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read_tags(source: BinaryIO, of_ffmpeg: Tags) -> dict[str, tuple[str, ...]]:
    """The tags of a file by lower-case name, each with all its values; what can't be read is left out."""
    found: dict[str, list[str]] = {}
    _take(found, _by_tinytag(source))
    known = set(found)
    _take(found, ((name, value) for name, values in of_ffmpeg.items() for value in values), but=known)
    return {name: tuple(values) for name, values in found.items()}


def _by_tinytag(source: BinaryIO) -> list[tuple[str, str]]:
    source.seek(0)
    with suppress(TinyTagException, ValueError, LookupError):
        # Without a name it goes by the content.
        read = TinyTag.get(file_obj=source, duration=False).as_dict()
        return [
            (name, str(value))
            for name, values in read.items()
            if isinstance(values, list)
            for value in values
        ]
    return []


def _take(found: dict[str, list[str]], pairs: Iterable[tuple[str, str]], but: Iterable[str] = ()) -> None:
    """Add names and values, each as this house calls it, within bounds."""
    for said, text in pairs:
        name = said.strip().lower()
        name = _NAMES.get(name, name)
        value = _UNSEEN.sub("", text).strip()[:_LONGEST_VALUE]
        if not name or not value or len(name) > _LONGEST_NAME or name in _OF_THE_CONTAINER or name in but:
            continue
        if name not in found and len(found) >= _MOST_NAMES:
            continue
        values = found.setdefault(name, [])
        if value not in values and len(values) < _MOST_VALUES:
            values.append(value)
