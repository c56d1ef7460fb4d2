-- oldest release that may still run: 0.1.0
-- Where a log is: the system (which a replica shares and a new server does not), its database, and its table of events. A dump that is
-- restored elsewhere brings the home of the log that it was made of. Null: the server does not say what system it is.
create function home_v1() returns text
language plpgsql stable security definer
set search_path from current
as $$
begin
  return format('%s.%s.%s', (select s.system_identifier from pg_control_system() s),
    (select d.oid from pg_database d where d.datname = current_database()), 'events'::regclass::oid);
exception when others then
  return null;
end
$$;

alter table log add column home text;

update log set home = home_v1();
