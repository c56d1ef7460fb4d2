-- oldest release that may still run: 0.1.0
create table log (
  one boolean primary key default true check (one),
  id uuid not null default gen_random_uuid(),
  epoch integer not null default 1
);

insert into log default values;

create sequence positions;

create table events (
  position bigint primary key,
  stream text collate "C" not null,
  version bigint not null,
  id uuid not null,
  type text not null,
  schema text not null,
  data text not null,
  meta text not null,
  at timestamptz not null,
  unique (stream, version)
);

create table keys (
  key text collate "C" primary key,
  fingerprint text not null,
  stream text collate "C" not null,
  version bigint not null,
  count integer not null,
  position bigint not null,
  rejection text,
  until timestamptz
);

create index keys_until on keys (until) where until is not null;

create table snapshots (
  stream text collate "C" not null,
  schema integer not null,
  version bigint not null,
  state text not null,
  primary key (stream, schema)
);
