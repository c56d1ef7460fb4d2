-- oldest release that may still run: 0.1.0
--
-- Bulk import. COPY stages records where nobody waits for it; import_chunk_v1 moves the next of them into the log under the discipline of
-- the append: one lock, then the check, then the sequence, one short transaction for each chunk, and in it how far the import has come.
create table imports (
  import integer generated always as identity unique,
  name text collate "C" primary key,
  fingerprint text not null,
  total bigint not null default 0,
  moved bigint not null default 0,
  -- The position of the last event it moved.
  position bigint not null default 0,
  -- The head of the log when it began.
  began bigint not null
);

create table import_rows (
  import integer not null,
  nth bigint not null,
  stream text collate "C" not null,
  id uuid not null,
  type text not null,
  schema text not null,
  data text not null,
  meta text not null,
  primary key (import, nth)
);

-- Begins an import, or finds the one of that name. Begun and staged in one transaction, it is there with all its rows or not at all;
-- who begins the same meanwhile waits here for the end of that transaction.
create function import_begin_v1(
  name text,
  fingerprint text,
  out import integer,
  out begun_with text,
  out total bigint,
  out moved bigint,
  out "position" bigint,
  out is_new boolean
)
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
begin
  insert into imports (name, fingerprint, began)
  values (import_begin_v1.name, import_begin_v1.fingerprint, coalesce((select e.position from events e order by e.position desc limit 1), 0))
  on conflict (name) do nothing;
  is_new := found;
  select i.import, i.fingerprint, i.total, i.moved, i.position into import, begun_with, total, moved, "position"
  from imports i
  where i.name = import_begin_v1.name;
end
$$;

create function import_staged_v1(import integer, total bigint) returns void
language sql volatile security definer
set search_path from current
begin atomic
  update imports i set total = import_staged_v1.total
  where i.import = import_staged_v1.import;
end;

-- A stream among the staged ones that had events before the import began; null: none had.
create function import_old_v1(import integer) returns text
language sql stable security definer
set search_path from current
begin atomic
  select r.stream
  from imports i
  join import_rows r on r.import = i.import and r.nth > i.moved
  join events e on e.stream = r.stream and e.version = 1 and e.position <= i.began
  where i.import = import_old_v1.import
  limit 1;
end;

-- ORDER: as append_v1, whose lock this takes. Moves the next records, at most so many and so long, at least one; gives how far the
-- import has come, or the stream that had events before it began where only new ones are asked for.
create function import_chunk_v1(
  import integer,
  events_max integer,
  size_max integer,
  only_new boolean,
  lock_timeout_ms integer,
  out moved bigint,
  out total bigint,
  out "position" bigint,
  out refused text
)
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  began bigint;
  upto bigint;
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

  select i.moved, i.total, i.position, i.began into moved, total, "position", began
  from imports i
  where i.import = import_chunk_v1.import;
  select max(s.nth) into upto
  from (
    select r.nth, sum(length(r.data) + length(r.meta)) over (order by r.nth) as size
    from import_rows r
    where r.import = import_chunk_v1.import and r.nth > moved and r.nth <= moved + events_max
  ) s
  where s.size <= size_max or s.nth = moved + 1;
  if upto is null then
    return;
  end if;
  if only_new then
    select r.stream into refused
    from import_rows r
    join events e on e.stream = r.stream and e.version = 1 and e.position <= began
    where r.import = import_chunk_v1.import and r.nth > moved and r.nth <= upto
    order by r.nth
    limit 1;
    if refused is not null then
      return;
    end if;
  end if;

  stamp := date_trunc('milliseconds', greatest(clock_timestamp(), (select e.at from events e order by e.position desc limit 1)));
  first := nextval('positions');
  "position" := setval('positions', first + upto - moved - 1);
  insert into events
  select first + r.nth - moved - 1, r.stream, h.head + row_number() over (partition by r.stream order by r.nth), r.id, r.type, r.schema, r.data,
    r.meta, stamp
  from import_rows r
  join (
    select s.stream, coalesce((select e.version from events e where e.stream = s.stream order by e.version desc limit 1), 0) as head
    from (
      select distinct d.stream
      from import_rows d
      where d.import = import_chunk_v1.import and d.nth > moved and d.nth <= upto
    ) s
  ) h on h.stream = r.stream
  where r.import = import_chunk_v1.import and r.nth > moved and r.nth <= upto
  order by r.nth;
  moved := upto;
  update imports i set moved = upto, position = import_chunk_v1.position
  where i.import = import_chunk_v1.import;
end
$$;

-- Deletes staged rows that were moved; gives how many. The import is remembered for ever, so that it is never moved again.
create function import_clean_v1(import integer, most integer) returns integer
language plpgsql volatile security definer
set search_path from current
as $$
declare
  many integer;
begin
  delete from import_rows r
  using (
    select d.import, d.nth
    from import_rows d
    join imports i on i.import = d.import and d.nth <= i.moved
    where d.import = import_clean_v1.import
    order by d.nth
    limit most
  ) gone
  where r.import = gone.import and r.nth = gone.nth;
  get diagnostics many = row_count;
  return many;
end
$$;

-- What a role that imports may do besides what grant_app_v1 gives it.
create function grant_import_v1(role name) returns void
language plpgsql volatile
set search_path from current
as $$
begin
  execute format('grant usage on schema %I to %I', current_schema(), role);
  execute format('grant insert on import_rows to %I', role);
  execute format('grant execute on function import_begin_v1, import_staged_v1, import_old_v1, import_chunk_v1, import_clean_v1 to %I', role);
end
$$;

revoke execute on function import_begin_v1, import_staged_v1, import_old_v1, import_chunk_v1, import_clean_v1, grant_import_v1 from public;
