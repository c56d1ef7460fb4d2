-- oldest release that may still run: 0.1.0
--
-- What an import came from, and when it began. An import is named by a digest of its records; those with moved < total are unfinished.
alter table imports add column source text not null default '';
alter table imports add column began_at integer not null default 0;
