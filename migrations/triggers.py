"""The SQL that SQLModel can't say: folding, change triggers, partitions, the application role.

Kept beside the revisions and called by them. A revision that changes a function carries its own text,
so that an old revision keeps meaning what it meant.
"""

CONTENT_TABLES = (
    "artist",
    "release",
    "recording",
    "video",
    "track",
    "work",
    "podcast",
    "episode",
    "book",
    "audiobook",
    "deal",
    "image",
    "credit",
)
# table -> (column with the entity's id, field name in the history, kind or None where the row says it)
VALUE_TABLES = {
    "title": ("entity_id", "titles", None),
    "identifier": ("entity_id", "identifiers", None),
    "annotation": ("entity_id", "annotations", None),
    "medium": ("release_id", "media", "release"),
    "recording_work": ("recording_id", "works", "recording"),
    "video_recording": ("video_id", "recordings", "video"),
    "work_writer": ("work_id", "writers", "work"),
    "chapter": ("audiobook_id", "chapters", "audiobook"),
    "deal_subject": ("deal_id", "subjects", "deal"),
}
# Tables of named values, each of which is a field by itself; their functions stand in their revisions.
NAMED_TABLES = ("audio_feature",)

FOLD = """
create extension if not exists pg_trgm;
create extension if not exists unaccent;
-- In PL/pgSQL, which keeps the plan of the expression: a quarter of the time of the same function in SQL.
create or replace function catalog_fold(value text) returns text
  language plpgsql immutable strict parallel safe
  as $$ begin return lower(public.unaccent('public.unaccent'::regdictionary, value)); end $$;
"""

# PostgreSQL has uuidv7() from 18 on; older servers get one of the same shape (RFC 9562 §5.7).
UUIDV7 = """
do $do$ begin
  if current_setting('server_version_num')::int < 180000 then
    execute $fn$
      create or replace function uuidv7() returns uuid language sql volatile parallel safe as $$
        select encode(
          set_byte(set_byte(
            overlay(uuid_send(gen_random_uuid())
              placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
              from 1 for 6),
            6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
            8, (get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128), 'hex')::uuid
      $$ $fn$;
  end if;
end $do$;
"""

CHANGE_FUNCTIONS = """
create or replace function catalog_change_set() returns uuid language sql stable as
  $$ select nullif(current_setting('catalograph.change_set', true), '')::uuid $$;
create or replace function catalog_audit_class() returns text language sql stable as
  $$ select coalesce(nullif(current_setting('catalograph.audit_class', true), ''), 'catalog') $$;

create or replace function catalog_record_insert() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into entity (id, kind, owner_id) select id, tg_table_name, owner_id from new_rows
    on conflict (id) do nothing;
  insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_after, diff)
  select catalog_audit_class(), catalog_change_set(), n.owner_id, tg_table_name, n.id, 'insert', n.version,
         (select coalesce(jsonb_object_agg(f.key, jsonb_build_array(null, f.value)), '{}')
            from jsonb_each(to_jsonb(n) - '{id,owner_id,version,created_at,updated_at}'::text[]) f
           where f.value not in ('null', '[]'))
    from new_rows n;
  return null;
end $$;

-- Nested loops over two transition tables never end on a large statement, so they are off; the diff is a
-- correlated sub-select over a fenced join for the same reason.
create or replace function catalog_record_update() returns trigger
  language plpgsql security definer set search_path = public, pg_temp set enable_nestloop = off as $$
declare kept uuid;
begin
  with pair as materialized (
    select o.version as version_before, n.version as version_after, n.id, n.owner_id,
           to_jsonb(o) - '{id,version,created_at,updated_at}'::text[] as before,
           to_jsonb(n) - '{id,version,created_at,updated_at}'::text[] as after
      from old_rows o join new_rows n using (id)
  ), written as (
    insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, version_after, diff)
    select catalog_audit_class(), catalog_change_set(), p.owner_id, tg_table_name, p.id, 'update',
           p.version_before, p.version_after,
           (select coalesce(jsonb_object_agg(b.key, jsonb_build_array(b.value, p.after -> b.key)), '{}')
              from jsonb_each(p.before) b where b.value is distinct from p.after -> b.key)
      from pair p
     where p.version_after is distinct from p.version_before or p.before is distinct from p.after
  )
  select id into kept from pair
   where version_after <= version_before and before is distinct from after limit 1;
  if kept is not null then
    raise exception '% % changed and kept its version', tg_table_name, kept
      using errcode = 'integrity_constraint_violation', hint = 'set version = version + 1 in the same update';
  end if;
  return null;
end $$;

create or replace function catalog_record_delete() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, diff)
  select catalog_audit_class(), catalog_change_set(), o.owner_id, tg_table_name, o.id, 'delete', o.version,
         (select coalesce(jsonb_object_agg(f.key, jsonb_build_array(f.value, null)), '{}')
            from jsonb_each(to_jsonb(o) - '{id,owner_id,version,created_at,updated_at}'::text[]) f
           where f.value not in ('null', '[]'))
    from old_rows o;
  return null;
end $$;
"""

