-- $1: the viewer's organization. $2: the track.
select coalesce((
  select '{"data":{"track":{"id":"'
    ||translate(rtrim(encode(convert_to('track:', 'UTF8') || uuid_send(t.id), 'base64'), '='), '+/', '-_')
    ||'","title":'||to_json(t.title)::text
    ||',"isrc":'||coalesce(to_json(coalesce(r.isrc, v.isrc))::text, 'null')
    ||',"durationMs":'||coalesce(coalesce(t.duration_ms, r.duration_ms, v.duration_ms)::text, 'null')
    ||',"artistCredit":'||coalesce((
        select '{"name":'||to_json(c.name)::text||',"names":['||coalesce((
            select string_agg(
                '{"name":'||to_json(n.name)::text||',"joinPhrase":'||to_json(n.join_phrase)::text
                ||',"artist":'||coalesce((
                    select '{"id":"'
                      ||translate(rtrim(encode(convert_to('artist:', 'UTF8') || uuid_send(a.id), 'base64'), '='), '+/', '-_')
                      ||'","name":'||to_json(a.name)::text||'}'
                    from artist a
                    where a.id = n.artist_id
                      and (a.owner_id = $1::uuid or a.visibility = 'public') and a.status <> 'deleted'
                  ), 'null')||'}', ',' order by n.position)
            from artist_credit_name n where n.artist_credit_id = c.id), '')||']}'
        from artist_credit c where c.id = t.artist_credit_id), 'null')
    ||',"release":'||coalesce((
        select '{"id":"'
          ||translate(rtrim(encode(convert_to('release:', 'UTF8') || uuid_send(s.id), 'base64'), '='), '+/', '-_')
          ||'","title":'||to_json(s.title)::text||',"upc":'||coalesce(to_json(s.upc)::text, 'null')||'}'
        from release s
        where s.id = t.release_id
          and (s.owner_id = $1::uuid or s.visibility = 'public') and s.status <> 'deleted'), 'null')
    ||'}}}'
  from track t
  left join recording r on r.id = t.recording_id
    and (r.owner_id = $1::uuid or r.visibility = 'public') and r.status <> 'deleted'
  left join video v on v.id = t.video_id
    and (v.owner_id = $1::uuid or v.visibility = 'public') and v.status <> 'deleted'
  where t.id = $2::uuid and (t.owner_id = $1::uuid or t.visibility = 'public') and t.status <> 'deleted'
), '{"data":{"track":null}}')
