"""Every command, declared: importing this module fills the registry."""

from domain import changes, job_commands, revert
from domain.access import api_keys, clients, dpids, ending, members, organizations, settings, tiers
from domain.alerts import edit as alerts
from domain.callbacks import partners as callbacks
from domain.catalog import edit as catalog
from domain.command import COMMANDS
from domain.deliveries import receive
from domain.erasure import erase as erasure
from domain.exports import ask as exports
from domain.features import ask as enrichment
from domain.features import correct as features
from domain.files import ask as files
from domain.models import edit as models
from domain.notices import channels as notices
from domain.retention import commands as retention
from domain.rights import edit as rights
from domain.vectors import generate as vectors

__all__ = [
    "COMMANDS",
    "alerts",
    "api_keys",
    "callbacks",
    "catalog",
    "changes",
    "clients",
    "dpids",
    "ending",
    "enrichment",
    "erasure",
    "exports",
    "features",
    "files",
    "job_commands",
    "members",
    "models",
    "notices",
    "organizations",
    "receive",
    "retention",
    "revert",
    "rights",
    "settings",
    "tiers",
    "vectors",
]
