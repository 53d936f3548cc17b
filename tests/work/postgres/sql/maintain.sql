-- space that is given back
CREATE TABLE held AS SELECT i AS id, repeat(i::text, 50) AS text FROM generate_series(1, 8000) i;
CREATE INDEX held_id ON held (id);
CREATE INDEX held_text ON held (md5(text));
DELETE FROM held WHERE id % 3 = 0;
SET min_parallel_index_scan_size = 0;
VACUUM (PARALLEL 2) held;
SELECT count(*), sum(length(text)) FROM held;
VACUUM FULL held;
SELECT count(*), sum(length(text)) FROM held;
REINDEX TABLE held;
TRUNCATE held;
SELECT count(*) FROM held;
DROP TABLE held;
