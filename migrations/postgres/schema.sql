create table agenda (
  id text collate "C" not null,
  seq bigint not null,
  owner text collate "C" not null,
  key text not null,
  timer text,
  command text,
  meta text not null,
  due timestamp with time zone not null,
  at_position bigint not null,
  made_at timestamp with time zone not null,
  begun boolean not null default false,
  outcome text,
  ended_at timestamp with time zone
);

create table breaches (
  promise text collate "C" not null,
  subject text collate "C" not null,
  message text not null,
  found_by text not null,
  at bigint not null
);

create table checkpoints (
  name text collate "C" not null,
  position bigint not null,
  epoch bigint not null,
  saved_at timestamp with time zone not null,
  start bigint not null default 0
);

create table events (
  position bigint not null,
  stream text collate "C" not null,
  version bigint not null,
  id uuid not null,
  type text not null,
  schema text not null,
  data text not null,
  meta text not null,
  at timestamp with time zone not null
);

create table fingerprints (
  name text collate "C" not null,
  found text not null
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
  line bigint not null default 0
);

create table imports (
  import integer not null,
  name text collate "C" not null,
  fingerprint text not null,
  total bigint not null default 0,
  moved bigint not null default 0,
  position bigint not null default 0,
  began bigint not null,
  source text not null default ''::text,
  began_at timestamp with time zone,
  upto bigint not null default 0
);

create table keys (
  key text collate "C" not null,
  fingerprint text not null,
  stream text collate "C" not null,
  version bigint not null,
  count integer not null,
  position bigint not null,
  rejection text,
  until timestamp with time zone
);

create table leases (
  name text collate "C" not null,
  epoch bigint not null,
  owner text,
  until timestamp with time zone not null,
  position bigint not null,
  takeovers integer not null,
  suspect_position bigint,
  suspect_key text,
  suspect_times integer not null default 1
);

create table log (
  one boolean not null default true,
  id uuid not null default gen_random_uuid(),
  epoch integer not null default 1,
  home text
);

create table migrations (
  name text not null,
  checksum text not null,
  oldest text not null,
  at timestamp with time zone not null default now()
);

create table parked (
  name text collate "C" not null,
  kind text collate "C" not null,
  key text collate "C" not null,
  position bigint not null,
  cause text not null,
  at timestamp with time zone not null,
  again text,
  reader text
);

create table refusals (
  seq bigint not null,
  at timestamp with time zone not null,
  by text not null,
  command text not null,
  stream text not null,
  actor text,
  code text not null,
  text text,
  correlation text not null,
  trace_id text,
  more integer not null
);

create table row_tables (
  name text collate "C" not null,
  fields text[] not null,
  kinds text[] not null
);

create table sample_writers (
  writer text not null,
  number bigint not null,
  hour bigint not null
);

create table samples (
  hour bigint not null,
  subject text collate "C" not null,
  minutes bigint[] not null
);

create table seals (
  after bigint not null,
  until bigint not null,
  count integer not null,
  digest text not null,
  last_at text not null,
  epoch integer not null
);

create table serving (
  projection text collate "C" not null,
  name text collate "C" not null
);

create table snapshots (
  stream text collate "C" not null,
  schema integer not null,
  version bigint not null,
  state text not null
);

alter table agenda add PRIMARY KEY (id);

alter table breaches add PRIMARY KEY (promise, subject);

alter table checkpoints add PRIMARY KEY (name);

alter table events add PRIMARY KEY ("position");

alter table events add UNIQUE (stream, version);

alter table fingerprints add PRIMARY KEY (name);

alter table import_rows add PRIMARY KEY (import, nth);

alter table imports add UNIQUE (import);

alter table imports add PRIMARY KEY (name);

alter table keys add PRIMARY KEY (key);

alter table leases add PRIMARY KEY (name);

alter table log add CHECK (one);

alter table log add PRIMARY KEY (one);

alter table migrations add PRIMARY KEY (name);

alter table parked add CHECK ((again = ANY (ARRAY['whole'::text, 'skip'::text])));

alter table parked add CHECK ((kind = ANY (ARRAY['key'::text, 'stream'::text])));

alter table parked add PRIMARY KEY (name, kind, key);

alter table refusals add PRIMARY KEY (seq);

alter table row_tables add PRIMARY KEY (name);

alter table sample_writers add PRIMARY KEY (writer);

alter table samples add PRIMARY KEY (hour, subject);

alter table seals add PRIMARY KEY (after);

alter table serving add PRIMARY KEY (projection);

alter table snapshots add PRIMARY KEY (stream, schema);

CREATE INDEX agenda_due ON emaki.agenda USING btree (owner, due, seq) WHERE (ended_at IS NULL);

CREATE INDEX agenda_ended ON emaki.agenda USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE UNIQUE INDEX agenda_pkey ON emaki.agenda USING btree (id);

CREATE UNIQUE INDEX breaches_pkey ON emaki.breaches USING btree (promise, subject);

CREATE UNIQUE INDEX checkpoints_pkey ON emaki.checkpoints USING btree (name);

CREATE UNIQUE INDEX events_pkey ON emaki.events USING btree ("position");

CREATE UNIQUE INDEX events_stream_version_key ON emaki.events USING btree (stream, version);

