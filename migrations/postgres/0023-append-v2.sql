-- oldest release that may still run: 0.1.0
--
-- The append that 0022 gave, under a name of its own: a function is versioned by its name, and 0022 changed append_v1 in place. It differs
-- from append_v1 in its keys. Each is looked up by itself, takes the position that its event is just given, and is known to be new when it
-- is inserted. Both take the same lock and write the same rows, so that two releases may append at the same time.
create function append_v2(
  streams text[],
  expects bigint[],
  units integer[],
  of integer[],
  nth integer[],
  ids text,
  types text,
  schemas text,
  data text,
  metas text,
  new_keys json,
  lock_timeout_ms integer,
  out first bigint,
  out stamp timestamptz,
  out heads bigint[],
  out failed json
)
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  many integer := coalesce(cardinality(append_v2.of), 0);
  bad integer[];
  expired text[];
  -- Assigning a call's result is an expression, which plpgsql evaluates without a query: a quarter of the time of PERFORM.
  setting text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append needs the isolation level read committed' using errcode = 'invalid_transaction_state';
  end if;
  if pg_current_xact_id_if_assigned() is not null then
    raise exception 'append inside a transaction of the caller' using errcode = 'invalid_transaction_state';
  end if;
  if current_setting('synchronous_commit') = any ('{off,local}') then
    setting := set_config('synchronous_commit', 'on', true);
  end if;
  setting := set_config('lock_timeout', lock_timeout_ms::text, true);
  setting := set_config('enable_seqscan', 'off', true);
  setting := set_config('jit', 'off', true);
  setting := pg_advisory_xact_lock(lock_key_v1());

  if cardinality(append_v2.streams) = 1 then
    heads := array[coalesce((select e.version from events e where e.stream = append_v2.streams[1] order by e.version desc limit 1), 0)];
  else
    select array_agg(coalesce((select e.version from events e where e.stream = s.stream order by e.version desc limit 1), 0) order by s.ord)
    into heads
    from unnest(append_v2.streams) with ordinality s(stream, ord);
  end if;
  if new_keys is not null then
    -- One look for each: a join that was planned while there were few keys reads all of them for as long as its session lives.
    select array_agg(distinct n.unit) filter (where k.is_known), array_agg(n.key) filter (where not k.is_known)
    into bad, expired
    from json_to_recordset(new_keys) n(unit integer, key text)
    cross join lateral (select k.until is null or k.until > clock_timestamp() as is_known from keys k where k.key = n.key offset 0) k;
    if expired is not null then
      delete from keys k where k.key = any (expired);
    end if;
  end if;
  if heads <> expects or bad is not null then
    select f.failed, f.units_failed into failed, bad from append_failed_v1(append_v2.streams, expects, append_v2.units, heads, bad) f;
    many := (select count(*) from unnest(append_v2.of) o where append_v2.units[o] <> all (bad));
  end if;

  stamp := date_trunc('milliseconds', greatest(clock_timestamp(), (select e.at from events e order by e.position desc limit 1)));
  if many > 0 then
    first := nextval('positions');
  end if;
  if many = 1 and cardinality(append_v2.of) = 1 then
    insert into events
    values (first, append_v2.streams[append_v2.of[1]], heads[append_v2.of[1]] + 1, ids::uuid, types, schemas, data, metas, stamp);
  elsif many > 0 then
    setting := setval('positions', first + many - 1);
    insert into events
    select first + row_number() over (order by e.ord) - 1, s.stream, s.head + e.nth, e.id::uuid, e.type, e.schema, e.data, e.meta, stamp
    from rows from (
      unnest(append_v2.of),
      unnest(append_v2.nth),
      unnest(string_to_array(ids, e'\n')),
      unnest(string_to_array(types, e'\n')),
      unnest(string_to_array(schemas, e'\n')),
      unnest(string_to_array(append_v2.data, e'\n')),
      unnest(string_to_array(metas, e'\n'))
    ) with ordinality e(of, nth, id, type, schema, data, meta, ord)
    join unnest(append_v2.streams, heads, append_v2.units) with ordinality s(stream, head, unit, ord) on s.ord = e.of
    where bad is null or s.unit <> all (bad);
  end if;
  if new_keys is not null then
    insert into keys
    select n.key, n.fingerprint, n.stream, n.version, n.count,
      case when n.count = 0 then 0 else coalesce(
        case when bad is null then first + n.last - 1 end,
        (select e.position from events e where e.stream = n.stream and e.version = n.version)
      ) end,
      n.rejection, clock_timestamp() + n.keep_ms * interval '1 millisecond'
    from json_to_recordset(new_keys) n(
      unit integer, key text, fingerprint text, stream text, version bigint, count integer, rejection text, keep_ms bigint, last integer
    )
    where bad is null or n.unit <> all (bad);
  end if;
end
$$;

-- Roles that may call append_v1 may call append_v2 from now on.
revoke execute on function append_v2 from public;

do $grant$
declare
  grantee name;
begin
  for grantee in
    select pg_get_userbyid(a.grantee)
    from pg_proc p, aclexplode(p.proacl) a
    where p.oid = 'append_v1'::regproc and a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant execute on function append_v2 to %I', grantee);
  end loop;
end
$grant$;
