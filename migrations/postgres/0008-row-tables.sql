-- oldest release that may still run: 0.1.0
--
-- What makes, empties and drops tables of rows, for a role that may not itself. Names come from code, are checked here again, and are
-- quoted. Whoever may write checkpoints may write the new table.
create function prepare_v1(table_name text, fields text[], kinds text[]) returns void
language plpgsql volatile security definer
set search_path from current
as $$
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
$$;

-- Whoever has the lease of a subscription loses it, and no later one has its epoch. A page locks its table before it looks at the
-- checkpoint, and that before the lease: so does all else.
create function fence_v1(subscription text) returns bigint
language plpgsql volatile
set search_path from current
as $$
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
$$;

create function reset_v1(subscription text, "to" bigint) returns void
language plpgsql volatile security definer
set search_path from current
as $$
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
$$;

create function drop_v1(subscription text) returns void
language plpgsql volatile security definer
set search_path from current
as $$
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
$$;
