-- oldest release that may still run: 0.1.0
--
-- Promises that do not hold, as somebody found them. `at`: in ms since 1970. They are no part of the log.
create table breaches (
  promise text not null,
  subject text not null,
  message text not null,
  found_by text not null,
  at integer not null,
  primary key (promise, subject)
) strict, without rowid;

-- Digests of stretches of the log, by which an event that was changed is noticed.
create table seals (
  after integer primary key,
  until integer not null,
  count integer not null,
  digest text not null,
  last_at text not null,
  epoch integer not null
) strict;
