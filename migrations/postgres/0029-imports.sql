-- oldest release that may still run: 0.1.0
--
-- An id is in the log once. All records of an import are compared with each other and with the log before the first of them is moved. An
-- import is named by a digest of its records; those with moved < total are unfinished, and only one is at a time.
alter table imports add column source text not null default '';
alter table imports add column began_at timestamptz;
-- The last row that was moved. Rows are deleted as they are moved, and those of known ids before, so that numbers have gaps.
alter table imports add column upto bigint not null default 0;
-- The line of a record in its file.
alter table import_rows add column line bigint not null default 0;

-- Rows that an earlier release has moved, and was killed before it deleted them.
delete from import_rows r
where not exists (select from imports i where i.import = r.import and i.moved < i.total);

-- Imports are staged one after the other: each finds in the log, or as unfinished, what the one before has brought. Gives a number.
create function import_stage_v1() returns integer
language plpgsql volatile security definer
set search_path from current
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('emaki import ' || current_schema(), 0));
  return nextval('imports_import_seq');
end
$$;

-- When an event happened, as its meta says it: metas are flat, and a quote within a text is escaped.
create function occurred_at_v1(meta text) returns text
language sql immutable
return substring(meta from '[{,]\s*"occurredAt"\s*:\s*"([^"]*)"');

