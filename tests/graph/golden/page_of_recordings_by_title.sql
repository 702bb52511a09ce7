select '{"data":{"recordings":'||(
select '{"totalCount":'||(
select count(*)
from (
select t1.*
from recording t1
where (t1.owner_id = $1::uuid or t1.visibility = 'public') and t1.status <> 'deleted') t1)::text||',"nodes":'||'['||coalesce(string_agg('{"title":'||to_json(t1.title)::text||',"isrc":'||coalesce(to_json(t1.isrc)::text, 'null')||'}', ','
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
limit 3)) t1
order by catalog_fold(t1.title) using ~<~, t1.id
limit 3) t1) t1 having true)||'}}'
