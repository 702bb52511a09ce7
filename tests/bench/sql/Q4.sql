-- $1: the viewer's organization. $2: the text. What matches is found first, fenced off from the ordering.
with m as materialized (
  select t.id, t.title from track t
  where catalog_fold(t.title) like
      '%'||replace(replace(replace(catalog_fold($2), '\', '\\'), '%', '\%'), '_', '\_')||'%'
    and (t.owner_id = $1::uuid or t.visibility = 'public') and t.status <> 'deleted'
)
select '{"data":{"tracks":{"nodes":['||coalesce(string_agg(
    '{"id":"'
    ||translate(rtrim(encode(convert_to('track:', 'UTF8') || uuid_send(t.id), 'base64'), '='), '+/', '-_')
    ||'","title":'||to_json(t.title)::text||'}', ',' order by t.id), '')||']}}}'
from (select * from m order by id limit 20) t
