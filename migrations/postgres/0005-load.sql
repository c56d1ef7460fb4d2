-- oldest release that may still run: 0.1.0
--
-- Reads streams and keys with one statement. A stream's facts come as one JSON text, in order, which costs a client far less than a
-- row for each; their payloads are in it byte for byte. Keys come with the first row.
create function load_v1(
  streams text[],
  afters bigint[],
  schemas integer[],
  keys_wanted text[],
  facts_max integer
) returns table (version bigint, "position" bigint, snapshot_version bigint, snapshot text, facts text, many integer, size bigint, keys_found json)
language plpgsql volatile
set search_path from current
as $$
#variable_conflict use_column
begin
  perform set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true);
  return query
  select coalesce(head.version, 0), coalesce(head.position, 0), snap.version, snap.state, f.facts, f.many, f.size,
    case when s.ord = 1 and cardinality(keys_wanted) > 0 then (
      select json_agg(k)
      from keys k
      where k.key = any (keys_wanted) and (k.until is null or k.until > clock_timestamp())
    ) end
  from unnest(load_v1.streams, afters, schemas) with ordinality s(stream, after, schema, ord)
  left join lateral (
    select e.version, e.position from events e where e.stream = s.stream order by e.version desc limit 1
  ) head on true
  left join lateral (
    select n.version, n.state from snapshots n where n.stream = s.stream and n.schema = s.schema and n.version > s.after
  ) snap on true
  left join lateral (
    select string_agg('["' || e.type || '","' || e.schema || '",' || e.data || ']', ',' order by e.version) as facts,
      count(*)::integer as many, sum(length(e.data))::bigint as size
    from (
      select i.version, i.type, i.schema, i.data
      from events i
      where i.stream = s.stream and i.version > coalesce(snap.version, s.after)
      order by i.version
      limit facts_max
    ) e
  ) f on true
  order by s.ord;
end
$$;
