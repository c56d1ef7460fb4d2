-- oldest release that may still run: 0.1.0
--
-- Keys of what processors have sent: they have no end at first, and get one once their event cannot come again.
create index keys_sent on keys (substr(key, 8, instr(substr(key, 8), ':') - 1), position)
where until is null and substr(key, 1, 7) = 'agenda:';
