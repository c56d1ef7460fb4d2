-- oldest release that may still run: 0.1.0
--
-- Commands with a name and a due time. `ended_at` is null while an entry is pending; `at_position` is that of the event that led to it.
create table agenda (
  id text collate "C" primary key,
  seq bigint generated always as identity,
  owner text collate "C" not null,
  key text not null,
  timer text,
  command text,
  meta text not null,
  due timestamptz not null,
  at_position bigint not null,
  made_at timestamptz not null,
  begun boolean not null default false,
  outcome text,
  ended_at timestamptz
);

-- Most entries live for milliseconds.
alter table agenda set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);

create index agenda_due on agenda (owner, due, seq) where ended_at is null;

create index agenda_ended on agenda (ended_at) where ended_at is not null;

-- Keys of commands, and of their answers, are kept as long as the entry that they are of.
create function forget_keys_v2(most integer) returns integer
language plpgsql volatile security definer
set search_path from current
as $$
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
$$;

-- Prolongs the keys of what is pending of an owner, for whoever takes it over long after it was sent and not forgotten.
create function renew_keys_v1(owned text, keep_ms bigint) returns void
language sql volatile security definer
set search_path from current
begin atomic
  update keys k
  set until = greatest(k.until, clock_timestamp() + keep_ms * interval '1 millisecond')
  from agenda a, unnest(array['agenda:', 'answer:']) p(prefix)
  where a.owner = owned and a.ended_at is null and a.timer is null and k.key = p.prefix || a.id and k.until is not null;
end;

-- What an application's role may do: as grant_app_v2 says, and to keep the agenda.
create function grant_app_v3(role name) returns void
language plpgsql volatile
set search_path from current
as $$
begin
  perform grant_app_v2(role);
  execute format('grant insert, update, delete on agenda to %I', role);
  execute format('revoke execute on function grant_app_v3(name) from %I', role);
end
$$;

revoke execute on function forget_keys_v2, renew_keys_v1, grant_app_v3 from public;

-- Roles that may append already may keep the agenda from now on.
select grant_app_v3(pg_get_userbyid(a.grantee))
from pg_proc p, aclexplode(p.proacl) a
where p.oid = 'append_v1'::regproc and a.grantee <> 0 and a.grantee <> p.proowner;
