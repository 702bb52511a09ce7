"""Who may do what, written down once more by hand, from the design and not from the code.

The declarations are compared with this table, and every cell of the matrix is judged by it. What stands
nowhere here has no rule, and the suite fails until somebody has decided on one.
"""

from collections.abc import Iterable

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, GraphQLUnionType, get_named_type

READ = frozenset(
    {
        *("catalog:read", "rights:read", "deliveries:read", "files:read"),
        *("jobs:read", "audit:read", "notices:read"),
    }
)
WRITE = frozenset(
    {
        *("catalog:write", "rights:write", "deliveries:write", "files:write"),
        *("exports:run", "enrichment:run", "jobs:write"),
    }
)
MANAGE = frozenset({"members:manage", "clients:manage"})
CALLBACKS = frozenset({"webhooks:manage"})
RETENTION = frozenset({"retention:manage"})
SYSTEM = frozenset({"system:admin", "system:metrics"})
EVERY_SCOPE = READ | WRITE | MANAGE | CALLBACKS | RETENTION | SYSTEM

# The most that each role may do in an organization; the operator's administrators also run the system.
ROLES = {"admin": READ | WRITE | MANAGE | CALLBACKS | RETENTION, "label_user": READ | WRITE | CALLBACKS}
ROLES["api_user"] = READ | WRITE
ROLES["service"] = READ | WRITE

_TYPES = {
    "catalog:read": (
        "Artist ArtistCredit CreditedName Release Medium Track Recording Work Writer Video Credit "
        "AudioFeature Enrichment Similar SimilarRecording Podcast Episode Book Audiobook Chapter Image "
        "Title Identifier Annotation"
    ),
    "rights:read": "Deal",
    "deliveries:read": "Delivery Finding",
    "files:read": "File",
    "jobs:read": "Job",
    "audit:read": "ChangeSet Change",
    "members:manage": "Member Invitation",
    "clients:manage": "Client ApiKey",
    "webhooks:manage": "CallbackPartner CallbackEvent Distribution NoticeChannel",
    "notices:read": "Notice NoticeDelivery Alert",
    "retention:manage": "LegalHold",
    "": "Organization Dpid Session",
}
# What is needed to read anything of a type; nothing, where everybody has such things of their own.
TYPES = {name: scope for scope, names in _TYPES.items() for name in names.split()}
# Fields that need something other than their type, or than the type they lead to.
FIELDS: dict[tuple[str, str], frozenset[str]] = {}
# Root fields that are named for no type.
ROOTS: dict[str, frozenset[str]] = {
    "node": frozenset(),
    "nodes": frozenset(),
    "viewer": frozenset(),
    "rateLimit": frozenset(),
    "tiers": frozenset(),
    "systemSettings": frozenset({"system:admin"}),
    "jobLanes": frozenset({"jobs:read"}),
    "alertRules": frozenset({"system:admin"}),
    "search": frozenset({"catalog:read"}),
    "availability": frozenset({"catalog:read"}),
    "availabilities": frozenset({"catalog:read"}),
    "coverage": frozenset({"catalog:read"}),
    "similarTo": frozenset({"catalog:read"}),
    "provenance": frozenset({"catalog:read"}),
    "changes": frozenset({"audit:read"}),
    "retentionPlan": frozenset({"retention:manage"}),
    "erasurePlan": frozenset({"system:admin"}),
    "models": frozenset({"jobs:read"}),
    "modelReport": frozenset({"jobs:read"}),
    "modelPermission": frozenset({"jobs:read"}),
    "modelDecisions": frozenset({"system:admin"}),
    "erasures": frozenset({"system:admin"}),
    "updates": frozenset({"audit:read"}),
}
_CONTENT = (
    *("artist", "release", "track", "recording", "work", "video"),
    *("podcast", "episode", "book", "audiobook", "image", "credit"),
)
COMMANDS = {
    **{f"{verb}_{kind}": "catalog:write" for kind in _CONTENT for verb in ("create", "edit", "delete")},
    **{f"{verb}_deal": "rights:write" for verb in ("create", "edit", "delete")},
    **dict.fromkeys(
        ("create_client", "edit_client", "revoke_client", "rotate_client_secret"), "clients:manage"
    ),
    **dict.fromkeys(("create_api_key", "revoke_api_key"), "clients:manage"),
    **dict.fromkeys(("invite_member", "revoke_invitation", "edit_member", "remove_member"), "members:manage"),
    **dict.fromkeys(("claim_dpid", "withdraw_dpid", "edit_organization"), "members:manage"),
    **dict.fromkeys(("create_organization", "edit_organization_terms", "confirm_dpid"), "system:admin"),
    **dict.fromkeys(("edit_system_settings", "edit_tier", "edit_alert_rule"), "system:admin"),
    **dict.fromkeys(
        ("create_callback_partner", "edit_callback_partner", "delete_callback_partner"), "webhooks:manage"
    ),
    **dict.fromkeys(("rotate_callback_secret", "test_callback", "replay_callback"), "webhooks:manage"),
    **dict.fromkeys(
        ("create_notice_channel", "edit_notice_channel", "delete_notice_channel", "test_notice_channel"),
        "webhooks:manage",
    ),
    **dict.fromkeys(
        ("place_legal_hold", "release_legal_hold", "extend_retention", "set_retention_policy"),
        "retention:manage",
    ),
    "run_retention": "system:admin",
    **dict.fromkeys(("add_model", "edit_model", "promote_model", "rollback_model"), "system:admin"),
    "decide_models": "system:admin",
    "edit_model_permission": "members:manage",
    "erase_person": "system:admin",
    "end_session": "",
    "apply_changes": "catalog:write",
    "generate_embedding": "enrichment:run",
    "correct_feature": "catalog:write",
    "release_feature": "catalog:write",
    "revert_change_set": "catalog:write",
    "receive_delivery": "deliveries:write",
    "validate_delivery": "deliveries:write",
    **dict.fromkeys(
        ("create_upload", "complete_upload", "attach_file", "detach_file", "delete_file"), "files:write"
    ),
    "export_catalog": "exports:run",
    **dict.fromkeys(
        ("enrich_recording", "enrich_release", "enrich_catalog", "extract_audio_features"), "enrichment:run"
    ),
    "cancel_job": "jobs:write",
    "retry_job": "jobs:write",
    "requeue_dead_letters": "jobs:write",
}


