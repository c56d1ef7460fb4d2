-- oldest release that may still run: 0.1.0
--
-- Commands that were refused, for a week. Times are in ms since 1970. They are no part of the log.
create table refusals (
  seq integer primary key autoincrement,
  at integer not null,
  by text not null,
  command text not null,
  stream text not null,
  actor text,
  code text not null,
  text text,
  correlation text not null,
  trace_id text,
  more integer not null
) strict;
