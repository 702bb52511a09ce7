select '{"data":{"similar":'||coalesce((
select coalesce((
select '{"isComparable":'||t2.is_comparable::text||',"reason":'||coalesce(to_json(t2.reason)::text, 'null')||',"text":'||to_json(t2.text)::text||',"model":'||coalesce(to_json(t2.model)::text, 'null')||',"modelVersion":'||coalesce(to_json(t2.model_version)::text, 'null')||',"hits":'||coalesce((
select '['||string_agg('{"similarity":'||t7.similarity::text||',"tempo":'||coalesce(t7.tempo::text, 'null')||',"key":'||coalesce(t7.key::text, 'null')||',"recording":'||coalesce((
select '{"title":'||to_json(t8.title)::text||'}'
from recording t8
where t8.id = t7.recording_id and (t8.owner_id = $2::uuid or t8.visibility = 'public' or (t8.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t8.status not in ('draft', 'deleted') and catalog_licensed('recording', t8.id, t8.owner_id, $2::uuid, null, false))) and t8.status <> 'deleted'), 'null')||'}', ','
order by t7.place)||']'
from unnest(t2.recording_id, t2.similarity, t2.sound, t2.tempo, t2.key, t2.tempo_bpm, t2.tempo_ratio, t2.tempo_shift_percent, t2.camelot, t2.key_relation) with ordinality t7 (recording_id, similarity, sound, tempo, key, tempo_bpm, tempo_ratio, tempo_shift_percent, camelot, key_relation, place)
where true and true), '[]')||'}'
from (
select w.reason is null as is_comparable, w.reason, case when w.reason is null then 'Ordered by sound: the cosine of the angle between the vectors, 1 for the same. Tempo and key are told beside it and do not count.' else case w.reason when 'no_embedding' then 'Nobody has listened to it yet: there is no vector of its sound.' when 'silence' then 'It is silent, and silence sounds like nothing.' when 'too_short' then 'It is shorter than a second, too short to be compared.' when 'noise' then 'Nothing moves in it: noise or a steady tone sounds like no music.' when 'no_tempo' then 'Its tempo is asked for, and is not known.' when 'no_key' then 'Its key is asked for, and is not known.' when 'other_version' then 'What else you may see was listened to by another model or version.' when 'nothing_else' then 'Nothing else that you may see was listened to yet.' else 'The model has nothing to say of it: ' || w.reason || '.' end end as text, s.model, s.model_version, s.dimensions, s.made_at, h.recording_id, h.similarity, h.sound, h.tempo, h.key, h.tempo_bpm, h.tempo_ratio, h.tempo_shift_percent, h.camelot, h.key_relation
from (
select o.*, array[o.camelot, left(o.camelot, -1) || case right(o.camelot, 1) when 'A' then 'B' else 'A' end, (left(o.camelot, -1)::int % 12 + 1) || right(o.camelot, 1), ((left(o.camelot, -1)::int + 10) % 12 + 1) || right(o.camelot, 1)] as keys
from (
select t4.id, (
select case when a.number > 0 then a.number end
from audio_feature a
where a.recording_id = t4.id and a.name = 'tempo_bpm') as bpm, (
select catalog_camelot(a.text)
from audio_feature a
where a.recording_id = t4.id and a.name = 'key') as camelot, e.model, e.model_version, e.dimensions, e.vector, e.reason, e.made_at
from recording t4 left join lateral (
select *
from embedding v
where v.entity_id = t4.id and v.made_of = 'sound'
order by v.made_at desc, v.id desc
limit 1) e on true
where t4.id = t1.id and (t4.owner_id = $2::uuid or t4.visibility = 'public' or (t4.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t4.status not in ('draft', 'deleted') and catalog_licensed('recording', t4.id, t4.owner_id, $2::uuid, null, false))) and t4.status <> 'deleted' offset 0) o) s cross join lateral (with held as materialized (
select c.reltuples as n
from pg_class c
where c.oid = to_regclass('ix_embedding_sound_400')), tried as materialized (
select e.entity_id as id, (e.vector::halfvec(400)) <=> (case when s.dimensions = 400 then s.vector end)::halfvec(400) as d
from embedding e
where (
select n
from held) is not null and s.dimensions = 400 and s.vector is not null and e.made_of = 'sound' and e.dimensions = 400 and e.vector is not null and e.model = s.model and e.model_version = s.model_version
order by (e.vector::halfvec(400)) <=> (case when s.dimensions = 400 then s.vector end)::halfvec(400)
limit 200), passed as materialized (
select t.id, t.d
from tried t cross join lateral (
select
from recording t3
where t3.id = t.id and (t3.owner_id = $2::uuid or t3.visibility = 'public' or (t3.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t3.status not in ('draft', 'deleted') and catalog_licensed('recording', t3.id, t3.owner_id, $2::uuid, null, false))) and t3.status <> 'deleted' and t3.id <> s.id and exists (
select
from audio_feature a
where a.recording_id = t3.id and a.name = 'tempo_bpm' and a.number > 0 and (abs(s.bpm * 1.0 / a.number - 1) * 100 <= 6.0::float8 or abs(s.bpm * 2.0 / a.number - 1) * 100 <= 6.0::float8 or abs(s.bpm * 0.5 / a.number - 1) * 100 <= 6.0::float8)) and exists (
select
from audio_feature a
where a.recording_id = t3.id and a.name = 'key' and catalog_camelot(a.text) = any(s.keys)) offset 0) c), near as materialized (
select e.entity_id as id, (e.vector::halfvec(400)) <=> (case when s.dimensions = 400 then s.vector end)::halfvec(400) as d
from embedding e cross join lateral (
select
from recording t3
where t3.id = e.entity_id and (t3.owner_id = $2::uuid or t3.visibility = 'public' or (t3.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t3.status not in ('draft', 'deleted') and catalog_licensed('recording', t3.id, t3.owner_id, $2::uuid, null, false))) and t3.status <> 'deleted' and t3.id <> s.id and exists (
select
from audio_feature a
where a.recording_id = t3.id and a.name = 'tempo_bpm' and a.number > 0 and (abs(s.bpm * 1.0 / a.number - 1) * 100 <= 6.0::float8 or abs(s.bpm * 2.0 / a.number - 1) * 100 <= 6.0::float8 or abs(s.bpm * 0.5 / a.number - 1) * 100 <= 6.0::float8)) and exists (
select
from audio_feature a
where a.recording_id = t3.id and a.name = 'key' and catalog_camelot(a.text) = any(s.keys)) offset 0) c
where (
select count(*)
from passed) < 5 and greatest((
select count(*)
from passed), 0.5) * (
select n
from held) >= 30000 and s.dimensions = 400 and s.vector is not null and e.made_of = 'sound' and e.dimensions = 400 and e.vector is not null and e.model = s.model and e.model_version = s.model_version
order by (e.vector::halfvec(400)) <=> (case when s.dimensions = 400 then s.vector end)::halfvec(400)
limit 30), every as materialized (
select e.entity_id as id, e.vector <=> s.vector as d
from embedding e join recording t3 on t3.id = e.entity_id
where not ((
select count(*)
from passed) >= 5 or (
select count(*)
from near) >= 5) and e.made_of = 'sound' and e.vector is not null and e.model = s.model and e.model_version = s.model_version and e.dimensions = s.dimensions and s.vector is not null and (t3.owner_id = $2::uuid or t3.visibility = 'public' or (t3.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t3.status not in ('draft', 'deleted') and catalog_licensed('recording', t3.id, t3.owner_id, $2::uuid, null, false))) and t3.status <> 'deleted' and t3.id <> s.id and exists (
select
from audio_feature a
where a.recording_id = t3.id and a.name = 'tempo_bpm' and a.number > 0 and (abs(s.bpm * 1.0 / a.number - 1) * 100 <= 6.0::float8 or abs(s.bpm * 2.0 / a.number - 1) * 100 <= 6.0::float8 or abs(s.bpm * 0.5 / a.number - 1) * 100 <= 6.0::float8)) and exists (
select
from audio_feature a
where a.recording_id = t3.id and a.name = 'key' and catalog_camelot(a.text) = any(s.keys))
order by d, id
limit 5), found as (
select id, d
from (
select id, d
from passed
where (
select count(*)
from passed) >= 5
union all select id, d
from near
where (
select count(*)
from near) >= 5
union all table every) u
order by d, id
limit 5), told as (
select f.id as recording_id, f.d, 1 - f.d as sound, k.tempo_bpm, k.camelot, m.tempo_ratio, m.shift as tempo_shift_percent, case when m.shift is not null then greatest(0, 1 - abs(m.shift) / 6.0::float8) end as tempo, r.key_relation, case when r.key_relation is not null then case r.key_relation when 'same' then 1.0 when 'relative' then 0.9 when 'up' then 0.8 when 'down' then 0.8 else 0 end end as key
from found f cross join lateral (
select (
select case when a.number > 0 then a.number end
from audio_feature a
where a.recording_id = f.id and a.name = 'tempo_bpm') as tempo_bpm, (
select catalog_camelot(a.text)
from audio_feature a
where a.recording_id = f.id and a.name = 'key') as camelot offset 0) k left join lateral (
select m.name as tempo_ratio, 100 * (s.bpm * m.ratio / k.tempo_bpm - 1) as shift
from (values (1.0::float8, '1'), (2.0::float8, '2'), (0.5::float8, '1/2')) m (ratio, name)
where s.bpm is not null and k.tempo_bpm is not null
order by abs(s.bpm * m.ratio / k.tempo_bpm - 1), m.name
limit 1) m on true cross join lateral (
select case when s.camelot is null or k.camelot is null then null when s.camelot = k.camelot then 'same' when left(s.camelot, -1) = left(k.camelot, -1) then 'relative' when right(s.camelot, 1) <> right(k.camelot, 1) then 'none' when (left(k.camelot, -1)::int - left(s.camelot, -1)::int + 12) % 12 = 1 then 'up' when (left(k.camelot, -1)::int - left(s.camelot, -1)::int + 12) % 12 = 11 then 'down' else 'none' end as key_relation) r) select array_agg(x.recording_id
order by x.place) as recording_id, array_agg(x.similarity
order by x.place) as similarity, array_agg(x.sound
order by x.place) as sound, array_agg(x.tempo
order by x.place) as tempo, array_agg(x.key
order by x.place) as key, array_agg(x.tempo_bpm
order by x.place) as tempo_bpm, array_agg(x.tempo_ratio
order by x.place) as tempo_ratio, array_agg(x.tempo_shift_percent
order by x.place) as tempo_shift_percent, array_agg(x.camelot
order by x.place) as camelot, array_agg(x.key_relation
order by x.place) as key_relation
from (
select y.recording_id, round(y.similarity::numeric, 4)::float8 as similarity, round(y.sound::numeric, 4)::float8 as sound, round(y.tempo::numeric, 4)::float8 as tempo, round(y.key::numeric, 4)::float8 as key, round(y.tempo_bpm::numeric, 4)::float8 as tempo_bpm, y.tempo_ratio, round(y.tempo_shift_percent::numeric, 4)::float8 as tempo_shift_percent, y.camelot, y.key_relation, row_number() over (order by d, y.recording_id) as place
from (
select z.*, 1 - z.d as similarity
from told z) y
order by place
limit 5) x) h cross join lateral (
select case when s.dimensions is null then 'no_embedding' when s.reason is not null then s.reason when s.bpm is null then 'no_tempo' when s.camelot is null then 'no_key' when h.recording_id is not null or exists (
select
from embedding e join recording t5 on t5.id = e.entity_id
where e.made_of = 'sound' and e.vector is not null and e.model = s.model and e.model_version = s.model_version and e.dimensions = s.dimensions and s.vector is not null and t5.id <> s.id and (t5.owner_id = $2::uuid or t5.visibility = 'public' or (t5.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t5.status not in ('draft', 'deleted') and catalog_licensed('recording', t5.id, t5.owner_id, $2::uuid, null, false))) and t5.status <> 'deleted') then null when exists (
select
from embedding e join recording t6 on t6.id = e.entity_id
where e.made_of = 'sound' and e.vector is not null and t6.id <> s.id and (t6.owner_id = $2::uuid or t6.visibility = 'public' or (t6.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t6.status not in ('draft', 'deleted') and catalog_licensed('recording', t6.id, t6.owner_id, $2::uuid, null, false))) and t6.status <> 'deleted') then 'other_version' else 'nothing_else' end as reason) w) t2), 'null')
from recording t1
where t1.id = (
select coalesce(e.merged_into_id, e.id)
from entity e
where e.id = $1::uuid) and (t1.owner_id = $2::uuid or t1.visibility = 'public' or (t1.owner_id = any((
select catalog_licensors($2::uuid, false))::uuid[]) and t1.status not in ('draft', 'deleted') and catalog_licensed('recording', t1.id, t1.owner_id, $2::uuid, null, false))) and t1.status <> 'deleted'), 'null')||'}}'
