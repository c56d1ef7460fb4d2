-- oldest release that may still run: 0.1.0
-- JSON text as jsonb, for ad-hoc SQL only: jsonb reorders, rewrites numbers and takes no U+0000, for which U+FFFD stands. One text of a
-- client must not take a view from all others.
create function json_v1(payload text) returns jsonb
language sql immutable strict parallel safe
return case
  when strpos(payload, '\u0000') = 0 then payload
  else regexp_replace(payload, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')
end::jsonb;

create or replace view events_json as
select position, stream, version, id, type, schema, json_v1(data) as data, json_v1(meta) as meta, at
from events;
