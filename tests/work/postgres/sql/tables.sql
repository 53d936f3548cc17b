-- what the others read
CREATE TABLE wide AS
	SELECT i AS id, i % 97 AS class, md5(i::text) AS text
	FROM generate_series(1, 40000) i;
CREATE TABLE narrow AS SELECT id, (id * 7919) % 40009 AS other FROM wide;
ANALYZE wide, narrow;
SELECT count(*), sum(id), count(DISTINCT class) FROM wide;
SELECT count(*), sum(other) FROM narrow;
SHOW dynamic_shared_memory_type;
