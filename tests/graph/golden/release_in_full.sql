select '{"data":{"release":'||coalesce((
select '{"id":'||'"'||replace(replace(encode('release:'::bytea || uuid_send(t1.id), 'base64'), '+', '-'), '/', '_')||'"'||',"title":'||to_json(t1.title)::text||',"upc":'||coalesce(to_json(t1.upc)::text, 'null')||',"releaseDate":'||coalesce(to_json(t1.release_date)::text, 'null')||',"labels":'||to_json(t1.labels)::text||',"artistCredit":'||coalesce((
select '{"name":'||to_json(t2.name)::text||',"names":'||coalesce((
select '['||string_agg('{"name":'||to_json(t3.name)::text||',"joinPhrase":'||to_json(t3.join_phrase)::text||',"artist":'||coalesce((
select '{"id":'||'"'||replace(replace(left(encode('artist:'::bytea || uuid_send(t4.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||',"name":'||to_json(t4.name)::text||'}'
from artist t4
where t4.id = t3.artist_id and (t4.owner_id = $2::uuid or t4.visibility = 'public' or (t4.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t4.status not in ('draft', 'deleted') and catalog_licensed('artist', t4.id, t4.owner_id, $2::uuid, null, false))) and t4.status <> 'deleted'), 'null')||'}', ','
order by t3.position)||']'
from artist_credit_name t3
where t3.artist_credit_id = t2.id and true), '[]')||'}'
from artist_credit t2
where t2.id = t1.artist_credit_id and true), 'null')||',"titles":'||coalesce((
select '['||string_agg('{"text":'||to_json(t5.text)::text||',"language":'||coalesce(to_json(t5.language)::text, 'null')||',"type":'||to_json(t5.type)::text||'}', ','
order by t5.position)||']'
from title t5
where t5.entity_id = t1.id and true), '[]')||',"identifiers":'||coalesce((
select '['||string_agg('{"scheme":'||to_json(t6.scheme)::text||',"value":'||to_json(t6.value)::text||'}', ','
order by t6.position)||']'
from identifier t6
where t6.entity_id = t1.id and true), '[]')||',"media":'||coalesce((
select '['||string_agg('{"position":'||t7.position::text||',"format":'||coalesce(to_json(t7.format)::text, 'null')||',"tracks":'||coalesce((
select '['||string_agg('{"number":'||coalesce(to_json(t8.number)::text, 'null')||',"title":'||to_json(t8.title)::text||',"isrc":'||coalesce(to_json((coalesce((
select r.isrc
from recording r
where r.id = t8.recording_id and (r.owner_id = $2::uuid or r.visibility = 'public' or (r.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and r.status not in ('draft', 'deleted') and catalog_licensed('recording', r.id, r.owner_id, $2::uuid, null, false))) and r.status <> 'deleted'), (
select v.isrc
from video v
where v.id = t8.video_id and (v.owner_id = $2::uuid or v.visibility = 'public' or (v.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and v.status not in ('draft', 'deleted') and catalog_licensed('video', v.id, v.owner_id, $2::uuid, null, false))) and v.status <> 'deleted'))))::text, 'null')||',"durationMs":'||coalesce((coalesce(t8.duration_ms, coalesce((
select r.duration_ms
from recording r
where r.id = t8.recording_id and (r.owner_id = $2::uuid or r.visibility = 'public' or (r.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and r.status not in ('draft', 'deleted') and catalog_licensed('recording', r.id, r.owner_id, $2::uuid, null, false))) and r.status <> 'deleted'), (
select v.duration_ms
from video v
where v.id = t8.video_id and (v.owner_id = $2::uuid or v.visibility = 'public' or (v.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and v.status not in ('draft', 'deleted') and catalog_licensed('video', v.id, v.owner_id, $2::uuid, null, false))) and v.status <> 'deleted'))))::text, 'null')||',"recording":'||coalesce((
select '{"title":'||to_json(t9.title)::text||',"works":'||coalesce((
select '['||string_agg('{"title":'||to_json(t10.title)::text||',"iswc":'||coalesce(to_json(t10.iswc)::text, 'null')||',"writers":'||coalesce((
select '['||string_agg('{"name":'||to_json(t11.name)::text||',"role":'||to_json(t11.role)::text||',"share":'||coalesce(t11.share::text, 'null')||'}', ','
order by t11.position)||']'
from work_writer t11
where t11.work_id = t10.id and true), '[]')||'}', ','
order by (
select min(j.position)
from recording_work j
where j.recording_id = t9.id and j.work_id = t10.id))||']'
from work t10
where t10.id in (
select j.work_id
from recording_work j
where j.recording_id = t9.id) and (t10.owner_id = $2::uuid or t10.visibility = 'public' or (t10.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t10.status not in ('draft', 'deleted') and catalog_licensed('work', t10.id, t10.owner_id, $2::uuid, null, false))) and t10.status <> 'deleted'), '[]')||'}'
from recording t9
where t9.id = t8.recording_id and (t9.owner_id = $2::uuid or t9.visibility = 'public' or (t9.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t9.status not in ('draft', 'deleted') and catalog_licensed('recording', t9.id, t9.owner_id, $2::uuid, null, false))) and t9.status <> 'deleted'), 'null')||'}', ','
order by t8.position, t8.id)||']'
from track t8
where t8.release_id = t7.release_id and t8.medium_position = t7.position and (t8.owner_id = $2::uuid or t8.visibility = 'public' or (t8.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t8.status not in ('draft', 'deleted') and catalog_licensed('track', t8.id, t8.owner_id, $2::uuid, null, false))) and t8.status <> 'deleted'), '[]')||'}', ','
order by t7.position)||']'
from medium t7
where t7.release_id = t1.id and true), '[]')||',"deals":'||coalesce((
select '['||string_agg('{"territories":'||to_json(t12.territories)::text||',"useTypes":'||to_json(t12.use_types)::text||',"commercialModels":'||to_json(t12.commercial_models)::text||',"validFrom":'||coalesce(to_json(t12.valid_from)::text, 'null')||',"validUntil":'||coalesce(to_json(t12.valid_until)::text, 'null')||',"priceAmount":'||coalesce('"'||t12.price_amount||'"', 'null')||'}', ','
order by t12.id)||']'
from deal t12
where exists (
select
from deal_subject s
where s.deal_id = t12.id and s.subject_id = t1.id) and ((t12.owner_id = $2::uuid and t12.status <> 'deleted') or (t12.licensee_id = $2::uuid and t12.status = 'active' and t12.owner_id <> $2::uuid) or (t12.licensee_id is null and t12.licensee_dpid = any(array(
select x.dpid
from organization_dpid x
where x.organization_id = $2::uuid and x.proven_at is not null)) and t12.status = 'active' and t12.owner_id <> $2::uuid))), '[]')||'}'
from release t1
where t1.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = $1::uuid) and (t1.owner_id = $2::uuid or t1.visibility = 'public' or (t1.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('release', t1.id, t1.owner_id, $2::uuid, null, false))) and t1.status <> 'deleted'), 'null')||'}}'
