-- oldest release that may still run: 0.1.0
--
-- Functions as they were, under new names, but for how they are planned. A setting of a function holds for those that it calls, too.
--
-- load_v2 and append_v3 are planned once in a session. Their lists are of any length, and the planner took a plan for lists of this one
-- length to be so much better that it made a new one at each call. With enable_seqscan off, which they set, each of their reads has one
-- good plan only, whatever the lists and the log. forget_keys_v3 finds keys by their time: an index has no use for a clock that goes on.
do $copy$
begin
  execute replace(pg_get_functiondef('load_v1'::regproc), 'load_v1', 'load_v2');
  execute replace(pg_get_functiondef('append_v2'::regproc), 'append_v2', 'append_v3');
  execute replace(
    replace(pg_get_functiondef('forget_keys_v2'::regproc), 'forget_keys_v2', 'forget_keys_v3'),
    'clock_timestamp()',
    'statement_timestamp()'
  );
end
$copy$;

alter function load_v2 set plan_cache_mode = force_generic_plan;
alter function append_v3 set plan_cache_mode = force_generic_plan;
alter function forget_keys_v3 set enable_seqscan = off;

-- Roles that may call what was copied may call the copy from now on.
revoke execute on function append_v3, forget_keys_v3 from public;

do $grant$
declare
  may record;
begin
  for may in
    select c.copy, pg_get_userbyid(a.grantee) as grantee
    from (values ('append_v2'::regproc, 'append_v3'), ('forget_keys_v2'::regproc, 'forget_keys_v3')) c(copied, copy)
    join pg_proc p on p.oid = c.copied,
      aclexplode(p.proacl) a
    where a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant execute on function %I to %I', may.copy, may.grantee);
  end loop;
end
$grant$;
