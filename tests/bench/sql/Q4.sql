-- $1: the viewer's organization. $2: the text. Few matches are found by the trigram index and put in order; of
-- many, the primary key is walked.
with m as materialized (
  select t.id, t.title from track t
  where catalog_fold(t.title) like
      '%'||replace(replace(replace(catalog_fold($2), '\', '\\'), '%', '\%'), '_', '\_')||'%'
    and (t.owner_id = $1::uuid or t.visibility = 'public') and t.status <> 'deleted'
  limit 2001
)
select '{"data":{"tracks":{"nodes":['||coalesce(string_agg(
    '{"id":"'
    ||translate(rtrim(encode(convert_to('track:', 'UTF8') || uuid_send(t.id), 'base64'), '='), '+/', '-_')
    ||'","title":'||to_json(t.title)::text||'}', ',' order by t.id), '')||']}}}'
from (
  select * from (
    (select * from m where (select count(*) from m) <= 2000 order by id limit 20)
    union all
    (select t.id, t.title from track t
      where catalog_fold(t.title)||'' like
          '%'||replace(replace(replace(catalog_fold($2), '\', '\\'), '%', '\%'), '_', '\_')||'%'
        and (t.owner_id = $1::uuid or t.visibility = 'public') and t.status <> 'deleted'
        and (select count(*) from m) > 2000 order by t.id limit 20)
  ) x order by id limit 20
) t
