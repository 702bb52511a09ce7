"""A server for those who come by HTTP."""

from tests.api.conftest import house, house_database, ours, theirs
from tests.api.test_cli import catalograph

__all__ = ["catalograph", "house", "house_database", "ours", "theirs"]
