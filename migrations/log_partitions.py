"""The SQL of the log's leaves and of purging: what only the owner of the tables may do.

Both functions run as the owner and so judge for themselves what they are asked: neither believes a clock
that is ahead of the server's, and neither touches what a legal hold names.
"""

ENSURE = """
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
      perform catalog_make_month(month);
      made := made + 1;
    end if;
    month := (month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
  end loop;
  return made;
end $$;
"""

MAKE_MONTH = """
create or replace function catalog_make_month(month timestamptz) returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  name text := 'change_p' || to_char(month at time zone 'UTC', 'YYYYMM');
  kind text;
begin
  execute format('create table %I partition of change for values from (%L) to (%L) partition by list (class)',
                 name, month, (month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
  foreach kind in array array['catalog', 'ai', 'operations'] loop
    execute format('create table %I partition of %I for values in (%L)', name || '_' || kind, name, kind);
  end loop;
end $$;
"""

DROP = """
create or replace function catalog_drop_changes(p_now timestamptz, out name text, out rows bigint)
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '4s' as $$
declare
  at_most timestamptz := least(p_now, clock_timestamp());
  leaf record;
  newest timestamptz;
  time interval;
  first_xid bigint;
  last_xid bigint;
  last_seq bigint;
  held boolean;
begin
  for leaf in
    select c.relname::text as leaf, m.relname::text as month, x.parts[3] as class,
           make_timestamptz(x.parts[1]::int, x.parts[2]::int, 1, 0, 0, 0, 'UTC') as from_at
      from pg_partition_tree('change') p
      join pg_class c on c.oid = p.relid
      join pg_class m on m.oid = p.parentrelid
     cross join lateral regexp_match(c.relname, '^change_p(\\d{4})(\\d{2})_([a-z]+)$') x (parts)
     where p.isleaf and x.parts is not null
     order by 4, 1
  loop
    time := case leaf.class when 'catalog' then interval '84 months' when 'ai' then interval '36 months'
                            when 'operations' then interval '6 months' end;
    continue when time is null;
    continue when ((leaf.from_at at time zone 'UTC' + interval '1 month') + time) at time zone 'UTC' > at_most;
    -- Nobody may write between the look and the drop, nor place a hold; who waits for long goes on without.
    execute format('lock table %I in share mode', leaf.leaf);
    lock table legal_hold in share mode;
    execute format('select max(c.at), count(*), coalesce(max(c.xid::text::bigint), 0), coalesce(max(c.seq), 0) '
                   'from %I c', leaf.leaf) into newest, rows, last_xid, last_seq;
    continue when newest is not null and (newest at time zone 'UTC' + time) at time zone 'UTC' > at_most;
    execute format('select exists (select from %I c join legal_hold h on h.released_at is null '
                   'and h.owner_id = c.owner_id '
                   'and (h.subject_type = ''organization'' or h.subject_id = c.entity_id))', leaf.leaf) into held;
    continue when held;
    insert into change_dropped (name, class, from_at, until_at, rows, last_xid, last_seq, dropped_xid)
    values (leaf.leaf, leaf.class, leaf.from_at,
            (leaf.from_at at time zone 'UTC' + interval '1 month') at time zone 'UTC', rows, last_xid, last_seq,
            pg_current_xact_id()::text::bigint)
    on conflict on constraint pk_change_dropped do update
      set rows = change_dropped.rows + excluded.rows, dropped_at = clock_timestamp(),
          last_xid = greatest(change_dropped.last_xid, excluded.last_xid),
          last_seq = greatest(change_dropped.last_seq, excluded.last_seq), dropped_xid = excluded.dropped_xid;
    execute format('alter table %I detach partition %I', leaf.month, leaf.leaf);
    execute format('drop table %I', leaf.leaf);
    if not exists (select from pg_inherits where inhparent = to_regclass(leaf.month)) then
      execute format('alter table change detach partition %I', leaf.month);
      execute format('drop table %I', leaf.month);
    end if;
    name := leaf.leaf;
    return;
  end loop;
  name := null;
  rows := null;
end $$;
"""

PURGE = """
create or replace function catalog_purge(p_kind text, p_ids uuid[]) returns setof uuid
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  one uuid;
  credit uuid;
  has_credit boolean := exists (
    select from pg_attribute where attrelid = to_regclass(p_kind) and attname = 'artist_credit_id');
  found boolean;
begin
  if not exists (select from pg_trigger where tgrelid = to_regclass(p_kind) and tgname = 'record_delete') or
     not exists (select from pg_attribute where attrelid = to_regclass(p_kind) and attname = 'status') then
    raise exception '% is no kind of content', p_kind using errcode = 'invalid_parameter_value';
  end if;
  foreach one in array p_ids loop
    begin
      execute format(
        'delete from %I t where t.id = $1 and t.status = ''deleted'' '
        'and t.updated_at <= clock_timestamp() - interval ''1 day'' '
        'and not exists (select from legal_hold h where h.released_at is null and h.owner_id = t.owner_id '
        'and (h.subject_type = ''organization'' or h.subject_id = t.id)) returning true %s',
        p_kind, case when has_credit then ', t.artist_credit_id' else ', null::uuid' end)
        into found, credit using one;
      continue when found is null;
      delete from source_record r using source_mapping m
       where m.entity_id in (select e.id from entity e where e.id = one or e.merged_into_id = one)
         and r.owner_id = m.owner_id and r.source = m.source and r.external_id = m.external_id;
      delete from source_mapping m
       where m.entity_id in (select e.id from entity e where e.id = one or e.merged_into_id = one);
      delete from entity where merged_into_id = one;
      delete from entity where id = one;
      set constraints all immediate;
      set constraints all deferred;
      return next one;
    exception when foreign_key_violation then
      -- Something points at it still: all of it stays, and is tried again by a later run.
      credit := null;
    end;
    if credit is not null then
      begin
        delete from artist_credit where id = credit;
      exception when foreign_key_violation then
        null;
      end;
    end if;
  end loop;
end $$;
"""

# Months that exist already get their leaves; one with very many rows stays whole for the longest time.
CONVERT = """
do $do$
declare
  old record;
  many bigint;
begin
  for old in
    select c.relname::text as name,
           make_timestamptz(substr(c.relname, 9, 4)::int, substr(c.relname, 13, 2)::int, 1, 0, 0, 0, 'UTC') as month
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'change'::regclass and c.relname ~ '^change_p\\d{6}$' and c.relkind = 'r'
  loop
    execute format('select count(*) from (select from %I limit 500001) x', old.name) into many;
    continue when many > 500000;
    execute format('alter table change detach partition %I', old.name);
    execute format('alter table %I rename to %I', old.name, 'old_' || old.name);
    -- Indexes keep their names when a table is renamed, and the new month's would collide.
    perform catalog_make_month(old.month);
    execute format('insert into change select * from %I', 'old_' || old.name);
    execute format('drop table %I', 'old_' || old.name);
  end loop;
end $do$;
"""
