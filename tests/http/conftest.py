"""The server of tests/api, for what is asked of it here."""

from tests.api.conftest import house, house_database, ours, theirs

__all__ = ["house", "house_database", "ours", "theirs"]
