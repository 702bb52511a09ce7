"""The planted world of the graph's tests, and a server for those who come by HTTP."""

from tests.api.conftest import house, house_database
from tests.graph.conftest import engine, plain, planted, read_pool, world

__all__ = ["engine", "house", "house_database", "plain", "planted", "read_pool", "world"]
