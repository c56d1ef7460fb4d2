-- oldest release that may still run: 0.1.0
--
-- The position after which a subscription began: a process that is made again from the log begins there again.
alter table checkpoints add column start bigint not null default 0;

create function acquire_v2(
  subscription text,
  new_owner text,
  ttl_ms integer,
  start bigint
) returns table (epoch bigint, "position" bigint, takeovers integer, suspect_position bigint, suspect_key text)
language plpgsql volatile
set search_path from current
as $$
begin
  insert into checkpoints values (subscription, start, 0, clock_timestamp(), start) on conflict (name) do nothing;
  return query select * from acquire_v1(subscription, new_owner, ttl_ms, start);
end
$$;
