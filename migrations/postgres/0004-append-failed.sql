-- oldest release that may still run: 0.1.0
--
-- Which units of an append fail, and what each caller needs next: that a key was used before, or for each slice that failed the version
-- found and the events behind an exact expectation. All of it is at most about 256 KiB: a client that stops reading a large result
-- would hold the lock. Beyond that a conflict carries only the version. What a key stands for may be large, and is read later.
create function append_failed_v1(
  streams text[],
  expects bigint[],
  units integer[],
  heads bigint[],
  known integer[],
  out failed json,
  out units_failed integer[]
)
language plpgsql volatile
set search_path from current
as $$
declare
  room integer := 262144;
  slice record;
  missed json;
  size bigint;
  conflicts json[] := '{}';
begin
  units_failed := coalesce(known, '{}');
  for slice in
    select s.ord - 1 as slice, s.stream, s.expect, s.head, s.unit
    from unnest(streams, expects, heads, units) with ordinality s(stream, expect, head, unit, ord)
    where s.unit <> all (units_failed)
      and not case s.expect when -1 then true when -2 then s.head > 0 else s.head = s.expect end
  loop
    missed := null;
    if slice.expect >= 0 and slice.head > slice.expect and slice.head - slice.expect <= 1000 and room > 0 then
      select sum(octet_length(e.data) + octet_length(e.meta) + 200) into size
      from events e
      where e.stream = slice.stream and e.version > slice.expect;
      if size <= room then
        room := room - size;
        select json_agg(e order by e.version) into missed
        from events e
        where e.stream = slice.stream and e.version > slice.expect;
      end if;
    end if;
    units_failed := units_failed || slice.unit;
    conflicts := conflicts || json_build_object('slice', slice.slice, 'actual', slice.head, 'missed', missed);
  end loop;
  if cardinality(units_failed) > 0 then
    failed := json_build_object('conflicts', array_to_json(conflicts), 'known', known);
  end if;
end
$$;
