-- oldest release that may still run: 0.1.0
--
-- Commands with a name and a due time. `ended_at` is null while an entry is pending; `at_position` is that of the event that led to it.
create table agenda (
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

create index agenda_due on agenda (owner, due) where ended_at is null;

create index agenda_ended on agenda (ended_at) where ended_at is not null;
