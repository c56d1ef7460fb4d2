-- oldest release that may still run: 0.1.0
--
-- Rows are in tables of their own, `rows_` and the name, made when a projection is first prepared; `indexes` is JSON.
create table row_tables (
  name text primary key,
  indexes text not null
) strict, without rowid;

create table checkpoints (
  name text primary key,
  position integer not null,
  epoch integer not null,
  saved_at integer not null
) strict, without rowid;

-- Kept when its subscription is dropped, so that an epoch never comes twice. Without an owner it was given back.
create table leases (
  name text primary key,
  epoch integer not null,
  owner text,
  until integer not null,
  position integer not null,
  takeovers integer not null,
  suspect_position integer,
  suspect_key text
) strict, without rowid;

create table parked (
  name text not null,
  kind text not null check (kind in ('key', 'stream')),
  key text not null,
  position integer not null,
  cause text not null,
  at integer not null,
  again text check (again in ('whole', 'skip')),
  primary key (name, kind, key)
) strict, without rowid;

create table serving (
  projection text primary key,
  name text not null
) strict, without rowid;
