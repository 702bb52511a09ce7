select '{"data":{"nodes":'||(
select '['||coalesce(string_agg(coalesce(case t1.kind when 'organization' then coalesce((
select '{"__typename":"Organization","id":'||'"'||replace(replace(left(encode('organization:'::bytea || uuid_send(t2.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||'}'
from organization t2
where t2.id = t1.id and ((t2.id = $4::uuid) or ($3::boolean))), 'null') when 'organization_dpid' then coalesce((
select '{"__typename":"Dpid","id":'||'"'||replace(replace(left(encode('organization_dpid:'::bytea || uuid_send(t3.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from organization_dpid t3
where t3.id = t1.id and ((t3.organization_id = $4::uuid) or ($3::boolean))), 'null') when 'session' then coalesce((
select '{"__typename":"Session","id":'||'"'||replace(replace(encode('session:'::bytea || uuid_send(t4.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from session t4
where t4.id = t1.id and ((t4.user_id = $5::uuid) or ($6::boolean and t4.organization_id = $4::uuid))), 'null') when 'alert' then coalesce((
select '{"__typename":"Alert","id":'||'"'||replace(replace(left(encode('alert:'::bytea || uuid_send(t5.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from alert t5
where t5.id = t1.id and t5.owner_id = $4::uuid), 'null') when 'change_set' then coalesce((
select '{"__typename":"ChangeSet","id":'||'"'||replace(replace(encode('change_set:'::bytea || uuid_send(t6.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from change_set t6
where t6.id = t1.id and t6.owner_id = $4::uuid), 'null') when 'callback_partner' then coalesce((
select '{"__typename":"CallbackPartner","id":'||'"'||replace(replace(encode('callback_partner:'::bytea || uuid_send(t7.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from callback_partner t7
where t7.id = t1.id and t7.owner_id = $4::uuid), 'null') when 'callback_event' then coalesce((
select '{"__typename":"CallbackEvent","id":'||'"'||replace(replace(left(encode('callback_event:'::bytea || uuid_send(t8.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from callback_event t8
where t8.id = t1.id and t8.owner_id = $4::uuid), 'null') when 'distribution' then coalesce((
select '{"__typename":"Distribution","id":'||'"'||replace(replace(left(encode('distribution:'::bytea || uuid_send(t9.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||'}'
from distribution t9
where t9.id = t1.id and t9.owner_id = $4::uuid), 'null') when 'file' then coalesce((
select '{"__typename":"File","id":'||'"'||replace(replace(encode('file:'::bytea || uuid_send(t10.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from file t10
where t10.id = t1.id and t10.owner_id = $4::uuid), 'null') when 'artist' then coalesce((
select '{"__typename":"Artist","id":'||'"'||replace(replace(left(encode('artist:'::bytea || uuid_send(t11.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||',"name":'||to_json(t11.name)::text||',"country":'||coalesce(to_json(t11.country)::text, 'null')||'}'
from artist t11
where t11.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t11.owner_id = $4::uuid or t11.visibility = 'public' or (t11.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t11.status not in ('draft', 'deleted') and catalog_licensed('artist', t11.id, t11.owner_id, $4::uuid, null, false))) and t11.status <> 'deleted'), 'null') when 'release' then coalesce((
select '{"__typename":"Release","id":'||'"'||replace(replace(encode('release:'::bytea || uuid_send(t12.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from release t12
where t12.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t12.owner_id = $4::uuid or t12.visibility = 'public' or (t12.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t12.status not in ('draft', 'deleted') and catalog_licensed('release', t12.id, t12.owner_id, $4::uuid, null, false))) and t12.status <> 'deleted'), 'null') when 'track' then coalesce((
select '{"__typename":"Track","id":'||'"'||replace(replace(left(encode('track:'::bytea || uuid_send(t13.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from track t13
where t13.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t13.owner_id = $4::uuid or t13.visibility = 'public' or (t13.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t13.status not in ('draft', 'deleted') and catalog_licensed('track', t13.id, t13.owner_id, $4::uuid, null, false))) and t13.status <> 'deleted'), 'null') when 'recording' then coalesce((
select '{"__typename":"Recording","id":'||'"'||replace(replace(left(encode('recording:'::bytea || uuid_send(t14.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||',"title":'||to_json(t14.title)::text||'}'
from recording t14
where t14.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t14.owner_id = $4::uuid or t14.visibility = 'public' or (t14.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t14.status not in ('draft', 'deleted') and catalog_licensed('recording', t14.id, t14.owner_id, $4::uuid, null, false))) and t14.status <> 'deleted'), 'null') when 'work' then coalesce((
select '{"__typename":"Work","id":'||'"'||replace(replace(encode('work:'::bytea || uuid_send(t15.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from work t15
where t15.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t15.owner_id = $4::uuid or t15.visibility = 'public' or (t15.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t15.status not in ('draft', 'deleted') and catalog_licensed('work', t15.id, t15.owner_id, $4::uuid, null, false))) and t15.status <> 'deleted'), 'null') when 'video' then coalesce((
select '{"__typename":"Video","id":'||'"'||replace(replace(left(encode('video:'::bytea || uuid_send(t16.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from video t16
where t16.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t16.owner_id = $4::uuid or t16.visibility = 'public' or (t16.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t16.status not in ('draft', 'deleted') and catalog_licensed('video', t16.id, t16.owner_id, $4::uuid, null, false))) and t16.status <> 'deleted'), 'null') when 'credit' then coalesce((
select '{"__typename":"Credit","id":'||'"'||replace(replace(left(encode('credit:'::bytea || uuid_send(t17.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||'}'
from credit t17
where t17.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t17.owner_id = $4::uuid or t17.visibility = 'public' or (t17.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t17.status not in ('draft', 'deleted') and catalog_licensed('credit', t17.id, t17.owner_id, $4::uuid, null, false))) and t17.status <> 'deleted'), 'null') when 'delivery' then coalesce((
select '{"__typename":"Delivery","id":'||'"'||replace(replace(left(encode('delivery:'::bytea || uuid_send(t18.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from delivery t18
where t18.id = t1.id and t18.owner_id = $4::uuid), 'null') when 'job' then coalesce((
select '{"__typename":"Job","id":'||'"'||replace(replace(left(encode('job:'::bytea || uuid_send(t19.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||'}'
from job t19
where t19.id = t1.id and t19.owner_id = $4::uuid), 'null') when 'enrichment' then coalesce((
select '{"__typename":"Enrichment","id":'||'"'||replace(replace(encode('enrichment:'::bytea || uuid_send(t20.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from enrichment t20
where t20.id = t1.id and t20.owner_id = $4::uuid), 'null') when 'podcast' then coalesce((
select '{"__typename":"Podcast","id":'||'"'||replace(replace(encode('podcast:'::bytea || uuid_send(t21.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from podcast t21
where t21.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t21.owner_id = $4::uuid or t21.visibility = 'public' or (t21.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t21.status not in ('draft', 'deleted') and catalog_licensed('podcast', t21.id, t21.owner_id, $4::uuid, null, false))) and t21.status <> 'deleted'), 'null') when 'episode' then coalesce((
select '{"__typename":"Episode","id":'||'"'||replace(replace(encode('episode:'::bytea || uuid_send(t22.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from episode t22
where t22.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t22.owner_id = $4::uuid or t22.visibility = 'public' or (t22.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t22.status not in ('draft', 'deleted') and catalog_licensed('episode', t22.id, t22.owner_id, $4::uuid, null, false))) and t22.status <> 'deleted'), 'null') when 'book' then coalesce((
select '{"__typename":"Book","id":'||'"'||replace(replace(encode('book:'::bytea || uuid_send(t23.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from book t23
where t23.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t23.owner_id = $4::uuid or t23.visibility = 'public' or (t23.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t23.status not in ('draft', 'deleted') and catalog_licensed('book', t23.id, t23.owner_id, $4::uuid, null, false))) and t23.status <> 'deleted'), 'null') when 'audiobook' then coalesce((
select '{"__typename":"Audiobook","id":'||'"'||replace(replace(left(encode('audiobook:'::bytea || uuid_send(t24.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||'}'
from audiobook t24
where t24.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t24.owner_id = $4::uuid or t24.visibility = 'public' or (t24.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t24.status not in ('draft', 'deleted') and catalog_licensed('audiobook', t24.id, t24.owner_id, $4::uuid, null, false))) and t24.status <> 'deleted'), 'null') when 'image' then coalesce((
select '{"__typename":"Image","id":'||'"'||replace(replace(left(encode('image:'::bytea || uuid_send(t25.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from image t25
where t25.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and (t25.owner_id = $4::uuid or t25.visibility = 'public' or (t25.owner_id = any((
select catalog_licensors($4::uuid, false))::uuid[]) and t25.status not in ('draft', 'deleted') and catalog_licensed('image', t25.id, t25.owner_id, $4::uuid, null, false))) and t25.status <> 'deleted'), 'null') when 'notice_channel' then coalesce((
select '{"__typename":"NoticeChannel","id":'||'"'||replace(replace(left(encode('notice_channel:'::bytea || uuid_send(t26.id), 'base64'), -2), '+', '-'), '/', '_')||'"'||'}'
from notice_channel t26
where t26.id = t1.id and t26.owner_id = $4::uuid), 'null') when 'notice' then coalesce((
select '{"__typename":"Notice","id":'||'"'||replace(replace(left(encode('notice:'::bytea || uuid_send(t27.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||'}'
from notice t27
where t27.id = t1.id and t27.owner_id = $4::uuid), 'null') when 'notice_delivery' then coalesce((
select '{"__typename":"NoticeDelivery","id":'||'"'||replace(replace(left(encode('notice_delivery:'::bytea || uuid_send(t28.id), 'base64'), -1), '+', '-'), '/', '_')||'"'||'}'
from notice_delivery t28
where t28.id = t1.id and t28.owner_id = $4::uuid), 'null') when 'deal' then coalesce((
select '{"__typename":"Deal","id":'||'"'||replace(replace(encode('deal:'::bytea || uuid_send(t29.id), 'base64'), '+', '-'), '/', '_')||'"'||'}'
from deal t29
where t29.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = t1.id) and ((t29.owner_id = $4::uuid and t29.status <> 'deleted') or (t29.licensee_id = $4::uuid and t29.status = 'active' and t29.owner_id <> $4::uuid) or (t29.licensee_id is null and t29.licensee_dpid = any(array(
select x.dpid
from organization_dpid x
where x.organization_id = $4::uuid and x.proven_at is not null)) and t29.status = 'active' and t29.owner_id <> $4::uuid))), 'null') end, 'null'), ','
order by t1.place), '')||']'
from unnest($1::text[], $2::uuid[]) with ordinality t1 (kind, id, place))||'}}'
