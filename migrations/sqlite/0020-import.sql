-- oldest release that may still run: 0.1.0
--
-- How far each bulk import has come: moved on in the transaction that appends.
create table imports (
  name text primary key,
  fingerprint text not null,
  total integer not null,
  moved integer not null default 0,
  -- The position of the last event it moved.
  position integer not null default 0,
  -- The head of the log when it began.
  began integer not null
) strict, without rowid;
