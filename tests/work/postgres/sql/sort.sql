-- parallel workers hand over what they have sorted
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT text FROM wide ORDER BY text LIMIT 3;
SELECT id FROM wide ORDER BY text DESC OFFSET 39997;
SELECT class, count(*), min(text) FROM wide GROUP BY class ORDER BY count(*) DESC, class LIMIT 5;
SET max_parallel_maintenance_workers = 2;
CREATE INDEX wide_text ON wide (text);
SET enable_seqscan = off;
SELECT id FROM wide WHERE text = md5('4711');
