-- oldest release that may still run: 0.1.0
--
-- The column `schema` of a snapshot is a number for the fold that made it: its schemas, upcasts and functions. An older release writes
-- small numbers of its own there, and reads only those. A snapshot replaces those of other folds that are not newer.
create function save_snapshots_v2(streams text[], folds integer[], versions bigint[], states text[]) returns void
language sql volatile security definer
set search_path from current
-- Planned once, and by the index however small the table is at that time.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
begin atomic
  delete from snapshots s
  using unnest(streams, folds, versions) n(stream, fold, version)
  where s.stream = n.stream and s.schema <> n.fold and s.version <= n.version;
  insert into snapshots (stream, schema, version, state)
  select * from unnest(streams, folds, versions, states)
  on conflict (stream, schema) do update
  set version = excluded.version, state = excluded.state
  where excluded.version > snapshots.version;
end;

-- Short texts that processes leave for each other under a name: by what the rows of a table were folded, and which readers of events were
-- tried on the log. `found` is a JSON list, oldest first.
create table fingerprints (
  name text collate "C" primary key,
  found text not null
);

create function set_fingerprints_v1(name text, found text) returns void
language sql volatile security definer
set search_path from current
begin atomic
  insert into fingerprints values (set_fingerprints_v1.name, set_fingerprints_v1.found)
  on conflict on constraint fingerprints_pkey do update set found = excluded.found;
end;

-- A name for the code that could not read the event or the row. An owner that reads otherwise tries again. Null: it could be read.
alter table parked add column reader text;

revoke execute on function save_snapshots_v2, set_fingerprints_v1 from public;

-- Roles that may call append_v1 may use these from now on.
do $grant$
declare
  grantee name;
begin
  for grantee in
    select pg_get_userbyid(a.grantee)
    from pg_proc p, aclexplode(p.proacl) a
    where p.oid = 'append_v1'::regproc and a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant execute on function save_snapshots_v2, set_fingerprints_v1 to %I', grantee);
    execute format('grant select on fingerprints to %I', grantee);
  end loop;
end
$grant$;
