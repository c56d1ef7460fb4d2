-- oldest release that may still run: 0.1.0
--
-- Short texts that processes leave for each other under a name: by what the rows of a table were folded, and which readers of events were
-- tried on the log. `found` is a JSON list, oldest first.
create table fingerprints (
  name text primary key,
  found text not null
) strict, without rowid;

-- A name for the code that could not read the event or the row. An owner that reads otherwise tries again. Null: it could be read.
alter table parked add column reader text;
