-- oldest release that may still run: 0.1.0
--
-- load_v3 is load_v2 with the metadata of facts, for the streams whose folds read it.
create function load_v3(
  streams text[],
  afters bigint[],
  schemas integer[],
  metas boolean[],
  keys_wanted text[],
  facts_max integer
) returns table (
  version bigint,
  "position" bigint,
  snapshot_version bigint,
  snapshot text,
  facts text,
  many integer,
  size bigint,
  keys_found json
)
language plpgsql
set search_path from current
set plan_cache_mode = force_generic_plan
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
  from unnest(load_v3.streams, afters, schemas, metas) with ordinality s(stream, after, schema, meta, ord)
  left join lateral (
    select e.version, e.position from events e where e.stream = s.stream order by e.version desc limit 1
  ) head on true
  left join lateral (
    select n.version, n.state from snapshots n where n.stream = s.stream and n.schema = s.schema and n.version > s.after
  ) snap on true
  left join lateral (
    select string_agg('["' || e.type || '","' || e.schema || '",' || e.data || coalesce(',' || e.meta, '') || ']', ',' order by e.version) as facts,
      count(*)::integer as many, sum(length(e.data))::bigint as size
    from (
      select i.version, i.type, i.schema, i.data, case when s.meta then i.meta end as meta
      from events i
      where i.stream = s.stream and i.version > coalesce(snap.version, s.after)
      order by i.version
      limit facts_max
    ) e
  ) f on true
  order by s.ord;
end
$$;
