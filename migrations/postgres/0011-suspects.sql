-- oldest release that may still run: 0.1.0
--
-- How many owners in a row have ended at what is suspect.
alter table leases add column suspect_times integer not null default 1;
