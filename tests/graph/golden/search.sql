select '{"data":{"search":'||(
select '{"nodes":'||'['||coalesce(string_agg(case t1.kind when 'artist' then (
select '{"__typename":"Artist","name":'||to_json(t10.name)::text||'}'
from artist t10
where t10.id = t1.id) when 'release' then (
select '{"__typename":"Release"}'
from release t11
where t11.id = t1.id) when 'track' then (
select '{"__typename":"Track"}'
from track t12
where t12.id = t1.id) when 'recording' then (
select '{"__typename":"Recording","title":'||to_json(t13.title)::text||'}'
from recording t13
where t13.id = t1.id) when 'work' then (
select '{"__typename":"Work"}'
from work t14
where t14.id = t1.id) when 'video' then (
select '{"__typename":"Video"}'
from video t15
where t15.id = t1.id) when 'podcast' then (
select '{"__typename":"Podcast"}'
from podcast t16
where t16.id = t1.id) when 'episode' then (
select '{"__typename":"Episode"}'
from episode t17
where t17.id = t1.id) when 'book' then (
select '{"__typename":"Book"}'
from book t18
where t18.id = t1.id) when 'audiobook' then (
select '{"__typename":"Audiobook"}'
from audiobook t19
where t19.id = t1.id) end, ','
order by t1.rn) filter (where t1.rn <= 2), '')||']'||',"pageInfo":'||'{"hasNextPage":'||case when count(*) > 2 then 'true' else 'false' end||',"endCursor":'||coalesce(max(case when t1.rn = least(t1.n, 2) then '"'||translate(encode(substring(sha256($4::bytea || sha256($3::bytea || (convert_to('Search:score:desc' || '|' || t1.score::text, 'UTF8') || uuid_send(t1.id)))) for 12) || (convert_to('Search:score:desc' || '|' || t1.score::text, 'UTF8') || uuid_send(t1.id)), 'base64'), E'+/=\n', '-_')||'"' end), 'null')||'}'||'}'
from (
select t1.*, row_number() over (order by t1.score desc, t1.id desc) as rn, count(*) over () as n
from (with opened_artist as materialized (
select catalog_licensed_ids('artist', $2::uuid, null, false, 2001) as id), opened_recording as materialized (
select catalog_licensed_ids('recording', $2::uuid, null, false, 2001) as id), asked as materialized (
select f, plainto_tsquery('simple'::regconfig, f) as words, case when f ~ '[[:alnum:]]{3}' then '%' else '' end || replace(replace(replace(f, '\', '\\'), '%', '\%'), '_', '\_') || '%' as pattern
from (
select catalog_fold($1::text) as f) folded), aliases as materialized (
select o.entity_id, o.kind, catalog_fold(o.text) as f
from title o
where catalog_fold(o.text) like (
select pattern
from asked) and case o.kind when 'artist' then (
select true
from artist t8
where t8.id = o.entity_id and (t8.owner_id = $2::uuid or t8.visibility = 'public' or (t8.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t8.status not in ('draft', 'deleted') and ((
select count(*)
from opened_artist) > 2000 or t8.id in (
select id
from opened_artist)) and catalog_licensed('artist', t8.id, t8.owner_id, $2::uuid, null, false))) and t8.status <> 'deleted') when 'recording' then (
select true
from recording t9
where t9.id = o.entity_id and (t9.owner_id = $2::uuid or t9.visibility = 'public' or (t9.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t9.status not in ('draft', 'deleted') and ((
select count(*)
from opened_recording) > 2000 or t9.id in (
select id
from opened_recording)) and catalog_licensed('recording', t9.id, t9.owner_id, $2::uuid, null, false))) and t9.status <> 'deleted') else false end
limit 200), near as materialized ((
select 'artist' as kind, t2.id, catalog_fold(t2.name) as f
from artist t2
where catalog_fold(t2.name) ~>=~ (
select f
from asked) and catalog_fold(t2.name) ~<~ (
select f||chr(1114111)
from asked) and (t2.owner_id = $2::uuid or t2.visibility = 'public' or (t2.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t2.status not in ('draft', 'deleted') and ((
select count(*)
from opened_artist) > 2000 or t2.id in (
select id
from opened_artist)) and catalog_licensed('artist', t2.id, t2.owner_id, $2::uuid, null, false))) and t2.status <> 'deleted'
order by catalog_fold(t2.name) using ~<~
limit 50)
union all (
select 'artist' as kind, t2.id, catalog_fold(t2.name) as f
from artist t2
where (catalog_fold(t2.name) like (
select pattern
from asked) or to_tsvector('simple'::regconfig, catalog_fold(t2.name)) @@ (
select words
from asked)) and (t2.owner_id = $2::uuid or t2.visibility = 'public' or (t2.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t2.status not in ('draft', 'deleted') and ((
select count(*)
from opened_artist) > 2000 or t2.id in (
select id
from opened_artist)) and catalog_licensed('artist', t2.id, t2.owner_id, $2::uuid, null, false))) and t2.status <> 'deleted'
limit 200)
union all (
select 'recording' as kind, t3.id, catalog_fold(t3.title) as f
from recording t3
where catalog_fold(t3.title) ~>=~ (
select f
from asked) and catalog_fold(t3.title) ~<~ (
select f||chr(1114111)
from asked) and (t3.owner_id = $2::uuid or t3.visibility = 'public' or (t3.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t3.status not in ('draft', 'deleted') and ((
select count(*)
from opened_recording) > 2000 or t3.id in (
select id
from opened_recording)) and catalog_licensed('recording', t3.id, t3.owner_id, $2::uuid, null, false))) and t3.status <> 'deleted'
order by catalog_fold(t3.title) using ~<~
limit 50)
union all (
select 'recording' as kind, t3.id, catalog_fold(t3.title) as f
from recording t3
where (catalog_fold(t3.title) like (
select pattern
from asked) or to_tsvector('simple'::regconfig, catalog_fold(t3.title)) @@ (
select words
from asked)) and (t3.owner_id = $2::uuid or t3.visibility = 'public' or (t3.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t3.status not in ('draft', 'deleted') and ((
select count(*)
from opened_recording) > 2000 or t3.id in (
select id
from opened_recording)) and catalog_licensed('recording', t3.id, t3.owner_id, $2::uuid, null, false))) and t3.status <> 'deleted'
limit 200)
union all select a.kind, a.entity_id, a.f
from aliases a), alike as materialized ((
select 'artist' as kind, t4.id, catalog_fold(t4.name) as f
from artist t4
where not exists (
select
from near) and (
select f
from asked) <% catalog_fold(t4.name) and (t4.owner_id = $2::uuid or t4.visibility = 'public' or (t4.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t4.status not in ('draft', 'deleted') and ((
select count(*)
from opened_artist) > 2000 or t4.id in (
select id
from opened_artist)) and catalog_licensed('artist', t4.id, t4.owner_id, $2::uuid, null, false))) and t4.status <> 'deleted'
limit 200)
union all (
select 'recording' as kind, t5.id, catalog_fold(t5.title) as f
from recording t5
where not exists (
select
from near) and (
select f
from asked) <% catalog_fold(t5.title) and (t5.owner_id = $2::uuid or t5.visibility = 'public' or (t5.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t5.status not in ('draft', 'deleted') and ((
select count(*)
from opened_recording) > 2000 or t5.id in (
select id
from opened_recording)) and catalog_licensed('recording', t5.id, t5.owner_id, $2::uuid, null, false))) and t5.status <> 'deleted'
limit 200)), akin as materialized ((
select 'artist' as kind, t6.id, catalog_fold(t6.name) as f
from artist t6
where not exists (
select
from near) and not exists (
select
from alike) and (
select f
from asked) % catalog_fold(t6.name) and (t6.owner_id = $2::uuid or t6.visibility = 'public' or (t6.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t6.status not in ('draft', 'deleted') and ((
select count(*)
from opened_artist) > 2000 or t6.id in (
select id
from opened_artist)) and catalog_licensed('artist', t6.id, t6.owner_id, $2::uuid, null, false))) and t6.status <> 'deleted'
limit 200)
union all (
select 'recording' as kind, t7.id, catalog_fold(t7.title) as f
from recording t7
where not exists (
select
from near) and not exists (
select
from alike) and (
select f
from asked) % catalog_fold(t7.title) and (t7.owner_id = $2::uuid or t7.visibility = 'public' or (t7.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t7.status not in ('draft', 'deleted') and ((
select count(*)
from opened_recording) > 2000 or t7.id in (
select id
from opened_recording)) and catalog_licensed('recording', t7.id, t7.owner_id, $2::uuid, null, false))) and t7.status <> 'deleted'
limit 200)), ranked as (
select m.kind, m.id, round(max((case when m.f = a.f then 5 when starts_with(m.f, a.f) then 4 when position(' ' || a.f in m.f) > 0 then 3 when position(a.f in m.f) > 0 then 1 else 2 end + similarity(a.f, m.f)))::numeric, 6) as score
from near m, asked a group by m.kind, m.id
union all select m.kind, m.id, round(((word_similarity(a.f, m.f) + similarity(a.f, m.f)) / 2)::numeric, 6)
from (table alike
union all table akin) m, asked a) select t1.*
from ranked t1
order by t1.score desc, t1.id desc
limit 3) t1) t1 having true)||'}}'
