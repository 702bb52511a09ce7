-- $1: the viewer's organization. $2: the release after which the page begins. Each branch of the row
-- predicate is read by its own index; one row more than the page tells whether there is a next one.
select '{"data":{"releases":{"nodes":['||coalesce(string_agg(
    '{"id":"'
    ||translate(rtrim(encode(convert_to('release:', 'UTF8') || uuid_send(s.id), 'base64'), '='), '+/', '-_')
    ||'","title":'||to_json(s.title)::text
    ||',"upc":'||coalesce(to_json(s.upc)::text, 'null')
    ||',"artistCredit":'||coalesce((
        select (
          select '{"names":['||coalesce(string_agg(
              '{"name":'||to_json(n.name)::text||',"joinPhrase":'||to_json(n.join_phrase)::text||'}',
              ',' order by n.position), '')||']}'
          from artist_credit_name n where n.artist_credit_id = c.id)
        from artist_credit c where c.id = s.artist_credit_id), 'null')
    ||',"tracks":['||coalesce((
        select string_agg(
            '{"position":'||t.position||',"title":'||to_json(t.title)::text
            ||',"durationMs":'||coalesce(coalesce(
                t.duration_ms,
                (select r.duration_ms from recording r where r.id = t.recording_id
                   and (r.owner_id = $1::uuid or r.visibility = 'public') and r.status <> 'deleted'),
                (select v.duration_ms from video v where v.id = t.video_id
                   and (v.owner_id = $1::uuid or v.visibility = 'public') and v.status <> 'deleted')
              )::text, 'null')||'}', ',' order by t.medium_position, t.position, t.id)
        from track t
        where t.release_id = s.id
          and (t.owner_id = $1::uuid or t.visibility = 'public') and t.status <> 'deleted'), '')
    ||']}', ',' order by s.id) filter (where s.rn <= 50), '')||']}}}'
from (
  select p.*, row_number() over (order by id) as rn
  from (
    select distinct on (id) * from (
      (select id, title, upc, artist_credit_id from release
        where owner_id = $1::uuid and status <> 'deleted' and id > $2::uuid order by id limit 51)
      union all
      (select id, title, upc, artist_credit_id from release
        where visibility = 'public' and status <> 'deleted' and id > $2::uuid order by id limit 51)
    ) x order by id limit 51
  ) p
) s
