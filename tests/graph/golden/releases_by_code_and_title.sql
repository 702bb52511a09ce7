select '{"data":{"releases":'||(
select '{"edges":'||'['||coalesce(string_agg('{"cursor":'||'"'||translate(encode(substring(sha256($6::bytea || sha256($5::bytea || (convert_to('Release:id:asc' || '|' || t1.id::text, 'UTF8') || uuid_send(t1.id)))) for 12) || (convert_to('Release:id:asc' || '|' || t1.id::text, 'UTF8') || uuid_send(t1.id)), 'base64'), E'+/=\n', '-_')||'"'||',"node":'||'{"title":'||to_json(t1.title)::text||',"upc":'||coalesce(to_json(t1.upc)::text, 'null')||'}'||'}', ','
order by t1.rn desc) filter (where t1.rn <= 5), '')||']'||'}'
from (
select t1.*, row_number() over (order by t1.id desc) as rn
from (
select t1.id, t1.title, t1.upc
from release t1
where (t1.owner_id = $4::uuid or t1.visibility = 'public' or (t1.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('release', t1.id, t1.owner_id, $4::uuid, null, false))) and t1.status <> 'deleted' and catalog_fold(t1.title) ~>=~ catalog_fold($1::text) and catalog_fold(t1.title) ~<~ (catalog_fold($1::text)||chr(1114111)) and t1.upc = any($2::text[]) and t1.status = any($3::text[])
order by t1.id desc
limit 6) t1) t1 having true)||'}}'
