"""The SQL that puts a pseudonym in a person's place, everywhere and in the log, which nobody else can change.

It acts only on an erasure that is under way and that no legal hold forbids.
"""

FORGET = """
create or replace function catalog_forget_person(p_erasure uuid) returns jsonb
  language plpgsql security definer set search_path = public, pg_temp set statement_timeout = 0 as $$
declare
  who record;
  one record;
  own text;
  made text;
  found text;
  count bigint;
  told jsonb := '{}';
begin
  select user_id::text as id, email, name, pseudonym::text as pseudonym into who
    from erasure where id = p_erasure and state = 'running' and user_id is not null for update;
  if who.id is null then
    raise exception 'no erasure % is under way', p_erasure using errcode = 'invalid_parameter_value';
  end if;
  if exists (select from user_account where id = who.id::uuid) then
    raise exception 'the account is there still' using errcode = 'invalid_parameter_value';
  end if;
  if exists (select from legal_hold where released_at is null and subject_type = 'person'
                and subject_id = who.id::uuid) then
    raise exception 'a legal hold keeps the person' using errcode = 'invalid_parameter_value';
  end if;
  for one in
    select c.relname::text as name, a.attname::text as field, format_type(a.atttypid, null) as kind
      from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
       and format_type(a.atttypid, null) in ('uuid', 'text', 'character varying', 'json', 'jsonb', 'text[]',
                                             'character varying[]')
       and c.relname not in ('erasure', 'alembic_version', 'revocation', 'source_record', 'source_mapping',
                             'artist_credit', 'artist_credit_name', 'entity')
       and not exists (select from pg_trigger g where g.tgrelid = c.oid and g.tgname = 'record_delete')
     -- The log comes last: what is renamed before may be recorded in it.
     order by c.relname = 'change', c.relname, a.attnum
  loop
    own := format('t.%I', one.field);
    if one.kind = 'uuid' then
      found := format('%s = $1::uuid', own);
      made := '$4::uuid';
    else
      found := format('(position($1 in %1$s::text) > 0 or position(lower($2) in lower(%1$s::text)) > 0 '
                      'or %2$s or (position('' '' in $3) > 0 and position($3 in %1$s::text) > 0))', own,
                      case when one.kind in ('text', 'character varying') then format('%s = $3', own)
                           else format('position(to_json($3::text)::text in %s::text) > 0', own) end);
      made := format('regexp_replace(replace(%s::text, $1, $4), ''***='' || $2, ''erased'', ''gi'')', own);
      if one.kind in ('text', 'character varying') then
        made := format('case when %s = $3 then ''erased'' else %s end', own, made);
      else
        made := format('replace(%s, to_json($3::text)::text, ''"erased"'')', made);
      end if;
      made := format('(case when position('' '' in $3) > 0 then replace(%1$s, $3, ''erased'') else %1$s end)::%2$s',
                     made, one.kind);
    end if;
    execute format('update %I t set %I = %s where %s', one.name, one.field, made, found)
      using who.id, who.email, who.name, who.pseudonym;
    get diagnostics count = row_count;
    if count > 0 then
      told := told || jsonb_build_object(one.name || '.' || one.field, count);
    end if;
  end loop;
  return told;
end $$;
"""
