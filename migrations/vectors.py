"""What vectors need of the database: the extension, and how keys are told.

pgvector is part of the embedded PostgreSQL. On another server it has to be installed, and only a superuser
may make it there, as its authors do not call it trusted.
"""

EXTENSION = """
do $do$ begin
  if not exists (select from pg_extension where extname = 'vector') then
    if not exists (select from pg_available_extensions where name = 'vector') then
      raise exception 'this PostgreSQL server has no pgvector, which similar recordings need'
        using errcode = 'feature_not_supported',
              hint = 'Install it (Debian: postgresql-18-pgvector, by your server''s version) and migrate again.';
    end if;
    begin
      create extension vector;
    exception when insufficient_privilege then
      raise exception 'pgvector is installed, and % may not make it', current_user
        using errcode = 'insufficient_privilege',
              hint = 'As a superuser, in this database: create extension vector; then migrate again.';
    end;
  end if;
  if (select string_to_array(extversion, '.')::int[] < '{0,7}' from pg_extension where extname = 'vector') then
    raise exception 'pgvector is %, too old; 0.7 or newer will do',
                    (select extversion from pg_extension where extname = 'vector')
      using errcode = 'feature_not_supported', hint = 'Update it: alter extension vector update;';
  end if;
end $do$;
"""

# From the name of a key to its place on the wheel that DJs go by: `8A` of `A minor`, `Am`, `8a`. Null for
# what names no key.
CAMELOT = """
create or replace function catalog_camelot(value text) returns text
  language plpgsql immutable strict parallel safe as $$
declare
  told text := translate(btrim(value), '♯♭', '#b');
  part text[] := regexp_match(told, '^0?([1-9]|1[0-2])\\s*([ABab])$');
  minor boolean;
  place int;
begin
  if part is not null then
    return part[1] || upper(part[2]);
  end if;
  part := regexp_match(told, '^([A-Ga-g])\\s*(#|b|)[\\s:_-]*([A-Za-z]*)$');
  if part is null or not (part[3] in ('', 'm', 'M') or lower(part[3]) in ('maj', 'major', 'min', 'minor')) then
    return null;
  end if;
  minor := part[3] = 'm' or lower(part[3]) in ('min', 'minor');
  place := (array[9, 11, 0, 2, 4, 5, 7])[ascii(upper(part[1])) - 64]
           + case part[2] when '#' then 1 when 'b' then -1 else 0 end + case when minor then 3 else 0 end;
  return ((place * 7 + 7 + 84) % 12 + 1)::text || case when minor then 'A' else 'B' end;
end $$;
"""

# What a recording that is merged sounded like is what the other sounds like, where nobody listened to that;
# and goes back when the two are parted. Its own row stays, and is seen of nobody as long as it is merged.
MERGE = """
create or replace function catalog_follow_merge() returns trigger language plpgsql as $$
begin
  if old.merged_into_id is not null then
    delete from embedding e using embedding o
     where e.entity_id = old.merged_into_id and o.entity_id = new.id
       and e.made_of = 'sound' and o.made_of = 'sound'
       and (e.model, e.model_version, e.of_sha256, e.made_at)
         = (o.model, o.model_version, o.of_sha256, o.made_at);
  end if;
  if new.merged_into_id is not null then
    insert into embedding
           (entity_id, kind, made_of, model, model_version, dimensions, vector, reason, of_sha256, made_at)
    select new.merged_into_id, o.kind, o.made_of, o.model, o.model_version, o.dimensions, o.vector, o.reason,
           o.of_sha256, o.made_at
      from embedding o
     where o.entity_id = new.id and o.made_of = 'sound'
       and not exists (select from embedding e
                        where e.entity_id = new.merged_into_id and e.made_of = 'sound');
  end if;
  return null;
end $$;
"""
MERGE_TRIGGER = """
create trigger follow_merge after update of merged_into_id on entity
  for each row when (new.kind = 'recording' and old.merged_into_id is distinct from new.merged_into_id)
  execute function catalog_follow_merge();
"""
