-- oldest release that may still run: 0.1.0
--
-- Promises that do not hold, as somebody found them. `at`: in ms since 1970. They are no part of the log.
create table breaches (
  promise text collate "C" not null,
  subject text collate "C" not null,
  message text not null,
  found_by text not null,
  at bigint not null,
  primary key (promise, subject)
);

-- Digests of stretches of the log, by which an event that was changed is noticed.
create table seals (
  after bigint primary key,
  until bigint not null,
  count integer not null,
  digest text not null,
  last_at text not null,
  epoch integer not null
);

-- Keeps a breach, unless one of its promise and subject is kept, or as many of its promise as may be. Two that are added
-- at the same time may exceed that number.
create function add_breach_v1(promise text, subject text, message text, found_by text, at bigint, most integer) returns boolean
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
begin
  insert into breaches (promise, subject, message, found_by, at)
  select add_breach_v1.promise, add_breach_v1.subject, add_breach_v1.message, add_breach_v1.found_by, add_breach_v1.at
  where (select count(*) from breaches b where b.promise = add_breach_v1.promise) < most
  on conflict (promise, subject) do nothing;
  return found;
end
$$;

create function forget_breaches_v1() returns integer
language plpgsql volatile security definer
set search_path from current
as $$
declare
  many integer;
begin
  delete from breaches;
  get diagnostics many = row_count;
  return many;
end
$$;

create function seal_v1(after bigint, until bigint, count integer, digest text, last_at text, epoch integer) returns void
language plpgsql volatile security definer
set search_path from current
as $$
#variable_conflict use_column
begin
  insert into seals (after, until, count, digest, last_at, epoch)
  values (seal_v1.after, seal_v1.until, seal_v1.count, seal_v1.digest, seal_v1.last_at, seal_v1.epoch)
  on conflict (after) do update set until = excluded.until, count = excluded.count, digest = excluded.digest,
    last_at = excluded.last_at, epoch = excluded.epoch;
end
$$;

create function forget_seals_v1() returns integer
language plpgsql volatile security definer
set search_path from current
as $$
declare
  many integer;
begin
  delete from seals;
  get diagnostics many = row_count;
  return many;
end
$$;

revoke execute on function add_breach_v1, forget_breaches_v1, seal_v1, forget_seals_v1 from public;

-- Roles that may append already may keep these from now on. A later role gets this by grant_app_v1.
do $$
declare
  role name;
begin
  for role in
    select pg_get_userbyid(a.grantee)
    from pg_proc p, aclexplode(p.proacl) a
    where p.oid = 'append_v1'::regproc and a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant select on breaches, seals to %I', role);
    execute format('grant execute on function add_breach_v1, forget_breaches_v1, seal_v1, forget_seals_v1 to %I', role);
  end loop;
end
$$;
