-- oldest release that may still run: 0.1.0
--
-- Commands that were refused, for a week. They are no part of the log.
create table refusals (
  seq bigint generated always as identity primary key,
  at timestamptz not null,
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

-- Adds refusals in the order of a JSON array. Times are in ms since 1970.
create function add_refusals_v1(added json) returns void
language sql volatile security definer
set search_path from current
begin atomic
  insert into refusals (at, by, command, stream, actor, code, text, correlation, trace_id, more)
  select to_timestamp(r.at / 1000), r.by, r.command, r.stream, r.actor, r.code, r.text, r.correlation, r."traceId", r.more
  from rows from (json_to_recordset(added) as (
    at float8, by text, command text, stream text, actor text, code text, text text, correlation text, "traceId" text, more integer
  )) with ordinality r(at, by, command, stream, actor, code, text, correlation, "traceId", more, place)
  order by r.place;
end;

-- Keeps refusals after a time, the newest of each command and code, and the newest of all. Gives the number of the others.
create function forget_refusals_v1(after_ms float8, of_kind integer, among_all integer) returns integer
language plpgsql volatile security definer
set search_path from current
as $$
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
$$;

revoke execute on function add_refusals_v1, forget_refusals_v1 from public;

-- Roles that may append already may note refusals from now on. A later role gets this by grant_app_v1.
do $$
declare
  role name;
begin
  for role in
    select pg_get_userbyid(a.grantee)
    from pg_proc p, aclexplode(p.proacl) a
    where p.oid = 'append_v1'::regproc and a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant select on refusals to %I', role);
    execute format('grant execute on function add_refusals_v1, forget_refusals_v1 to %I', role);
  end loop;
end
$$;
