"""Organizations (the tenants), the people and programs that act for them, and their keys."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.row import document, instant, key, new_id, one_of, refers, texts

TIERS = ("free", "pro", "enterprise")
ROLES = ("admin", "label_user", "api_user", "service")
AUTH_METHODS = ("none", "client_secret", "private_key_jwt")


class Organization(SQLModel, table=True):
    """A tenant: it owns content, carries a tier, and is known to partners by its DPIDs.

    territories: what a licensee is limited to (ISO 3166-1 alpha-2); null is no limit. is_operator: whether
    it runs this installation, so that its administrators administer the system. enrich_uploads: whether
    sound that is hung on a recording is analysed by itself.
    """

    __tablename__: ClassVar[Any] = "organization"
    __table_args__ = (
        one_of("tier", TIERS),
        UniqueConstraint("slug"),
        Index("uq_organization_operator", "is_operator", unique=True, postgresql_where=text("is_operator")),
    )

    id: uuid.UUID = key()
    name: str
    slug: str
    tier: str = Field(default="free", sa_column_kwargs={"server_default": text("'free'")})
    territories: list[str] | None = Field(default=None, sa_type=ARRAY(Text), nullable=True)
    is_operator: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    enrich_uploads: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    created_at: datetime = instant(default_now=True, nullable=False)


class OrganizationDpid(SQLModel, table=True):
    """A DDEX party id that an organization says is its own; it counts once it is proven, for one alone.

    proof: what the operator saw when confirming it.
    """

    __tablename__: ClassVar[Any] = "organization_dpid"
    __table_args__ = (
        UniqueConstraint("organization_id", "dpid"),
        Index(
            "uq_organization_dpid_proven",
            "dpid",
            unique=True,
            postgresql_where=text("proven_at is not null"),
        ),
    )

    id: uuid.UUID = key()
    organization_id: uuid.UUID = refers("organization.id", nullable=False)
    dpid: str
    claimed_at: datetime = instant(default_now=True, nullable=False)
    proven_at: datetime | None = instant()
    proof: str | None = None
    confirmed_by: str | None = None


class Tier(SQLModel, table=True):
    """What everybody of an organization may spend together: points a minute, bytes of files, and on models.

    most_file_bytes: of one file; most_kept_bytes: of all of them; most_upload_s: the time an upload may take.
    paid_models: whether models that cost something may be asked; model_cents_per_day: how many US cents.
    """

    __tablename__: ClassVar[Any] = "tier"
    __table_args__ = (
        one_of("name", TIERS),
        *(
            CheckConstraint(f"{column} > 0", name=column)
            for column in ("points_per_minute", "most_file_bytes", "most_kept_bytes", "most_upload_s")
        ),
        CheckConstraint("model_cents_per_day >= 0", name="model_cents_per_day"),
    )

    name: str = Field(primary_key=True)
    points_per_minute: int
    most_file_bytes: int = Field(
        default=512 << 20, sa_type=BigInteger, sa_column_kwargs={"server_default": text("536870912")}
    )
    most_kept_bytes: int = Field(
        default=5 << 30, sa_type=BigInteger, sa_column_kwargs={"server_default": text("5368709120")}
    )
    most_upload_s: int = Field(default=3600, sa_column_kwargs={"server_default": text("3600")})
    paid_models: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    model_cents_per_day: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    updated_at: datetime = instant(default_now=True, nullable=False)


class SystemSetting(SQLModel, table=True):
    """One setting of the installation that its administrators change while it runs."""

    __tablename__: ClassVar[Any] = "system_setting"

    name: str = Field(primary_key=True)
    value: Any = document(nullable=False)
    updated_at: datetime = instant(default_now=True, nullable=False)


class UserAccount(SQLModel, table=True):
    """A person who logs in. The e-mail address is kept as given and compared lower-cased."""

    __tablename__: ClassVar[Any] = "user_account"
    __table_args__ = (Index("uq_user_account_email", text("lower(email)"), unique=True),)

    id: uuid.UUID = key()
    email: str
    display_name: str
    password_hash: str | None = None
    password_changed_at: datetime | None = instant()
    disabled_at: datetime | None = instant()
    created_at: datetime = instant(default_now=True, nullable=False)


class LoginFailure(SQLModel, table=True):
    """Wrong passwords given for an e-mail address since the last right one, whether or not it has an account.

    email_hash: sha256 of the lower-cased address. locked_until: when the next may be tried.
    """

    __tablename__: ClassVar[Any] = "login_failure"
    __table_args__ = (Index("ix_login_failure_last_at", "last_at"),)

    email_hash: str = Field(primary_key=True)
    failures: int
    last_at: datetime = instant(default_now=True, nullable=False)
    locked_until: datetime = instant(default_now=True, nullable=False)


class OutsideIdentity(SQLModel, table=True):
    """Who a person is at an outside OpenID provider (OpenID Connect Core §2: iss and sub)."""

    __tablename__: ClassVar[Any] = "outside_identity"

    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    user_id: uuid.UUID = refers("user_account.id", nullable=False, on_delete="CASCADE")
    email: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)


class Member(SQLModel, table=True):
    """One person's role in one organization. id: by which callers know the membership."""

    __tablename__: ClassVar[Any] = "member"
    __table_args__ = (one_of("role", ROLES), UniqueConstraint("id"))

    id: uuid.UUID = Field(
        default_factory=new_id, nullable=False, sa_column_kwargs={"server_default": text("uuidv7()")}
    )
    organization_id: uuid.UUID = Field(foreign_key="organization.id", primary_key=True)
    user_id: uuid.UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    role: str
    created_at: datetime = instant(default_now=True, nullable=False)


