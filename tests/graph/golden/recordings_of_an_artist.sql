select '{"data":{"artist":'||coalesce((
select '{"name":'||to_json(t1.name)::text||',"recordings":'||(
select '{"nodes":'||'['||coalesce(string_agg('{"title":'||to_json(t2.title)::text||'}', ','
order by t2.rn) filter (where t2.rn <= 1), '')||']'||',"pageInfo":'||'{"hasNextPage":'||case when count(*) > 1 then 'true' else 'false' end||'}'||'}'
from (
select t2.*, row_number() over (order by t2.id) as rn
from (
select t2.id, t2.title
from recording t2
where (t2.owner_id = $2::uuid or t2.visibility = 'public' or (t2.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t2.status not in ('draft', 'deleted') and catalog_licensed('recording', t2.id, t2.owner_id, $2::uuid, null, false))) and t2.status <> 'deleted' and t2.artist_credit_id in (
select n.artist_credit_id
from artist_credit_name n
where n.artist_id = t1.id)
order by t2.id
limit 2) t2) t2 having true)||'}'
from artist t1
where t1.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = $1::uuid) and (t1.owner_id = $2::uuid or t1.visibility = 'public' or (t1.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('artist', t1.id, t1.owner_id, $2::uuid, null, false))) and t1.status <> 'deleted'), 'null')||'}}'
