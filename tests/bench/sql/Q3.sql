-- $1: the viewer's organization. $2: the track after which the page begins. The cursor is the last id, unsigned.
select '{"data":{"tracks":{"nodes":['||coalesce(string_agg(
    '{"id":"'
    ||translate(rtrim(encode(convert_to('track:', 'UTF8') || uuid_send(t.id), 'base64'), '='), '+/', '-_')
    ||'","title":'||to_json(t.title)::text
    ||',"artistCredit":'||coalesce((
        select (
          select '{"names":['||coalesce(string_agg(
              '{"name":'||to_json(n.name)::text||'}', ',' order by n.position), '')||']}'
          from artist_credit_name n where n.artist_credit_id = c.id)
        from artist_credit c where c.id = t.artist_credit_id), 'null')
    ||'}', ',' order by t.id) filter (where t.rn <= 100), '')
  ||'],"pageInfo":{"hasNextPage":'||(count(*) > 100)::text
  ||',"endCursor":"'||coalesce(max(t.id::text) filter (where t.rn <= 100), '')||'"}}}}'
from (
  select p.*, row_number() over (order by id) as rn
  from (
    select distinct on (id) * from (
      (select id, title, artist_credit_id from track
        where owner_id = $1::uuid and status <> 'deleted' and id > $2::uuid order by id limit 101)
      union all
      (select id, title, artist_credit_id from track
        where visibility = 'public' and status <> 'deleted' and id > $2::uuid order by id limit 101)
    ) x order by id limit 101
  ) p
) t
