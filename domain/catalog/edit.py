"""The catalog's writes: create, edit and delete for each kind, declared once for every door."""

from domain.access.scopes import Scope
from domain.editing import declare

for _kind in (
    "artist",
    "release",
    "track",
    "recording",
    "work",
    "video",
    "podcast",
    "episode",
    "book",
    "audiobook",
    "image",
    "credit",
):
    declare(_kind, Scope.CATALOG_WRITE)
