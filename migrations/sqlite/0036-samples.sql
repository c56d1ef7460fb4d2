-- oldest release that may still run: 0.1.0
--
-- What nodes have counted that is not in the log, by the minute, for ten weeks. `minutes`: a JSON array. Times are in ms
-- since 1970. They are no part of the log.
create table samples (
  hour integer not null,
  subject text not null,
  minutes text not null,
  primary key (hour, subject)
) strict, without rowid;

-- The last batch of each process, so that none is added twice, and its newest hour.
create table sample_writers (
  writer text primary key,
  number integer not null,
  hour integer not null
) strict, without rowid;
