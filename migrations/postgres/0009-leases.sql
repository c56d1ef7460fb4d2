-- oldest release that may still run: 0.1.0
--
-- Gives nothing while another has the lease. The checkpoint is locked before the lease, as a page does; whoever waits for a page that
-- is being written looks at the lease again.
create function acquire_v1(
  subscription text,
  new_owner text,
  ttl_ms integer,
  start bigint
) returns table (epoch bigint, "position" bigint, takeovers integer, suspect_position bigint, suspect_key text)
language plpgsql volatile
set search_path from current
as $$
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
$$;

-- The checkpoints are locked, so that the table that serves does not move on while it is compared.
create function serve_v1(served text, by text) returns boolean
language plpgsql volatile
set search_path from current
as $$
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
$$;

-- What an application's role may do: as grant_app_v1 says, and to write read models.
create function grant_app_v2(role name) returns void
language plpgsql volatile
set search_path from current
as $$
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
$$;

revoke execute on function prepare_v1, fence_v1, reset_v1, drop_v1, grant_app_v2 from public;

-- Roles that may append already may write read models from now on.
select grant_app_v2(pg_get_userbyid(a.grantee))
from pg_proc p, aclexplode(p.proacl) a
where p.oid = 'append_v1'::regproc and a.grantee <> 0 and a.grantee <> p.proowner;
