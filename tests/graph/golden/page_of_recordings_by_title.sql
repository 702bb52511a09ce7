select '{"data":{"recordings":'||(
select '{"totalCount":'||(
select (
select count(*)
from (
select t1.*
from recording t1
where (t1.owner_id = $1::uuid or t1.visibility = 'public') and t1.status <> 'deleted') t1) + case when ((
select exists (
select
from deal x
where x.licensee_id = $1::uuid)) or (
select exists (
select
from organization_dpid x
where x.organization_id = $1::uuid and x.proven_at is not null))) then (
select count(*)
from (
select t1.*
from recording t1
where t1.owner_id <> $1::uuid and t1.visibility <> 'public' and (t1.owner_id = any((
select catalog_licensors($1::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('recording', t1.id, t1.owner_id, $1::uuid, null, false)) and t1.id in (
select catalog_licensed_ids('recording', $1::uuid, null, false, null) as id)) t1) else 0 end)::text||',"nodes":'||'['||coalesce(string_agg('{"title":'||to_json(t1.title)::text||',"isrc":'||coalesce(to_json(t1.isrc)::text, 'null')||'}', ','
order by t1.rn) filter (where t1.rn <= 2), '')||']'||',"pageInfo":'||'{"hasNextPage":'||case when count(*) > 2 then 'true' else 'false' end||',"hasPreviousPage":false,"endCursor":'||coalesce(max(case when t1.rn = least(t1.n, 2) then '"'||translate(encode(substring(sha256($3::bytea || sha256($2::bytea || (convert_to('Recording:title:asc' || '|' || catalog_fold(t1.title)::text, 'UTF8') || uuid_send(t1.id)))) for 12) || (convert_to('Recording:title:asc' || '|' || catalog_fold(t1.title)::text, 'UTF8') || uuid_send(t1.id)), 'base64'), E'+/=\n', '-_')||'"' end), 'null')||'}'||'}'
from (
select t1.*, row_number() over (order by catalog_fold(t1.title) using ~<~, t1.id) as rn, count(*) over () as n
from (
select distinct on (catalog_fold(t1.title), t1.id) t1.*
from ((
select t1.id, t1.isrc, t1.owner_id, t1.status, t1.title, t1.visibility
from recording t1
where t1.owner_id = $1::uuid and t1.status <> 'deleted'
order by catalog_fold(t1.title) using ~<~, t1.id
limit 3)
union all (
select t1.id, t1.isrc, t1.owner_id, t1.status, t1.title, t1.visibility
from recording t1
where t1.visibility = 'public' and t1.status <> 'deleted'
order by catalog_fold(t1.title) using ~<~, t1.id
limit 3)
union all (with t2 as materialized (
select catalog_licensed_ids('recording', $1::uuid, null, false, 10001) as id) select t1.id, t1.isrc, t1.owner_id, t1.status, t1.title, t1.visibility
from ((
select t1.id, t1.isrc, t1.owner_id, t1.status, t1.title, t1.visibility
from (
select all t1.*
from recording t1
where t1.owner_id <> $1::uuid and t1.visibility <> 'public' and t1.id in (
select t2.id
from t2)
order by catalog_fold(t1.title) using ~<~, t1.id offset 0) t1
where (t1.owner_id = any((
select catalog_licensors($1::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('recording', t1.id, t1.owner_id, $1::uuid, null, false)) and (
select count(*)
from t2) <= 10000
order by catalog_fold(t1.title) using ~<~, t1.id
limit 3)
union all (
select t1.id, t1.isrc, t1.owner_id, t1.status, t1.title, t1.visibility
from unnest((
select catalog_licensors($1::uuid, false))::uuid[]) t3 (id) cross join lateral (
select t1.id, t1.isrc, t1.owner_id, t1.status, t1.title, t1.visibility
from recording t1
where t1.owner_id = t3.id and t1.owner_id <> $1::uuid and t1.visibility <> 'public' and (t1.owner_id = any((
select catalog_licensors($1::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('recording', t1.id, t1.owner_id, $1::uuid, null, false))
order by catalog_fold(t1.title) using ~<~, t1.id
limit 3) t1
where (
select count(*)
from t2) > 10000)) t1
where ((
select exists (
select
from deal x
where x.licensee_id = $1::uuid)) or (
select exists (
select
from organization_dpid x
where x.organization_id = $1::uuid and x.proven_at is not null)))
order by catalog_fold(t1.title) using ~<~, t1.id
limit 3)) t1
order by catalog_fold(t1.title) using ~<~, t1.id
limit 3) t1) t1 having true)||'}}'
