-- oldest release that may still run: 0.1.0
--
-- Keys of what processors have sent: they have no end at first, and get one once their event cannot come again.
create index keys_sent on keys (split_part(key, ':', 2), position) where until is null and key like 'agenda:%';

-- Gives an end to keys whose subscription has passed their effect, which is after their event, and has nothing parked before it. One whose
-- checkpoint and lease are older than gone_ms was removed; one that has none may still begin within that time. Gives their number, at most
-- "most". The checkpoint is locked, so that a reset sees these ends or is seen.
create function end_sent_keys_v1(most integer, keep_ms bigint, gone_ms bigint) returns integer
language plpgsql volatile security definer
set search_path from current
set enable_seqscan = off
as $$
declare
  processor text := '';
  passed bigint;
  gone interval := gone_ms * interval '1 millisecond';
  kept interval;
  many integer := 0;
  ended integer;
begin
  while many < most loop
    select k.processor into processor
    from (
      select split_part(key, ':', 2) as processor
      from keys
      where until is null and key like 'agenda:%' and split_part(key, ':', 2) > processor
      order by split_part(key, ':', 2)
      limit 1
    ) k;
    exit when processor is null;
    kept := keep_ms * interval '1 millisecond';
    select case when greatest(c.saved_at, l.until) > clock_timestamp() - gone
      then least(c.position, (select min(p.position) from parked p where p.name = c.name)) end
    into passed
    from checkpoints c
    left join leases l using (name)
    where c.name = processor
    for share of c;
    if not found then
      kept := gone;
    end if;
    update keys
    set until = clock_timestamp() + kept
    where key in (
      select k.key
      from keys k
      where k.until is null and k.key like 'agenda:%' and split_part(k.key, ':', 2) = processor
        and k.position <= coalesce(passed, 9223372036854775807)
      order by k.position
      limit most - many
    );
    get diagnostics ended = row_count;
    many := many + ended;
  end loop;
  return many;
end
$$;

-- A subscription that is moved back handles events again, so the keys of what it has sent for them lose their end.
create function reset_v2(subscription text, "to" bigint) returns void
language plpgsql security definer
set search_path from current
as $$
begin
  perform reset_v1(subscription, "to");
  update keys
  set until = null
  where key >= 'agenda:' || subscription || ':' and key < 'agenda:' || subscription || ';'
    and until > clock_timestamp() and rejection is null and position > "to";
end
$$;

-- Roles that may call what was there may call these from now on.
revoke execute on function end_sent_keys_v1, reset_v2 from public;

do $grant$
declare
  may record;
begin
  for may in
    select c.added, pg_get_userbyid(a.grantee) as grantee
    from (values ('forget_keys_v3'::regproc, 'end_sent_keys_v1'), ('reset_v1'::regproc, 'reset_v2')) c(known, added)
    join pg_proc p on p.oid = c.known,
      aclexplode(p.proacl) a
    where a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant execute on function %I to %I', may.added, may.grantee);
  end loop;
end
$grant$;
