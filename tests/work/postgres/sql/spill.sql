-- what does not fit into memory
SET work_mem = '64kB';
SELECT md5(string_agg(text, ',' ORDER BY text)) FROM wide;
SELECT count(*) FROM (SELECT DISTINCT text, other FROM wide, narrow WHERE wide.id = narrow.other) d;
WITH held AS MATERIALIZED (SELECT text || text AS t FROM wide) SELECT sum(length(t)) FROM held;
BEGIN;
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT text FROM wide ORDER BY id;
COMMIT;
FETCH LAST FROM c;
CLOSE c;