# Values that stand in tables of their own are part of their entity: the change row is the entity's, with the
# version it has now. Written out for each table, because PL/pgSQL keeps the plans of static SQL.
_VALUES_FUNCTION = """
create or replace function catalog_record_{table}() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, version_after, diff)
    select catalog_audit_class(), catalog_change_set(), e.owner_id, e.kind, e.id, 'update', v.version, v.version,
           jsonb_build_object('{field}', jsonb_build_array('[]'::jsonb, n.vs))
      from ({added}) n join entity e using (id), lateral (select {version} as version) v
     where v.version is not null;
  elsif tg_op = 'DELETE' then
    insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, version_after, diff)
    select catalog_audit_class(), catalog_change_set(), e.owner_id, e.kind, e.id, 'update', v.version, v.version,
           jsonb_build_object('{field}', jsonb_build_array(o.vs, '[]'::jsonb))
      from ({removed}) o join entity e using (id), lateral (select {version} as version) v
     where v.version is not null;
  else
    insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, version_after, diff)
    select catalog_audit_class(), catalog_change_set(), e.owner_id, e.kind, e.id, 'update', v.version, v.version,
           jsonb_build_object('{field}', jsonb_build_array(coalesce(o.vs, '[]'), coalesce(n.vs, '[]')))
      from ({removed}) o full join ({added}) n using (id)
      join entity e using (id), lateral (select {version} as version) v
     where v.version is not null and o.vs is distinct from n.vs;
  end if;
  return null;
end $$;
"""


def _values_function(table: str) -> str:
    parent, field, kind = VALUE_TABLES[table]
    rows = (
        "select x.{parent} as id, jsonb_agg(to_jsonb(x) - array['{parent}', 'kind'] order by x.position) as vs "
        "from {rows} x group by 1"
    )
    if kind:
        version = f"(select p.version from {kind} p where p.id = e.id)"
    else:
        cases = " ".join(
            f"when '{name}' then (select p.version from {name} p where p.id = e.id)"
            for name in CONTENT_TABLES
        )
        version = f"case e.kind {cases} end"
    return _VALUES_FUNCTION.format(
        table=table,
        field=field,
        version=version,
        added=rows.format(parent=parent, rows="new_rows"),
        removed=rows.format(parent=parent, rows="old_rows"),
    )


VALUE_FUNCTIONS = "".join(_values_function(table) for table in VALUE_TABLES)

PARTITIONS = """
create or replace function catalog_ensure_partitions(months_ahead int default 12) returns int
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  month timestamptz := date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' - interval '1 month';
  name text;
  made int := 0;
begin
  for i in 0 .. months_ahead + 1 loop
    name := 'change_p' || to_char(month at time zone 'UTC', 'YYYYMM');
    if to_regclass('public.' || name) is null then
      execute format('create table %I partition of change for values from (%L) to (%L)',
                     name, month, (month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
      made := made + 1;
    end if;
    month := (month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
  end loop;
  return made;
end $$;
"""

# The application reads and writes rows; it can't rewrite history, empty tables or switch triggers off.
ROLE = """
do $do$ begin
  if not exists (select 1 from pg_roles where rolname = 'catalograph_app') then
    create role catalograph_app nologin;
  end if;
  execute format('grant catalograph_app to %I', current_user);
exception when insufficient_privilege then
  raise notice 'role catalograph_app not made: % may not create roles', current_user;
end $do$;
"""

GRANTS = """
do $do$ declare part record; begin
  if exists (select 1 from pg_roles where rolname = 'catalograph_app') then
    grant usage on schema public to catalograph_app;
    grant select, insert, update, delete on all tables in schema public to catalograph_app;
    grant usage, select on all sequences in schema public to catalograph_app;
    grant execute on all functions in schema public to catalograph_app;
    revoke insert, update, delete on change, entity from catalograph_app;
    -- What is granted on all tables is granted on the log's partitions as well.
    for part in select relid::regclass as name from pg_partition_tree('change') loop
      execute format('revoke insert, update, delete on %s from catalograph_app', part.name);
    end loop;
    if to_regclass('change_dropped') is not null then
      revoke insert, update, delete on change_dropped from catalograph_app;
    end if;
    revoke update, delete on source_record from catalograph_app;
    grant update (merged_into_id) on entity to catalograph_app;
    alter default privileges in schema public grant select on tables to catalograph_app;
  end if;
end $do$;
"""


def split(script: str) -> list[str]:
    """The statements of a script; asyncpg runs one at a time, and bodies hold semicolons of their own."""
    statements: list[str] = []
    current: list[str] = []
    quote: str | None = None
    for line in script.strip().splitlines():
        current.append(line)
        for token in ("$do$", "$fn$", "$q$", "$$"):
            if quote in (None, token) and line.count(token) % 2 == 1:
                quote = None if quote else token
                break
        if quote is None and line.rstrip().endswith(";"):
            statements.append("\n".join(current).strip())
            current = []
    if "".join(current).strip():
        statements.append("\n".join(current).strip())
    return statements


def attach() -> list[str]:
    """The statements that put the change triggers on every content and value table."""
    made: list[str] = []
    events = {
        "insert": "referencing new table as new_rows",
        "update": "referencing old table as old_rows new table as new_rows",
        "delete": "referencing old table as old_rows",
    }
    for table in CONTENT_TABLES:
        made += [
            f"create trigger record_{event} after {event} on {table} {rows} "
            f"for each statement execute function catalog_record_{event}()"
            for event, rows in events.items()
        ]
    for table in VALUE_TABLES:
        made += [
            f"create trigger record_{event} after {event} on {table} {rows} "
            f"for each statement execute function catalog_record_{table}()"
            for event, rows in events.items()
        ]
    return made
