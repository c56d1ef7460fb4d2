-- oldest release that may still run: 0.1.0
--
-- append_v4 is append_v3 that also says how long it waited for the log's lock, in seconds. append_rows_v2 passes it on.
do $copy$
declare
  of_append text;
  of_rows text;
  locking constant text := 'setting := pg_advisory_xact_lock(lock_key_v1());';
begin
  -- A database may have names quoted where they need no quotes.
  perform set_config('quote_all_identifiers', 'off', true);
  of_append := pg_get_functiondef('append_v3'::regproc);
  of_rows := pg_get_functiondef('append_rows_v1'::regproc);

  of_append := replace(of_append, 'append_v3', 'append_v4');
  of_append := replace(of_append, 'OUT failed json)', 'OUT failed json, OUT waited double precision)');
  execute replace(
    of_append,
    locking,
    format(e'waited := date_part(''epoch'', clock_timestamp());\n  %s\n  waited := date_part(''epoch'', clock_timestamp()) - waited;', locking)
  );

  of_rows := replace(replace(of_rows, 'append_rows_v1', 'append_rows_v2'), 'append_v3', 'append_v4');
  of_rows := replace(of_rows, 'OUT failed json)', 'OUT failed json, OUT waited double precision)');
  execute replace(
    of_rows,
    'a.heads, a.failed into first, stamp, heads, failed',
    'a.heads, a.failed, a.waited into first, stamp, heads, failed, waited'
  );
end
$copy$;

-- Roles that may append may append so from now on.
revoke execute on function append_v4, append_rows_v2 from public;

do $grant$
declare
  may record;
begin
  for may in
    select c.copy, pg_get_userbyid(a.grantee) as grantee
    from (values ('append_v3'::regproc, 'append_v4'), ('append_rows_v1'::regproc, 'append_rows_v2')) c(copied, copy)
    join pg_proc p on p.oid = c.copied,
      aclexplode(p.proacl) a
    where a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant execute on function %I to %I', may.copy, may.grantee);
  end loop;
end
$grant$;
