select '{"data":{"delivery":'||coalesce((
select '{"state":'||to_json(t1.state)::text||',"sizeBytes":'||'"'||t1.size_bytes||'"'||',"summary":'||coalesce(t1.summary::text, 'null')||',"findings":'||(
select '{"nodes":'||'['||coalesce(string_agg('{"code":'||to_json(t2.code)::text||',"line":'||coalesce(t2.line::text, 'null')||',"path":'||coalesce(to_json(t2.path)::text, 'null')||',"text":'||to_json(t2.text)::text||'}', ','
order by t2.rn) filter (where t2.rn <= 1), '')||']'||',"totalCount":'||(
select count(*)
from (
select t2.*
from finding t2
where exists (
select
from delivery d
where d.id = t2.delivery_id and d.owner_id = $2::uuid) and t2.delivery_id = t1.id) t2)::text||'}'
from (
select t2.*, row_number() over (order by t2.position, '00000000-0000-0000-0000-000000000000'::uuid) as rn
from (
select t2.code, t2.delivery_id, t2.line, t2.path, t2.position, t2.text
from finding t2
where exists (
select
from delivery d
where d.id = t2.delivery_id and d.owner_id = $2::uuid) and t2.delivery_id = t1.id
order by t2.position, '00000000-0000-0000-0000-000000000000'::uuid
limit 2) t2) t2 having true)||',"jobs":'||coalesce((
select '['||string_agg('{"kind":'||to_json(t3.kind)::text||',"state":'||to_json(t3.state)::text||'}', ','
order by t3.id)||']'
from job t3
where t3.subject_id = t1.id and t3.owner_id = $2::uuid), '[]')||'}'
from delivery t1
where t1.id = $1::uuid and t1.owner_id = $2::uuid), 'null')||'}}'
