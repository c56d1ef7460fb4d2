-- oldest release that may still run: 0.1.0
--
-- An append with the rows that follow from it, in one transaction. Each row names the event that was folded last, by its id. So a row of a
-- unit that was not appended finds no event, and is left out, and the position of a row is that of its event. A row is a fold of one
-- stream, and the append checks the version of that stream, so a later row of a key is always the right one: a write never goes back.
-- The rows go to all tables of the projection's version: the one that serves, and those that are being built.
create function append_rows_v1(
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
  new_rows json,
  out first bigint,
  out stamp timestamptz,
  out heads bigint[],
  out failed json
)
language plpgsql volatile security definer
set search_path from current
as $$
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
$$;

alter function append_rows_v1 set plan_cache_mode = force_generic_plan;

-- Roles that may append may append with rows from now on.
revoke execute on function append_rows_v1 from public;

do $grant$
declare
  grantee name;
begin
  for grantee in
    select pg_get_userbyid(a.grantee)
    from pg_proc p, aclexplode(p.proacl) a
    where p.oid = 'append_v3'::regproc and a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant execute on function append_rows_v1 to %I', grantee);
  end loop;
end
$grant$;