CREATE INDEX events_type_position ON emaki.events USING btree (type, "position");

CREATE UNIQUE INDEX fingerprints_pkey ON emaki.fingerprints USING btree (name);

CREATE UNIQUE INDEX import_rows_pkey ON emaki.import_rows USING btree (import, nth);

CREATE UNIQUE INDEX imports_import_key ON emaki.imports USING btree (import);

CREATE UNIQUE INDEX imports_pkey ON emaki.imports USING btree (name);

CREATE UNIQUE INDEX keys_pkey ON emaki.keys USING btree (key);

CREATE INDEX keys_sent ON emaki.keys USING btree (split_part(key, ':'::text, 2), "position") WHERE ((until IS NULL) AND (key ~~ 'agenda:%'::text));

CREATE INDEX keys_until ON emaki.keys USING btree (until) WHERE (until IS NOT NULL);

CREATE UNIQUE INDEX leases_pkey ON emaki.leases USING btree (name);

CREATE UNIQUE INDEX log_pkey ON emaki.log USING btree (one);

CREATE UNIQUE INDEX migrations_pkey ON emaki.migrations USING btree (name);

CREATE UNIQUE INDEX parked_pkey ON emaki.parked USING btree (name, kind, key);

CREATE UNIQUE INDEX refusals_pkey ON emaki.refusals USING btree (seq);

CREATE UNIQUE INDEX row_tables_pkey ON emaki.row_tables USING btree (name);

CREATE UNIQUE INDEX sample_writers_pkey ON emaki.sample_writers USING btree (writer);

CREATE UNIQUE INDEX samples_pkey ON emaki.samples USING btree (hour, subject);

CREATE UNIQUE INDEX seals_pkey ON emaki.seals USING btree (after);

CREATE UNIQUE INDEX serving_pkey ON emaki.serving USING btree (projection);

CREATE UNIQUE INDEX snapshots_pkey ON emaki.snapshots USING btree (stream, schema);

create sequence agenda_seq_seq;

create sequence imports_import_seq;

create sequence positions;

create sequence refusals_seq_seq;

create view events_json as
 SELECT "position",
    stream,
    version,
    id,
    type,
    schema,
    emaki.json_v1(data) AS data,
    emaki.json_v1(meta) AS meta,
    at
   FROM emaki.events;

CREATE OR REPLACE FUNCTION emaki.acquire_v1(subscription text, new_owner text, ttl_ms integer, start bigint)
 RETURNS TABLE(epoch bigint, "position" bigint, takeovers integer, suspect_position bigint, suspect_key text)
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  checkpoint checkpoints;
  last leases;
