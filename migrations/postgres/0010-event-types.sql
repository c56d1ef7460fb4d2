-- oldest release that may still run: 0.1.0
create index events_type_position on events (type, position);
