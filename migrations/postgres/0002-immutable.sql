-- oldest release that may still run: 0.1.0
create function events_are_immutable() returns trigger
language plpgsql
as $$
begin
  raise exception 'events are immutable';
end
$$;

create trigger events_are_immutable
before update or delete or truncate on events
for each statement execute function events_are_immutable();

-- For ad-hoc SQL only: jsonb reorders, rewrites numbers and refuses \u0000.
create view events_json as
select position, stream, version, id, type, schema, data::jsonb as data, meta::jsonb as meta, at
from events;

-- The log's lock: one for each schema of a database.
create function lock_key_v1() returns bigint
language sql stable
return ('events'::regclass::oid::bigint) | (x'656d616b'::bigint << 32);
