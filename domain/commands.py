"""Every command, declared: importing this module fills the registry."""

from domain import changes, jobs, revert
from domain.catalog import edit as catalog
from domain.command import COMMANDS
from domain.deliveries import receive
from domain.rights import edit as rights

__all__ = ["COMMANDS", "catalog", "changes", "jobs", "receive", "revert", "rights"]