class NoRule(Exception):
    """Nobody has decided who may use this."""


def of_field(core: GraphQLSchema, type_name: str, field: str) -> frozenset[str]:
    """The scopes that a field needs, beyond those of whatever holds a value without a rule of its own."""
    type_ = core.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    led_to = item_of(get_named_type(type_.fields[field].type))
    if type_ is core.query_type or type_ is core.subscription_type:
        if field in ROOTS:
            return ROOTS[field]
        if led_to.name not in TYPES:
            raise NoRule(f"{type_name}.{field}: write into tests/matrix/rules.py who may read it")
        return _scopes(TYPES[led_to.name])
    if (type_name, field) in FIELDS:
        return FIELDS[type_name, field]
    if type_name not in TYPES:
        return frozenset()
    return _scopes(TYPES[type_name], TYPES.get(led_to.name, ""))


def of_type(type_name: str) -> frozenset[str]:
    """The scopes that anything of a type needs."""
    return _scopes(TYPES.get(type_name, ""))


def _scopes(*names: str) -> frozenset[str]:
    return frozenset(names) - {""}


def of_command(name: str) -> str:
    """The scope that a command needs; empty where it needs none."""
    if name not in COMMANDS:
        raise NoRule(f"{name}: write into tests/matrix/rules.py who may do it")
    return COMMANDS[name]


def item_of(named: object) -> GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType:
    """The type of what a connection or an edge holds; any other type is itself."""
    fields = getattr(named, "fields", {})
    for inside in ("nodes", "node"):
        if inside in fields and str(getattr(named, "name", "")).endswith(("Connection", "Edge")):
            named = get_named_type(fields[inside].type)
    return named  # type: ignore[return-value]


def held(core: GraphQLSchema, below: Iterable[str]) -> set[str]:
    """The types without a rule that are reached from other types: values, pages, edges."""
    waiting, seen = list(below), set(below)
    while waiting:
        for field in getattr(core.type_map[waiting.pop()], "fields", {}).values():
            inner = get_named_type(field.type)
            for one in (inner, *getattr(inner, "types", ())):
                if isinstance(one, GraphQLObjectType) and one.name not in seen:
                    seen.add(one.name)
                    waiting.append(one.name)
    return {name for name in seen if name not in TYPES} - {"Query", "Mutation", "Subscription"}