class Invitation(SQLModel, table=True):
    """A place in an organization, kept for whoever has the token and the e-mail address."""

    __tablename__: ClassVar[Any] = "invitation"
    __table_args__ = (one_of("role", ROLES), UniqueConstraint("token_hash"))

    id: uuid.UUID = key()
    organization_id: uuid.UUID = refers("organization.id", nullable=False)
    email: str
    role: str
    token_hash: str
    invited_by: str
    created_at: datetime = instant(default_now=True, nullable=False)
    expires_at: datetime = instant(nullable=False)
    accepted_at: datetime | None = instant()
    revoked_at: datetime | None = instant()


class Client(SQLModel, table=True):
    """A program registered with an organization (an OAuth 2 client, RFC 6749 §2).

    auth_method: how it proves itself at the token endpoint; `none` is a public client, held by PKCE.
    jwks: its public keys (RFC 7517) for private_key_jwt. Secrets are kept as sha256 in hexadecimal; the
    previous one is good until its instant. points_per_minute: its share of the organization's budget.
    """

    __tablename__: ClassVar[Any] = "client"
    __table_args__ = (
        one_of("role", ROLES),
        one_of("auth_method", AUTH_METHODS),
        CheckConstraint("points_per_minute > 0", name="points_per_minute"),
    )

    id: uuid.UUID = key()
    organization_id: uuid.UUID = refers("organization.id", nullable=False)
    name: str
    role: str
    scopes: list[str] = texts()
    redirect_uris: list[str] = texts()
    auth_method: str = Field(
        default="client_secret", sa_column_kwargs={"server_default": text("'client_secret'")}
    )
    jwks: dict[str, Any] | None = document()
    secret_hash: str | None = None
    previous_secret_hash: str | None = None
    previous_secret_until: datetime | None = instant()
    points_per_minute: int | None = None
    created_by: str | None = None
    revoked_at: datetime | None = instant()
    created_at: datetime = instant(default_now=True, nullable=False)


