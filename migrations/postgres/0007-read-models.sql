-- oldest release that may still run: 0.1.0
--
-- Rows are in tables of their own, `rows_` and the name, made when a projection is first prepared.
create table row_tables (
  name text collate "C" primary key,
  fields text[] not null,
  kinds text[] not null
);

create table checkpoints (
  name text collate "C" primary key,
  position bigint not null,
  epoch bigint not null,
  saved_at timestamptz not null
) with (fillfactor = 50);

-- Kept when its subscription is dropped, so that an epoch never comes twice. Without an owner it was given back.
create table leases (
  name text collate "C" primary key,
  epoch bigint not null,
  owner text,
  until timestamptz not null,
  position bigint not null,
  takeovers integer not null,
  suspect_position bigint,
  suspect_key text
) with (fillfactor = 50);

create table parked (
  name text collate "C" not null,
  kind text collate "C" not null check (kind in ('key', 'stream')),
  key text collate "C" not null,
  position bigint not null,
  cause text not null,
  at timestamptz not null,
  again text check (again in ('whole', 'skip')),
  primary key (name, kind, key)
);

create table serving (
  projection text collate "C" primary key,
  name text collate "C" not null
);
