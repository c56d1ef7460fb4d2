-- oldest release that may still run: 0.1.0
--
-- acquire_v3 is acquire_v2 that also says whether the lease was taken from an owner that had not given it back.
create function acquire_v3(subscription text, new_owner text, ttl_ms integer, start bigint)
returns table (
  epoch bigint, "position" bigint, takeovers integer, suspect_position bigint, suspect_key text, is_takeover boolean
)
language plpgsql
set search_path from current
as $$
declare
  last_owner text;
begin
  select l.owner into last_owner from leases l where l.name = subscription;
  return query
  select a.epoch, a.position, a.takeovers, a.suspect_position, a.suspect_key, coalesce(last_owner <> new_owner, false)
  from acquire_v2(subscription, new_owner, ttl_ms, start) a;
end
$$;