class ApiKey(SQLModel, table=True):
    """A long-lived credential of a client; only its hash is kept.

    prefix: the public part it is found by. allowed_addresses: networks it may come from (CIDR); empty is
    any.
    """

    __tablename__: ClassVar[Any] = "api_key"
    __table_args__ = (UniqueConstraint("prefix"), CheckConstraint("length(hash) = 64", name="hash"))

    id: uuid.UUID = key()
    client_id: uuid.UUID = refers("client.id", nullable=False, on_delete="CASCADE")
    name: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    prefix: str
    hash: str
    scopes: list[str] = texts()
    allowed_addresses: list[str] = texts()
    expires_at: datetime | None = instant()
    last_used_at: datetime | None = instant()
    revoked_at: datetime | None = instant()
    created_by: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)


class Session(SQLModel, table=True):
    """One log-in of a person, ended by time, by log-out or by an administrator.

    organization_id: the one acted for, of those the person is a member of.
    """

    __tablename__: ClassVar[Any] = "session"

    id: uuid.UUID = key()
    user_id: uuid.UUID = refers("user_account.id", nullable=False, on_delete="CASCADE")
    organization_id: uuid.UUID | None = refers("organization.id")
    token_hash: str = Field(unique=True)
    address: str | None = None
    user_agent: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)
    authenticated_at: datetime = instant(default_now=True, nullable=False)
    last_seen_at: datetime = instant(default_now=True, nullable=False)
    expires_at: datetime = instant(nullable=False)
    ended_at: datetime | None = instant()


class GrantFamily(SQLModel, table=True):
    """One consent of a person to a client: every token that came of it ends with it.

    scopes: what was consented to (RFC 6749 §3.3).
    """

    __tablename__: ClassVar[Any] = "grant_family"

    id: uuid.UUID = key()
    client_id: uuid.UUID = refers("client.id", nullable=False, on_delete="CASCADE")
    user_id: uuid.UUID = refers("user_account.id", nullable=False, on_delete="CASCADE")
    organization_id: uuid.UUID = refers("organization.id", nullable=False)
    scopes: list[str] = texts()
    authenticated_at: datetime = instant(nullable=False)
    created_at: datetime = instant(default_now=True, nullable=False)
    revoked_at: datetime | None = instant()


class AuthorizationCode(SQLModel, table=True):
    """A code of the authorization code grant (RFC 6749 §4.1.2), good once and for a minute."""

    __tablename__: ClassVar[Any] = "authorization_code"

    code_hash: str = Field(primary_key=True)
    family_id: uuid.UUID = refers("grant_family.id", nullable=False, on_delete="CASCADE")
    redirect_uri: str
    code_challenge: str
    nonce: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)
    expires_at: datetime = instant(nullable=False)
    used_at: datetime | None = instant()


class RefreshToken(SQLModel, table=True):
    """A refresh token, good once: the next one takes its place (RFC 9700 §4.14)."""

    __tablename__: ClassVar[Any] = "refresh_token"

    token_hash: str = Field(primary_key=True)
    family_id: uuid.UUID = refers("grant_family.id", nullable=False, on_delete="CASCADE")
    scopes: list[str] = texts()
    created_at: datetime = instant(default_now=True, nullable=False)
    expires_at: datetime = instant(nullable=False)
    used_at: datetime | None = instant()


class UsedAssertion(SQLModel, table=True):
    """A client assertion that was presented (RFC 7523 §3, jti), so that it can't be again."""

    __tablename__: ClassVar[Any] = "used_assertion"

    client_id: uuid.UUID = Field(foreign_key="client.id", primary_key=True, ondelete="CASCADE")
    jti: str = Field(primary_key=True)
    expires_at: datetime = instant(nullable=False)


class Revocation(SQLModel, table=True):
    """A name that no credential issued by then may carry any longer; see `domain.access.revocation`."""

    __tablename__: ClassVar[Any] = "revocation"
    __table_args__ = (Index("ix_revocation_revoked_at", "revoked_at"),)

    name: str = Field(primary_key=True)
    revoked_at: datetime = instant(default_now=True, nullable=False)
    expires_at: datetime = instant(nullable=False)
