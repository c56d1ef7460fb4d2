CREATE INDEX agenda_due on agenda (owner, due) where ended_at is null;

CREATE INDEX agenda_ended on agenda (ended_at) where ended_at is not null;

CREATE TABLE agenda (
  id text primary key,
  owner text not null,
  key text not null,
  timer text,
  command text,
  meta text not null,
  due integer not null,
  at_position integer not null,
  made_at integer not null,
  begun integer not null default 0,
  outcome text,
  ended_at integer
) strict;

CREATE TABLE breaches (
  promise text not null,
  subject text not null,
  message text not null,
  found_by text not null,
  at integer not null,
  primary key (promise, subject)
) strict, without rowid;

CREATE TABLE checkpoints (
  name text primary key,
  position integer not null,
  epoch integer not null,
  saved_at integer not null
) strict, without rowid;

CREATE TABLE events (
  position integer primary key,
  stream text not null,
  version integer not null,
  id text not null,
  type text not null,
  schema text not null,
  data text not null,
  meta text not null,
  at integer not null,
  unique (stream, version)
) strict;

CREATE TRIGGER events_are_appended
before insert on events
when new.position <= (select coalesce(max(position), 0) from events)
  or new.version <> 1 + (select coalesce(max(version), 0) from events where stream = new.stream)
begin
  select raise(abort, 'events are appended, in order');
end;

CREATE TRIGGER events_are_not_deleted
before delete on events
begin
  select raise(abort, 'events are immutable');
end;

CREATE TRIGGER events_are_not_updated
before update on events
begin
  select raise(abort, 'events are immutable');
end;

CREATE TABLE fingerprints (
  name text primary key,
  found text not null
) strict, without rowid;

CREATE TABLE imports (
  name text primary key,
  fingerprint text not null,
  total integer not null,
  moved integer not null default 0,
  -- The position of the last event it moved.
  position integer not null default 0,
  -- The head of the log when it began.
  began integer not null
, source text not null default '', began_at integer not null default 0) strict, without rowid;

CREATE INDEX keys_sent on keys (substr(key, 8, instr(substr(key, 8), ':') - 1), position)
where until is null and substr(key, 1, 7) = 'agenda:';

CREATE TABLE keys (
  key text primary key,
  fingerprint text not null,
  stream text not null,
  version integer not null,
  count integer not null,
  position integer not null,
  rejection text,
  until integer
) strict, without rowid;

CREATE TABLE leases (
  name text primary key,
  epoch integer not null,
  owner text,
  until integer not null,
  position integer not null,
  takeovers integer not null,
  suspect_position integer,
  suspect_key text
, suspect_times integer not null default 1) strict, without rowid;

CREATE TABLE log (
  one integer primary key check (one = 1),
  id text not null,
  epoch integer not null
) strict;

CREATE TABLE migrations (name text primary key, checksum text not null, oldest text not null, at text not null) strict;

CREATE TABLE parked (
  name text not null,
  kind text not null check (kind in ('key', 'stream')),
  key text not null,
  position integer not null,
  cause text not null,
  at integer not null,
  again text check (again in ('whole', 'skip')), reader text,
  primary key (name, kind, key)
) strict, without rowid;

CREATE TABLE refusals (
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

CREATE TABLE row_tables (
  name text primary key,
  indexes text not null
) strict, without rowid;

CREATE TABLE sample_writers (
  writer text primary key,
  number integer not null,
  hour integer not null
) strict, without rowid;

CREATE TABLE samples (
  hour integer not null,
  subject text not null,
  minutes text not null,
  primary key (hour, subject)
) strict, without rowid;

CREATE TABLE seals (
  after integer primary key,
  until integer not null,
  count integer not null,
  digest text not null,
  last_at text not null,
  epoch integer not null
) strict;

CREATE TABLE serving (
  projection text primary key,
  name text not null
) strict, without rowid;

CREATE TABLE snapshots (
  stream text not null,
  schema integer not null,
  version integer not null,
  state text not null,
  primary key (stream, schema)
) strict, without rowid;

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE starts (
  name text primary key,
  position integer not null
) strict, without rowid;
