-- oldest release that may still run: 0.1.0
--
-- What nodes have counted that is not in the log, by the minute, for ten weeks. Times are in ms since 1970. They are no
-- part of the log. Rows are written again each minute, so pages have room for them.
create table samples (
  hour bigint not null,
  subject text collate "C" not null,
  minutes bigint[] not null,
  primary key (hour, subject)
) with (fillfactor = 50);

-- The last batch of each process, so that none is added twice, and its newest hour.
create table sample_writers (
  writer text primary key,
  number bigint not null,
  hour bigint not null
);

-- Adds the counts of a batch, unless it was added before. Rows are taken in one order, so that nodes do not block each
-- other in a circle.
create function add_samples_v1(batch_writer text, batch_number bigint, added json) returns void
language plpgsql volatile security definer
set search_path from current
as $$
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
$$;

-- Deletes the samples of hours before a time, and forgets who wrote nothing since. Gives the number of samples.
create function forget_samples_v1(before_ms bigint) returns integer
language plpgsql volatile security definer
set search_path from current
as $$
declare
  many integer;
begin
  delete from sample_writers where hour < before_ms;
  delete from samples where hour < before_ms;
  get diagnostics many = row_count;
  return many;
end
$$;

revoke execute on function add_samples_v1, forget_samples_v1 from public;

-- Roles that may append already may add samples from now on. A later role gets this by grant_app_v1.
do $$
declare
  role name;
begin
  for role in
    select pg_get_userbyid(a.grantee)
    from pg_proc p, aclexplode(p.proacl) a
    where p.oid = 'append_v1'::regproc and a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant select on samples to %I', role);
    execute format('grant execute on function add_samples_v1, forget_samples_v1 to %I', role);
  end loop;
end
$$;
