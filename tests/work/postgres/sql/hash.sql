-- a hash table that parallel workers share
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SET work_mem = '8MB';
EXPLAIN (COSTS OFF) SELECT count(*) FROM wide JOIN narrow USING (id);
SELECT count(*), sum(other) FROM wide JOIN narrow USING (id);
SELECT count(*) FROM wide a JOIN wide b ON a.text = b.text JOIN narrow n ON n.other = b.id;
-- and one in many batches
SET work_mem = '64kB';
SELECT count(*), sum(length(a.text)) FROM wide a JOIN wide b USING (text);
SELECT count(*), sum(other) FROM wide JOIN narrow USING (id);