begin
  select * into last from leases l where l.name = subscription;
  if last.owner <> new_owner and last.until > clock_timestamp() then
    return;
  end if;
  insert into checkpoints values (subscription, start, 0, clock_timestamp()) on conflict (name) do nothing;
  select * into checkpoint from checkpoints c where c.name = subscription for update;
  insert into leases (name, epoch, until, position, takeovers) values (subscription, 0, '-infinity', 0, 0) on conflict (name) do nothing;
  select * into last from leases l where l.name = subscription for update;
  if checkpoint is null or last.owner <> new_owner and last.until > clock_timestamp() then
    return;
  end if;
  update checkpoints c set epoch = greatest(checkpoint.epoch, last.epoch) + 1 where c.name = subscription;
  return query
  update leases l
  set epoch = greatest(checkpoint.epoch, last.epoch) + 1, owner = new_owner, until = clock_timestamp() + ttl_ms * interval '1 millisecond',
    position = checkpoint.position,
    takeovers = case when last.owner is not null and last.position = checkpoint.position then last.takeovers + (last.owner <> new_owner)::integer else 0 end
  where l.name = subscription
  returning l.epoch, l.position, l.takeovers, l.suspect_position, l.suspect_key;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.acquire_v2(subscription text, new_owner text, ttl_ms integer, start bigint)
 RETURNS TABLE(epoch bigint, "position" bigint, takeovers integer, suspect_position bigint, suspect_key text)
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  insert into checkpoints values (subscription, start, 0, clock_timestamp(), start) on conflict (name) do nothing;
  return query select * from acquire_v1(subscription, new_owner, ttl_ms, start);
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.acquire_v3(subscription text, new_owner text, ttl_ms integer, start bigint)
 RETURNS TABLE(epoch bigint, "position" bigint, takeovers integer, suspect_position bigint, suspect_key text, is_takeover boolean)
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  last_owner text;
begin
  select l.owner into last_owner from leases l where l.name = subscription;
  return query
  select a.epoch, a.position, a.takeovers, a.suspect_position, a.suspect_key, coalesce(last_owner <> new_owner, false)
  from acquire_v2(subscription, new_owner, ttl_ms, start) a;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.add_breach_v1(promise text, subject text, message text, found_by text, at bigint, most integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  insert into breaches (promise, subject, message, found_by, at)
  select add_breach_v1.promise, add_breach_v1.subject, add_breach_v1.message, add_breach_v1.found_by, add_breach_v1.at
  where (select count(*) from breaches b where b.promise = add_breach_v1.promise) < most
  on conflict (promise, subject) do nothing;
  return found;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.add_refusals_v1(added json)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO emaki.refusals (at, by, command, stream, actor, code, text, correlation, trace_id, more)  SELECT to_timestamp((r.at / (1000)::double precision)) AS to_timestamp,
             r.by,
             r.command,
             r.stream,
             r.actor,
             r.code,
             r.text,
             r.correlation,
             r."traceId",
             r.more
            FROM ROWS FROM(json_to_recordset(add_refusals_v1.added) AS (at double precision, by text, command text, stream text, actor text, code text, text text, correlation text, "traceId" text, more integer)) WITH ORDINALITY r(at, by, command, stream, actor, code, text, correlation, "traceId", more, place)
           ORDER BY r.place;
END
;

CREATE OR REPLACE FUNCTION emaki.add_samples_v1(batch_writer text, batch_number bigint, added json)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  insert into sample_writers as w (writer, number, hour)
  select batch_writer, batch_number, coalesce(max((e ->> 'hour')::bigint), 0)
  from json_array_elements(added) e
  on conflict (writer) do update set number = excluded.number, hour = excluded.hour where w.number < excluded.number;
  if not found then
    return;
  end if;
  insert into samples as s (hour, subject, minutes)
  select (e ->> 'hour')::bigint, e ->> 'subject', array(
    select m.count::bigint
    from json_array_elements_text(e -> 'minutes') with ordinality m(count, place)
    order by m.place
  )
  from json_array_elements(added) e
  order by 1, (e ->> 'subject') collate "C"
  on conflict (hour, subject) do update set minutes = array(
    select m.count + m.more
    from unnest(s.minutes, excluded.minutes) with ordinality m(count, more, place)
    order by m.place
  );
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.append_failed_v1(streams text[], expects bigint[], units integer[], heads bigint[], known integer[], OUT failed json, OUT units_failed integer[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.append_rows_v1(streams text[], expects bigint[], units integer[], of integer[], nth integer[], ids text, types text, schemas text, data text, metas text, new_keys json, lock_timeout_ms integer, new_rows json, OUT first bigint, OUT stamp timestamp with time zone, OUT heads bigint[], OUT failed json)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
declare
  wanted text[] := array(select distinct n."table" from json_to_recordset(new_rows) n("table" text));
  target row_tables;
  columns text;
  changes text;
  replaced text;
begin
  select a.first, a.stamp, a.heads, a.failed into first, stamp, heads, failed
  from append_v3(append_rows_v1.streams, expects, units, append_rows_v1.of, append_rows_v1.nth, ids, types, schemas, append_rows_v1.data,
    metas, new_keys, lock_timeout_ms) a;
  for target in
    select t.* from row_tables t where regexp_replace(t.name, '_g[0-9]+$', '') = any (wanted) order by t.name
  loop
    select coalesce(string_agg(format(', %I', 'f_' || f.field), '' order by f.ord), ''),
      coalesce(string_agg(format(', (n.fields ->> %s)::%s', f.ord - 1, case f.kind when 'number' then 'double precision' else 'text' end), '' order by f.ord), ''),
      coalesce(string_agg(format(', excluded.%I', 'f_' || f.field), '' order by f.ord), '')
    into columns, changes, replaced
    from unnest(target.fields, target.kinds) with ordinality f(field, kind, ord);
    begin
      execute format(
        'insert into %1$I as r (key, position, data%2$s)
         select n.key, e.position, n.data%3$s
         from json_to_recordset($1) n("table" text, key text, data text, fields json, stream text, version bigint, id uuid)
         join events e on e.stream = n.stream and e.version = n.version and e.id = n.id
         where n."table" = $2
         order by n.key collate "C"
         on conflict (key) do update set (position, data%2$s) = row(excluded.position, excluded.data%4$s)
         where r.position < excluded.position',
        'rows_' || target.name, columns, changes, replaced
      ) using new_rows, regexp_replace(target.name, '_g[0-9]+$', '');
    exception when undefined_table then
      -- It was dropped meanwhile, so nobody reads it.
    end;
  end loop;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.append_rows_v2(streams text[], expects bigint[], units integer[], of integer[], nth integer[], ids text, types text, schemas text, data text, metas text, new_keys json, lock_timeout_ms integer, new_rows json, OUT first bigint, OUT stamp timestamp with time zone, OUT heads bigint[], OUT failed json, OUT waited double precision)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
declare
  wanted text[] := array(select distinct n."table" from json_to_recordset(new_rows) n("table" text));
  target row_tables;
  columns text;
  changes text;
  replaced text;
begin
  select a.first, a.stamp, a.heads, a.failed, a.waited into first, stamp, heads, failed, waited
  from append_v4(append_rows_v2.streams, expects, units, append_rows_v2.of, append_rows_v2.nth, ids, types, schemas, append_rows_v2.data,
    metas, new_keys, lock_timeout_ms) a;
  for target in
    select t.* from row_tables t where regexp_replace(t.name, '_g[0-9]+$', '') = any (wanted) order by t.name
  loop
    select coalesce(string_agg(format(', %I', 'f_' || f.field), '' order by f.ord), ''),
      coalesce(string_agg(format(', (n.fields ->> %s)::%s', f.ord - 1, case f.kind when 'number' then 'double precision' else 'text' end), '' order by f.ord), ''),
      coalesce(string_agg(format(', excluded.%I', 'f_' || f.field), '' order by f.ord), '')
    into columns, changes, replaced
    from unnest(target.fields, target.kinds) with ordinality f(field, kind, ord);
    begin
      execute format(
        'insert into %1$I as r (key, position, data%2$s)
         select n.key, e.position, n.data%3$s
         from json_to_recordset($1) n("table" text, key text, data text, fields json, stream text, version bigint, id uuid)
         join events e on e.stream = n.stream and e.version = n.version and e.id = n.id
         where n."table" = $2
         order by n.key collate "C"
         on conflict (key) do update set (position, data%2$s) = row(excluded.position, excluded.data%4$s)
         where r.position < excluded.position',
        'rows_' || target.name, columns, changes, replaced
      ) using new_rows, regexp_replace(target.name, '_g[0-9]+$', '');
    exception when undefined_table then
      -- It was dropped meanwhile, so nobody reads it.
    end;
  end loop;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.append_v1(streams text[], expects bigint[], units integer[], of integer[], nth integer[], ids text, types text, schemas text, data text, metas text, new_keys json, lock_timeout_ms integer, OUT first bigint, OUT stamp timestamp with time zone, OUT heads bigint[], OUT failed json)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  many integer := coalesce(cardinality(append_v1.of), 0);
  bad integer[];
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

  if cardinality(append_v1.streams) = 1 then
    heads := array[coalesce((select e.version from events e where e.stream = append_v1.streams[1] order by e.version desc limit 1), 0)];
  else
    select array_agg(coalesce((select e.version from events e where e.stream = s.stream order by e.version desc limit 1), 0) order by s.ord)
    into heads
    from unnest(append_v1.streams) with ordinality s(stream, ord);
  end if;
  if new_keys is not null then
    select array_agg(distinct n.unit)
    into bad
    from json_to_recordset(new_keys) n(unit integer, key text)
    join keys k on k.key = n.key and (k.until is null or k.until > clock_timestamp());
  end if;
  if heads <> expects or bad is not null then
    select f.failed, f.units_failed into failed, bad from append_failed_v1(append_v1.streams, expects, append_v1.units, heads, bad) f;
    many := (select count(*) from unnest(append_v1.of) o where append_v1.units[o] <> all (bad));
  end if;

  stamp := date_trunc('milliseconds', greatest(clock_timestamp(), (select e.at from events e order by e.position desc limit 1)));
  if many > 0 then
    first := nextval('positions');
  end if;
  if many = 1 and cardinality(append_v1.of) = 1 then
    insert into events
    values (first, append_v1.streams[append_v1.of[1]], heads[append_v1.of[1]] + 1, ids::uuid, types, schemas, data, metas, stamp);
  elsif many > 0 then
    setting := setval('positions', first + many - 1);
    insert into events
    select first + row_number() over (order by e.ord) - 1, s.stream, s.head + e.nth, e.id::uuid, e.type, e.schema, e.data, e.meta, stamp
    from rows from (
      unnest(append_v1.of),
      unnest(append_v1.nth),
      unnest(string_to_array(ids, e'\n')),
      unnest(string_to_array(types, e'\n')),
      unnest(string_to_array(schemas, e'\n')),
      unnest(string_to_array(append_v1.data, e'\n')),
      unnest(string_to_array(metas, e'\n'))
    ) with ordinality e(of, nth, id, type, schema, data, meta, ord)
    join unnest(append_v1.streams, heads, append_v1.units) with ordinality s(stream, head, unit, ord) on s.ord = e.of
    where bad is null or s.unit <> all (bad);
  end if;
  if new_keys is not null then
    insert into keys
    select n.key, n.fingerprint, n.stream, n.version, n.count, 
      case when n.count > 0 then (select e.position from events e where e.stream = n.stream and e.version = n.version) else 0 end, n.rejection,
      clock_timestamp() + n.keep_ms * interval '1 millisecond'
    from json_to_recordset(new_keys) n(
      unit integer, key text, fingerprint text, stream text, version bigint, count integer, rejection text, keep_ms bigint
    )
    where bad is null or n.unit <> all (bad)
    on conflict (key) do update
    set fingerprint = excluded.fingerprint, stream = excluded.stream, version = excluded.version, count = excluded.count,
      position = excluded.position, rejection = excluded.rejection, until = excluded.until;
  end if;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.append_v2(streams text[], expects bigint[], units integer[], of integer[], nth integer[], ids text, types text, schemas text, data text, metas text, new_keys json, lock_timeout_ms integer, OUT first bigint, OUT stamp timestamp with time zone, OUT heads bigint[], OUT failed json)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.append_v3(streams text[], expects bigint[], units integer[], of integer[], nth integer[], ids text, types text, schemas text, data text, metas text, new_keys json, lock_timeout_ms integer, OUT first bigint, OUT stamp timestamp with time zone, OUT heads bigint[], OUT failed json)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
declare
  many integer := coalesce(cardinality(append_v3.of), 0);
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

  if cardinality(append_v3.streams) = 1 then
    heads := array[coalesce((select e.version from events e where e.stream = append_v3.streams[1] order by e.version desc limit 1), 0)];
  else
    select array_agg(coalesce((select e.version from events e where e.stream = s.stream order by e.version desc limit 1), 0) order by s.ord)
    into heads
    from unnest(append_v3.streams) with ordinality s(stream, ord);
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
    select f.failed, f.units_failed into failed, bad from append_failed_v1(append_v3.streams, expects, append_v3.units, heads, bad) f;
    many := (select count(*) from unnest(append_v3.of) o where append_v3.units[o] <> all (bad));
  end if;

  stamp := date_trunc('milliseconds', greatest(clock_timestamp(), (select e.at from events e order by e.position desc limit 1)));
  if many > 0 then
    first := nextval('positions');
  end if;
  if many = 1 and cardinality(append_v3.of) = 1 then
    insert into events
    values (first, append_v3.streams[append_v3.of[1]], heads[append_v3.of[1]] + 1, ids::uuid, types, schemas, data, metas, stamp);
  elsif many > 0 then
    setting := setval('positions', first + many - 1);
    insert into events
    select first + row_number() over (order by e.ord) - 1, s.stream, s.head + e.nth, e.id::uuid, e.type, e.schema, e.data, e.meta, stamp
    from rows from (
      unnest(append_v3.of),
      unnest(append_v3.nth),
      unnest(string_to_array(ids, e'\n')),
      unnest(string_to_array(types, e'\n')),
      unnest(string_to_array(schemas, e'\n')),
      unnest(string_to_array(append_v3.data, e'\n')),
      unnest(string_to_array(metas, e'\n'))
    ) with ordinality e(of, nth, id, type, schema, data, meta, ord)
    join unnest(append_v3.streams, heads, append_v3.units) with ordinality s(stream, head, unit, ord) on s.ord = e.of
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.append_v4(streams text[], expects bigint[], units integer[], of integer[], nth integer[], ids text, types text, schemas text, data text, metas text, new_keys json, lock_timeout_ms integer, OUT first bigint, OUT stamp timestamp with time zone, OUT heads bigint[], OUT failed json, OUT waited double precision)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
declare
  many integer := coalesce(cardinality(append_v4.of), 0);
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
  waited := date_part('epoch', clock_timestamp());
  setting := pg_advisory_xact_lock(lock_key_v1());
  waited := date_part('epoch', clock_timestamp()) - waited;

  if cardinality(append_v4.streams) = 1 then
    heads := array[coalesce((select e.version from events e where e.stream = append_v4.streams[1] order by e.version desc limit 1), 0)];
  else
    select array_agg(coalesce((select e.version from events e where e.stream = s.stream order by e.version desc limit 1), 0) order by s.ord)
    into heads
    from unnest(append_v4.streams) with ordinality s(stream, ord);
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
    select f.failed, f.units_failed into failed, bad from append_failed_v1(append_v4.streams, expects, append_v4.units, heads, bad) f;
    many := (select count(*) from unnest(append_v4.of) o where append_v4.units[o] <> all (bad));
  end if;

  stamp := date_trunc('milliseconds', greatest(clock_timestamp(), (select e.at from events e order by e.position desc limit 1)));
  if many > 0 then
    first := nextval('positions');
  end if;
  if many = 1 and cardinality(append_v4.of) = 1 then
    insert into events
    values (first, append_v4.streams[append_v4.of[1]], heads[append_v4.of[1]] + 1, ids::uuid, types, schemas, data, metas, stamp);
  elsif many > 0 then
    setting := setval('positions', first + many - 1);
    insert into events
    select first + row_number() over (order by e.ord) - 1, s.stream, s.head + e.nth, e.id::uuid, e.type, e.schema, e.data, e.meta, stamp
    from rows from (
      unnest(append_v4.of),
      unnest(append_v4.nth),
      unnest(string_to_array(ids, e'\n')),
      unnest(string_to_array(types, e'\n')),
      unnest(string_to_array(schemas, e'\n')),
      unnest(string_to_array(append_v4.data, e'\n')),
      unnest(string_to_array(metas, e'\n'))
    ) with ordinality e(of, nth, id, type, schema, data, meta, ord)
    join unnest(append_v4.streams, heads, append_v4.units) with ordinality s(stream, head, unit, ord) on s.ord = e.of
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.drop_v1(subscription text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock(hashtextextended('emaki prepare ' || current_schema(), 0));
  if exists (select from row_tables t where t.name = subscription) then
    execute format('lock table %I in access exclusive mode', 'rows_' || subscription);
  end if;
  perform fence_v1(subscription);
  delete from checkpoints c where c.name = subscription;
  delete from serving s where s.name = subscription;
  delete from row_tables t where t.name = subscription;
  if found then
    execute format('drop table %I', 'rows_' || subscription);
  end if;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.end_sent_keys_v1(most integer, keep_ms bigint, gone_ms bigint)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
declare
  processor text := '';
  passed bigint;
  gone interval := gone_ms * interval '1 millisecond';
  kept interval;
  many integer := 0;
  ended integer;
begin
  while many < most loop
    select k.processor into processor
    from (
      select split_part(key, ':', 2) as processor
      from keys
      where until is null and key like 'agenda:%' and split_part(key, ':', 2) > processor
      order by split_part(key, ':', 2)
      limit 1
    ) k;
    exit when processor is null;
    kept := keep_ms * interval '1 millisecond';
    select case when greatest(c.saved_at, l.until) > clock_timestamp() - gone
      then least(c.position, (select min(p.position) from parked p where p.name = c.name)) end
    into passed
    from checkpoints c
    left join leases l using (name)
    where c.name = processor
    for share of c;
    if not found then
      kept := gone;
    end if;
    update keys
    set until = clock_timestamp() + kept
    where key in (
      select k.key
      from keys k
      where k.until is null and k.key like 'agenda:%' and split_part(k.key, ':', 2) = processor
        and k.position <= coalesce(passed, 9223372036854775807)
      order by k.position
      limit most - many
    );
    get diagnostics ended = row_count;
    many := many + ended;
  end loop;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.events_are_immutable()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'events are immutable';
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.fence_v1(subscription text)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  raised bigint := 1 + coalesce((select c.epoch from checkpoints c where c.name = subscription for update), 0);
begin
  insert into leases as l (name, epoch, owner, until, position, takeovers)
  values (subscription, raised, null, '-infinity', 0, 0)
  on conflict (name) do update
  set epoch = greatest(l.epoch + 1, excluded.epoch), owner = null, until = excluded.until, position = 0, takeovers = 0,
    suspect_position = null, suspect_key = null
  returning l.epoch into raised;
  delete from parked p where p.name = subscription;
  return raised;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.forget_breaches_v1()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  many integer;
begin
  delete from breaches;
  get diagnostics many = row_count;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.forget_keys_v1(most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  many integer;
begin
  delete from keys
  where key in (select k.key from keys k where k.until <= clock_timestamp() limit most);
  get diagnostics many = row_count;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.forget_keys_v2(most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  many integer;
begin
  delete from keys
  where key in (
    select k.key
    from keys k
    where k.until <= clock_timestamp() and not exists (select from agenda a where a.id = substr(k.key, strpos(k.key, ':') + 1))
    limit most
  );
  get diagnostics many = row_count;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.forget_keys_v3(most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
declare
  many integer;
begin
  delete from keys
  where key in (
    select k.key
    from keys k
    where k.until <= statement_timestamp() and not exists (select from agenda a where a.id = substr(k.key, strpos(k.key, ':') + 1))
    limit most
  );
  get diagnostics many = row_count;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.forget_refusals_v1(after_ms double precision, of_kind integer, among_all integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  many integer;
begin
  delete from refusals
  where seq in (
    select r.seq
    from (
      select o.seq, o.at, row_number() over (partition by o.command, o.code order by o.seq desc) as in_kind,
        row_number() over (order by o.seq desc) as in_all
      from refusals o
    ) r
    where r.at < to_timestamp(after_ms / 1000) or r.in_kind > of_kind or r.in_all > among_all
  );
  get diagnostics many = row_count;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.forget_samples_v1(before_ms bigint)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  many integer;
begin
  delete from sample_writers where hour < before_ms;
  delete from samples where hour < before_ms;
  get diagnostics many = row_count;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.forget_seals_v1()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  many integer;
begin
  delete from seals;
  get diagnostics many = row_count;
  return many;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.grant_app_v1(role name)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  execute format('grant usage on schema %I to %I', current_schema(), role);
  execute format('grant select on all tables in schema %I to %I', current_schema(), role);
  execute format('grant execute on all functions in schema %I to %I', current_schema(), role);
  execute format('revoke execute on function grant_app_v1(name) from %I', role);
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.grant_app_v2(role name)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  written text;
begin
  perform grant_app_v1(role);
  for written in
    select unnest(array['checkpoints', 'leases', 'parked', 'serving'])
    union all
    select 'rows_' || t.name from row_tables t
  loop
    execute format('grant insert, update, delete on %I to %I', written, role);
  end loop;
  execute format('revoke execute on function grant_app_v2(name) from %I', role);
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.grant_app_v3(role name)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  perform grant_app_v2(role);
  execute format('grant insert, update, delete on agenda to %I', role);
  execute format('revoke execute on function grant_app_v3(name) from %I', role);
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.grant_import_v1(role name)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  execute format('grant usage on schema %I to %I', current_schema(), role);
  execute format('grant insert on import_rows to %I', role);
  execute format('grant execute on function import_begin_v1, import_staged_v1, import_old_v1, import_chunk_v1, import_clean_v1 to %I', role);
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.grant_import_v2(role name)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  execute format('grant usage on schema %I to %I', current_schema(), role);
  execute format('grant insert on import_rows to %I', role);
  execute format(
    'grant execute on function import_stage_v1, occurred_at_v1, import_known_v1, import_begin_v2, import_old_v2, import_chunk_v2, import_end_v1 to %I', role
  );
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.home_v1()
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  return format('%s.%s.%s', (select s.system_identifier from pg_control_system() s),
    (select d.oid from pg_database d where d.datname = current_database()), 'events'::regclass::oid);
exception when others then
  return null;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_begin_v1(name text, fingerprint text, OUT import integer, OUT begun_with text, OUT total bigint, OUT moved bigint, OUT "position" bigint, OUT is_new boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_begin_v2(import integer, name text, source text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_chunk_v1(import integer, events_max integer, size_max integer, only_new boolean, lock_timeout_ms integer, OUT moved bigint, OUT total bigint, OUT "position" bigint, OUT refused text)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_chunk_v2(import integer, events_max integer, size_max integer, lock_timeout_ms integer, OUT moved bigint, OUT total bigint, OUT "position" bigint)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_clean_v1(import integer, most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_end_v1(name text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  ended integer;
begin
  delete from imports i where i.name = import_end_v1.name and i.moved < i.total returning i.import into ended;
  delete from import_rows r where r.import = ended;
  return ended is not null;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_known_v1(import integer)
 RETURNS TABLE(many bigint, line bigint, id uuid, stream text, type text, data text, meta text, other_line bigint, other_position bigint, other_stream text, other_type text, other_data text, other_meta text, other_at timestamp with time zone)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_old_v1(import integer)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
BEGIN ATOMIC
 SELECT r.stream
    FROM ((emaki.imports i
      JOIN emaki.import_rows r ON (((r.import = i.import) AND (r.nth > i.moved))))
      JOIN emaki.events e ON (((e.stream = r.stream) AND (e.version = 1) AND (e."position" <= i.began))))
   WHERE (i.import = import_old_v1.import)
  LIMIT 1;
END
;

CREATE OR REPLACE FUNCTION emaki.import_old_v2(import integer)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
BEGIN ATOMIC
 SELECT r.stream
    FROM ((emaki.imports i
      JOIN emaki.import_rows r ON ((r.import = i.import)))
      JOIN emaki.events e ON (((e.stream = r.stream) AND (e.version = 1) AND (e."position" <= i.began))))
   WHERE (i.import = import_old_v2.import)
   ORDER BY r.nth
  LIMIT 1;
END
;

CREATE OR REPLACE FUNCTION emaki.import_stage_v1()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock(hashtextextended('emaki import ' || current_schema(), 0));
  return nextval('imports_import_seq');
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.import_staged_v1(import integer, total bigint)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
BEGIN ATOMIC
 UPDATE emaki.imports i SET total = import_staged_v1.total
   WHERE (i.import = import_staged_v1.import);
END
;

CREATE OR REPLACE FUNCTION emaki.json_v1(payload text)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (CASE WHEN (strpos(payload, '\u0000'::text) = 0) THEN payload ELSE regexp_replace(payload, '(?<!\\)((?:\\\\)*)\\u0000'::text, '\1\\ufffd'::text, 'g'::text) END)::jsonb
;

CREATE OR REPLACE FUNCTION emaki.load_v1(streams text[], afters bigint[], schemas integer[], keys_wanted text[], facts_max integer)
 RETURNS TABLE(version bigint, "position" bigint, snapshot_version bigint, snapshot text, facts text, many integer, size bigint, keys_found json)
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.load_v2(streams text[], afters bigint[], schemas integer[], keys_wanted text[], facts_max integer)
 RETURNS TABLE(version bigint, "position" bigint, snapshot_version bigint, snapshot text, facts text, many integer, size bigint, keys_found json)
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
  from unnest(load_v2.streams, afters, schemas) with ordinality s(stream, after, schema, ord)
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.load_v3(streams text[], afters bigint[], schemas integer[], metas boolean[], keys_wanted text[], facts_max integer)
 RETURNS TABLE(version bigint, "position" bigint, snapshot_version bigint, snapshot text, facts text, many integer, size bigint, keys_found json)
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$
;

CREATE OR REPLACE FUNCTION emaki.lock_key_v1()
 RETURNS bigint
 LANGUAGE sql
 STABLE
RETURN ((('emaki.events'::regclass)::oid)::bigint | (('01100101011011010110000101101011'::"bit")::bigint << 32))
;

CREATE OR REPLACE FUNCTION emaki.occurred_at_v1(meta text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN "substring"(meta, '[{,]\s*"occurredAt"\s*:\s*"([^"]*)"'::text)
;

CREATE OR REPLACE FUNCTION emaki.prepare_v1(table_name text, fields text[], kinds text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  rows_name text := 'rows_' || table_name;
  writer name;
begin
  if table_name !~ '^[a-z][a-z0-9_]{0,50}$' or exists (
    select from unnest(prepare_v1.fields, prepare_v1.kinds) f(field, kind)
    where coalesce(f.field, '') !~ '^[A-Za-z_][A-Za-z0-9_]{0,50}$' or coalesce(f.kind, '') not in ('text', 'number')
  ) then
    raise exception 'no names of a table and its fields: %, %', table_name, prepare_v1.fields using errcode = 'invalid_name';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('emaki prepare ' || current_schema(), 0));
  if exists (select from row_tables t where t.name = table_name) then
    return;
  end if;
  execute format('create table %I (key text collate "C" primary key, position bigint not null, data text not null%s)', rows_name, (
    select coalesce(string_agg(format(', %I %s', 'f_' || f.field, case f.kind when 'number' then 'double precision' else 'text collate "C"' end), '' order by f.ord), '')
    from unnest(prepare_v1.fields, prepare_v1.kinds) with ordinality f(field, kind, ord)
  ));
  for i in 1 .. coalesce(cardinality(prepare_v1.fields), 0) loop
    execute format('create index %I on %I (%I nulls first, key)', rows_name || '_' || i, rows_name, 'f_' || prepare_v1.fields[i]);
  end loop;
  for writer in
    select pg_get_userbyid(a.grantee)
    from pg_class c, aclexplode(c.relacl) a
    where c.oid = 'checkpoints'::regclass and a.privilege_type = 'INSERT' and a.grantee <> 0 and a.grantee <> c.relowner
  loop
    execute format('grant select, insert, update, delete on %I to %I', rows_name, writer);
  end loop;
  insert into row_tables values (table_name, prepare_v1.fields, prepare_v1.kinds);
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.renew_keys_v1(owned text, keep_ms bigint)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
BEGIN ATOMIC
 UPDATE emaki.keys k SET until = GREATEST(k.until, (clock_timestamp() + ((renew_keys_v1.keep_ms)::double precision * '00:00:00.001'::interval)))
    FROM emaki.agenda a,
     unnest(ARRAY['agenda:'::text, 'answer:'::text]) p(prefix)
   WHERE ((a.owner = renew_keys_v1.owned) AND (a.ended_at IS NULL) AND (a.timer IS NULL) AND (k.key = (p.prefix || a.id)) AND (k.until IS NOT NULL));
END
;

CREATE OR REPLACE FUNCTION emaki.reset_v1(subscription text, "to" bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  raised bigint;
begin
  if exists (select from row_tables t where t.name = subscription) then
    execute format('lock table %I in access exclusive mode', 'rows_' || subscription);
  end if;
  insert into checkpoints values (subscription, "to", 0, clock_timestamp()) on conflict (name) do nothing;
  raised := fence_v1(subscription);
  update checkpoints c set position = "to", epoch = raised, saved_at = clock_timestamp() where c.name = subscription;
  if exists (select from row_tables t where t.name = subscription) then
    execute format('truncate %I', 'rows_' || subscription);
  end if;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.reset_v2(subscription text, "to" bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
begin
  perform reset_v1(subscription, "to");
  update keys
  set until = null
  where key >= 'agenda:' || subscription || ':' and key < 'agenda:' || subscription || ';'
    and until > clock_timestamp() and rejection is null and position > "to";
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.save_snapshots_v1(streams text[], schemas integer[], versions bigint[], states text[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO emaki.snapshots (stream, schema, version, state)  SELECT unnest.unnest,
             unnest.unnest_1 AS unnest,
             unnest.unnest_2 AS unnest,
             unnest.unnest_3 AS unnest
            FROM UNNEST(save_snapshots_v1.streams, save_snapshots_v1.schemas, save_snapshots_v1.versions, save_snapshots_v1.states) unnest(unnest, unnest_1, unnest_2, unnest_3) ON CONFLICT(stream, schema) DO UPDATE SET version = excluded.version, state = excluded.state
   WHERE (excluded.version > snapshots.version);
END
;

CREATE OR REPLACE FUNCTION emaki.save_snapshots_v2(streams text[], folds integer[], versions bigint[], states text[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
BEGIN ATOMIC
 DELETE FROM emaki.snapshots s
    USING UNNEST(save_snapshots_v2.streams, save_snapshots_v2.folds, save_snapshots_v2.versions) n(stream, fold, version)
   WHERE ((s.stream = n.stream) AND (s.schema <> n.fold) AND (s.version <= n.version));
 INSERT INTO emaki.snapshots (stream, schema, version, state)  SELECT unnest.unnest,
             unnest.unnest_1 AS unnest,
             unnest.unnest_2 AS unnest,
             unnest.unnest_3 AS unnest
            FROM UNNEST(save_snapshots_v2.streams, save_snapshots_v2.folds, save_snapshots_v2.versions, save_snapshots_v2.states) unnest(unnest, unnest_1, unnest_2, unnest_3) ON CONFLICT(stream, schema) DO UPDATE SET version = excluded.version, state = excluded.state
   WHERE (excluded.version > snapshots.version);
END
;

CREATE OR REPLACE FUNCTION emaki.seal_v1(after bigint, until bigint, count integer, digest text, last_at text, epoch integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  insert into seals (after, until, count, digest, last_at, epoch)
  values (seal_v1.after, seal_v1.until, seal_v1.count, seal_v1.digest, seal_v1.last_at, seal_v1.epoch)
  on conflict (after) do update set until = excluded.until, count = excluded.count, digest = excluded.digest,
    last_at = excluded.last_at, epoch = excluded.epoch;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.serve_v1(served text, by text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'emaki', 'pg_temp'
AS $function$
declare
  serves text := (select s.name from serving s where s.projection = served for update);
begin
  perform from checkpoints c where c.name in (by, serves) order by c.name for update;
  if serves is not null and
    coalesce((select c.position from checkpoints c where c.name = by), 0) < coalesce((select c.position from checkpoints c where c.name = serves), 0)
  then
    return false;
  end if;
  insert into serving values (served, by) on conflict (projection) do update set name = excluded.name;
  return true;
end
$function$
;

CREATE OR REPLACE FUNCTION emaki.set_fingerprints_v1(name text, found text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'emaki', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO emaki.fingerprints (name, found)
   VALUES (set_fingerprints_v1.name, set_fingerprints_v1.found) ON CONFLICT ON CONSTRAINT fingerprints_pkey DO UPDATE SET found = excluded.found;
END
;

CREATE TRIGGER events_are_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON emaki.events FOR EACH STATEMENT EXECUTE FUNCTION emaki.events_are_immutable();
