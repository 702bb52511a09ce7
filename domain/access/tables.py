"""Organizations (the tenants), the people and programs that act for them, and their keys."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.row import document, instant, key, one_of, refers, texts

TIERS = ("free", "pro", "enterprise")
ROLES = ("admin", "label_user", "api_user", "service")


class Organization(SQLModel, table=True):
    """A tenant: it owns content, carries a tier, and is known to partners by its DPIDs."""

    __tablename__: ClassVar[Any] = "organization"
    __table_args__ = (one_of("tier", TIERS), UniqueConstraint("slug"))

    id: uuid.UUID = key()
    name: str
    slug: str
    tier: str = Field(default="free", sa_column_kwargs={"server_default": text("'free'")})
    dpids: list[str] = texts()
    created_at: datetime = instant(default_now=True, nullable=False)


class UserAccount(SQLModel, table=True):
    """A person who logs in. The e-mail address is kept as given and compared lower-cased."""

    __tablename__: ClassVar[Any] = "user_account"
    __table_args__ = (Index("uq_user_account_email", text("lower(email)"), unique=True),)

    id: uuid.UUID = key()
    email: str
    display_name: str
    password_hash: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)


class Member(SQLModel, table=True):
    """One person's role in one organization."""

    __tablename__: ClassVar[Any] = "member"
    __table_args__ = (one_of("role", ROLES),)

    organization_id: uuid.UUID = Field(foreign_key="organization.id", primary_key=True)
    user_id: uuid.UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    role: str
    created_at: datetime = instant(default_now=True, nullable=False)


class Client(SQLModel, table=True):
    """A program registered with an organization (an OAuth 2 client, RFC 6749 §2)."""

    __tablename__: ClassVar[Any] = "client"
    __table_args__ = (one_of("role", ROLES),)

    id: uuid.UUID = key()
    organization_id: uuid.UUID = refers("organization.id", nullable=False)
    name: str
    role: str
    scopes: list[str] = texts()
    redirect_uris: list[str] = texts()
    public_key: dict[str, Any] | None = document()
    secret_hash: str | None = None
    revoked_at: datetime | None = instant()
    created_at: datetime = instant(default_now=True, nullable=False)


class ApiKey(SQLModel, table=True):
    """A long-lived credential of a client; only its hash is kept."""

    __tablename__: ClassVar[Any] = "api_key"
    __table_args__ = (UniqueConstraint("prefix"), CheckConstraint("length(hash) = 64", name="hash"))

    id: uuid.UUID = key()
    client_id: uuid.UUID = refers("client.id", nullable=False, on_delete="CASCADE")
    prefix: str
    hash: str
    scopes: list[str] = texts()
    allowed_addresses: list[str] = texts()
    expires_at: datetime | None = instant()
    last_used_at: datetime | None = instant()
    revoked_at: datetime | None = instant()
    created_at: datetime = instant(default_now=True, nullable=False)


class Session(SQLModel, table=True):
    """One log-in of a person, ended by time, by log-out or by an administrator."""

    __tablename__: ClassVar[Any] = "session"

    id: uuid.UUID = key()
    user_id: uuid.UUID = refers("user_account.id", nullable=False, on_delete="CASCADE")
    token_hash: str = Field(unique=True)
    created_at: datetime = instant(default_now=True, nullable=False)
    expires_at: datetime = instant(nullable=False)
    ended_at: datetime | None = instant()
