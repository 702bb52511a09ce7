select '{"data":{"tracks":'||(
select '{"nodes":'||'['||coalesce(string_agg('{"title":'||to_json(t1.title)::text||',"isrc":'||coalesce(to_json((coalesce((
select r.isrc
from recording r
where r.id = t1.recording_id and (r.owner_id = $2::uuid or r.visibility = 'public' or (r.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and r.status not in ('draft', 'deleted') and catalog_licensed('recording', r.id, r.owner_id, $2::uuid, null, false))) and r.status <> 'deleted'), (
select v.isrc
from video v
where v.id = t1.video_id and (v.owner_id = $2::uuid or v.visibility = 'public' or (v.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and v.status not in ('draft', 'deleted') and catalog_licensed('video', v.id, v.owner_id, $2::uuid, null, false))) and v.status <> 'deleted'))))::text, 'null')||',"release":'||coalesce((
select '{"title":'||to_json(t2.title)::text||',"upc":'||coalesce(to_json(t2.upc)::text, 'null')||'}'
from release t2
where t2.id = t1.release_id and (t2.owner_id = $2::uuid or t2.visibility = 'public' or (t2.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t2.status not in ('draft', 'deleted') and catalog_licensed('release', t2.id, t2.owner_id, $2::uuid, null, false))) and t2.status <> 'deleted'), 'null')||'}', ','
order by t1.rn) filter (where t1.rn <= 20), '')||']'||'}'
from (
select t1.*, row_number() over (order by t1.id) as rn
from (
select t1.id, t1.recording_id, t1.release_id, t1.title, t1.video_id
from track t1
where (t1.owner_id = $2::uuid or t1.visibility = 'public' or (t1.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('track', t1.id, t1.owner_id, $2::uuid, null, false))) and t1.status <> 'deleted' and t1.id in (
select h.id
from recording r join track h on h.recording_id = r.id
where r.isrc = any($1::text[]) and (r.owner_id = $2::uuid or r.visibility = 'public' or (r.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and r.status not in ('draft', 'deleted') and catalog_licensed('recording', r.id, r.owner_id, $2::uuid, null, false))) and r.status <> 'deleted'
union all select h.id
from video r join track h on h.video_id = r.id
where r.isrc = any($1::text[]) and (r.owner_id = $2::uuid or r.visibility = 'public' or (r.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and r.status not in ('draft', 'deleted') and catalog_licensed('video', r.id, r.owner_id, $2::uuid, null, false))) and r.status <> 'deleted')
order by t1.id
limit 21) t1) t1 having true)||'}}'