-- Deletes the staged rows whose id is in the log, or in an earlier row. Gives how many, in a row of its own, and those that may differ from
-- what has their id.
create function import_known_v1(import integer)
returns table(
  many bigint,
  line bigint,
  id uuid,
  stream text,
  type text,
  data text,
  meta text,
  other_line bigint,
  other_position bigint,
  other_stream text,
  other_type text,
  other_data text,
  other_meta text,
  other_at timestamptz
)
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  setting text;
begin
  setting := set_config('jit', 'off', true);
  -- Ids have no index: the log is read once, and not once for each row.
  setting := set_config('enable_nestloop', 'off', true);
  return query
  with twins as materialized (
    select r.nth, null::bigint as line, e.position, e.stream, e.type, e.at, case when e.data <> r.data then e.data end as data,
      case when e.meta <> r.meta then e.meta end as meta
    from import_rows r
    join events e on e.id = r.id
    where r.import = import_known_v1.import
    union all
    select r.nth, o.line, null, o.stream, o.type, null, case when o.data <> r.data then o.data end,
      case when o.meta <> r.meta then o.meta end
    from import_rows r
    join (
      select d.id, min(d.nth) as nth
      from import_rows d
      where d.import = import_known_v1.import
      group by d.id
      having count(*) > 1
    ) f on f.id = r.id and f.nth < r.nth
    join import_rows o on o.import = import_known_v1.import and o.nth = f.nth
    where r.import = import_known_v1.import
  ), gone as (
    delete from import_rows r
    using twins t
    where r.import = import_known_v1.import and r.nth = t.nth
    returning r.line, r.id, r.stream, r.type, r.data, r.meta, t.line as other_line, t.position as other_position, t.stream as other_stream,
      t.type as other_type, coalesce(t.data, r.data) as other_data, coalesce(t.meta, r.meta) as other_meta, t.at as other_at
  )
  select (select count(*) from gone), null, null, null, null, null, null, null, null, null, null, null, null, null
  union all
  select null, g.*
  from gone g
  where (g.stream, g.type, g.data) is distinct from (g.other_stream, g.other_type, g.other_data)
    or g.meta <> g.other_meta and occurred_at_v1(g.meta) is distinct from coalesce(
      occurred_at_v1(g.other_meta),
      case when occurred_at_v1(g.meta) is not null then to_char(g.other_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end
    );
end
$$;

-- Begins an import of the rows that are staged. Gives their number. A finished import of the same records is begun anew.
create function import_begin_v2(import integer, name text, source text) returns bigint
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  many bigint := (select count(*) from import_rows r where r.import = import_begin_v2.import);
begin
  delete from imports i where i.name = import_begin_v2.name;
  insert into imports (import, name, fingerprint, source, total, began, began_at) overriding system value
  values (
    import_begin_v2.import, import_begin_v2.name, '', import_begin_v2.source, many,
    coalesce((select e.position from events e order by e.position desc limit 1), 0), clock_timestamp()
  );
  return many;
end
$$;

-- A stream among the staged ones that had events before the import began; null: none had.
create function import_old_v2(import integer) returns text
language sql stable security definer
set search_path from current
begin atomic
  select r.stream
  from imports i
  join import_rows r on r.import = i.import
  join events e on e.stream = r.stream and e.version = 1 and e.position <= i.began
  where i.import = import_old_v2.import
  order by r.nth
  limit 1;
end;

-- ORDER: as append_v1, whose lock this takes. Moves the next rows, at most so many and so long, at least one; gives how far the import has
-- come, nothing where it was ended.
create function import_chunk_v2(
  import integer,
  events_max integer,
  size_max integer,
  lock_timeout_ms integer,
  out moved bigint,
  out total bigint,
  out "position" bigint
)
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  last bigint;
  bound bigint;
  many integer;
  first bigint;
  stamp timestamptz;
  setting text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'an import needs the isolation level read committed' using errcode = 'invalid_transaction_state';
  end if;
  if pg_current_xact_id_if_assigned() is not null then
    raise exception 'an import inside a transaction of the caller' using errcode = 'invalid_transaction_state';
  end if;
  if current_setting('synchronous_commit') = any ('{off,local}') then
    setting := set_config('synchronous_commit', 'on', true);
  end if;
  setting := set_config('lock_timeout', lock_timeout_ms::text, true);
  setting := set_config('enable_seqscan', 'off', true);
  setting := set_config('jit', 'off', true);
  -- Without statistics of what was just staged, a nested loop over it takes twice the time.
  setting := set_config('enable_nestloop', 'off', true);
  setting := pg_advisory_xact_lock(lock_key_v1());

  select i.moved, i.total, i.position, i.upto into moved, total, "position", last
  from imports i
  where i.import = import_chunk_v2.import
  for update;
  select max(s.nth), count(*) into bound, many
  from (
    select r.nth, row_number() over (order by r.nth) as place, sum(length(r.data) + length(r.meta)) over (order by r.nth) as size
    from (
      select n.nth, n.data, n.meta
      from import_rows n
      where n.import = import_chunk_v2.import and n.nth > last
      order by n.nth
      limit events_max
    ) r
  ) s
  where s.size <= size_max or s.place = 1;
  if many = 0 then
    return;
  end if;

  stamp := date_trunc('milliseconds', greatest(clock_timestamp(), (select e.at from events e order by e.position desc limit 1)));
  first := nextval('positions');
  "position" := setval('positions', first + many - 1);
  with next as (
    delete from import_rows r
    where r.import = import_chunk_v2.import and r.nth > last and r.nth <= bound
    returning r.*
  )
  insert into events
  select first + row_number() over (order by r.nth) - 1, r.stream, h.head + row_number() over (partition by r.stream order by r.nth), r.id,
    r.type, r.schema, r.data, r.meta, stamp
  from next r
  join (
    select s.stream, coalesce((select e.version from events e where e.stream = s.stream order by e.version desc limit 1), 0) as head
    from (select distinct d.stream from next d) s
  ) h on h.stream = r.stream
  order by r.nth;
  moved := moved + many;
  update imports i set moved = import_chunk_v2.moved, position = import_chunk_v2.position, upto = bound
  where i.import = import_chunk_v2.import;
end
$$;

-- Gives up an unfinished import; what it has moved stays. False: there is none of that name.
create function import_end_v1(name text) returns boolean
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  ended integer;
begin
  delete from imports i where i.name = import_end_v1.name and i.moved < i.total returning i.import into ended;
  delete from import_rows r where r.import = ended;
  return ended is not null;
end
$$;

-- What a role that imports may do besides what grant_app_v1 gives it.
create function grant_import_v2(role name) returns void
language plpgsql volatile
set search_path from current
as $$
begin
  execute format('grant usage on schema %I to %I', current_schema(), role);
  execute format('grant insert on import_rows to %I', role);
  execute format(
    'grant execute on function import_stage_v1, occurred_at_v1, import_known_v1, import_begin_v2, import_old_v2, import_chunk_v2, import_end_v1 to %I', role
  );
end
$$;

revoke execute on function import_stage_v1, import_known_v1, import_begin_v2, import_old_v2, import_chunk_v2, import_end_v1, grant_import_v2
from public;

-- A role that could import still can.
do $$
declare
  importer name;
begin
  for importer in
    select pg_get_userbyid(a.grantee)
    from pg_class c, aclexplode(c.relacl) a
    where c.oid = 'import_rows'::regclass and a.privilege_type = 'INSERT' and a.grantee <> 0 and a.grantee <> c.relowner
  loop
    perform grant_import_v2(importer);
  end loop;
end
$$;
