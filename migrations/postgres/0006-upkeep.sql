-- oldest release that may still run: 0.1.0
create function save_snapshots_v1(streams text[], schemas integer[], versions bigint[], states text[]) returns void
language sql volatile security definer
set search_path from current
begin atomic
  insert into snapshots (stream, schema, version, state)
  select * from unnest(streams, schemas, versions, states)
  on conflict (stream, schema) do update
  set version = excluded.version, state = excluded.state
  where excluded.version > snapshots.version;
end;

create function forget_keys_v1(most integer) returns integer
language plpgsql volatile security definer
set search_path from current
as $$
declare
  many integer;
begin
  delete from keys
  where key in (select k.key from keys k where k.until <= clock_timestamp() limit most);
  get diagnostics many = row_count;
  return many;
end
$$;

-- What an application's role may do: read, and append through the function; no INSERT, UPDATE or DELETE of its own.
create function grant_app_v1(role name) returns void
language plpgsql volatile
set search_path from current
as $$
begin
  execute format('grant usage on schema %I to %I', current_schema(), role);
  execute format('grant select on all tables in schema %I to %I', current_schema(), role);
  execute format('grant execute on all functions in schema %I to %I', current_schema(), role);
  execute format('revoke execute on function grant_app_v1(name) from %I', role);
end
$$;

revoke execute on function append_v1, save_snapshots_v1, forget_keys_v1, grant_app_v1 from public;
