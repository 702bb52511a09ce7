"""The trail of who may come in: a trigger that records what commands change of clients, keys and members.

Only the columns named here are recorded. Secrets, hashes and e-mail addresses are not among them, and a
column added later is not recorded until somebody names it.
"""

# table -> (column that says the organization, the columns that are recorded)
RECORDED: dict[str, tuple[str, tuple[str, ...]]] = {
    "organization": ("id", ("name", "slug", "tier", "territories", "is_operator")),
    "organization_dpid": ("organization_id", ("dpid", "proven_at", "proof", "confirmed_by")),
    "member": ("organization_id", ("user_id", "role")),
    "invitation": ("organization_id", ("role", "invited_by", "expires_at", "accepted_at", "revoked_at")),
    "client": (
        "organization_id",
        (
            "name",
            "role",
            "scopes",
            "redirect_uris",
            "auth_method",
            "jwks",
            "previous_secret_until",
            "points_per_minute",
            "revoked_at",
        ),
    ),
    "api_key": (
        "client_id",
        ("client_id", "name", "prefix", "scopes", "allowed_addresses", "expires_at", "revoked_at"),
    ),
    "tier": ("", ("name", "points_per_minute")),
    "system_setting": ("", ("name", "value")),
}

# tg_argv: the column with the organization (of a client where it is client_id, empty where the row is the
# installation's), then the columns. What has no id is known by the md5 of its name.
FUNCTION = """
create or replace function catalog_record_access() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  before jsonb := case when tg_op = 'INSERT' then '{}' else to_jsonb(old) end;
  after jsonb := case when tg_op = 'DELETE' then '{}' else to_jsonb(new) end;
  row_ jsonb := case when tg_op = 'DELETE' then before else after end;
  told jsonb;
  owner uuid;
begin
  -- Outside of commands nobody is known who did it.
  if catalog_change_set() is null then
    return null;
  end if;
  select coalesce(jsonb_object_agg(c, jsonb_build_array(before -> c, after -> c)), '{}') into told
    from unnest(tg_argv[1:]) c
   where coalesce(before -> c, 'null') is distinct from coalesce(after -> c, 'null')
     and not (tg_op = 'INSERT' and after -> c = '[]');
  if told = '{}' and tg_op = 'UPDATE' then
    return null;
  end if;
  if tg_argv[0] = 'client_id' then
    select organization_id into owner from client where id = (row_ ->> 'client_id')::uuid;
  elsif tg_argv[0] <> '' then
    owner := (row_ ->> tg_argv[0])::uuid;
  end if;
  -- What the operator does to a tenant stands in the trails of both.
  insert into change (class, change_set_id, owner_id, kind, entity_id, op, diff)
  select 'operations', catalog_change_set(), o, tg_table_name,
         coalesce((row_ ->> 'id')::uuid, md5(row_ ->> 'name')::uuid), lower(tg_op), told
    from (select owner union select owner_id from change_set where id = catalog_change_set()) x (o)
   where o is not null;
  return null;
end $$;
"""


def attach() -> list[str]:
    """The statements that put the trigger on every table; a key's last use does not wake it."""
    made = []
    for table, (owner, columns) in RECORDED.items():
        given = ", ".join(f"'{name}'" for name in (owner, *columns))
        made.append(
            f"create trigger record_access after insert or delete or update of {', '.join(columns)} on {table} "
            f"for each row execute function catalog_record_access({given})"
        )
    return made
