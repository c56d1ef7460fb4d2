-- oldest release that may still run: 0.1.0
--
-- The position after which a subscription began: a process that is made again from the log begins there again. Without a row it is 0.
create table starts (
  name text primary key,
  position integer not null
) strict, without rowid;
