-- tables that come and go, and what is undone
DO $$
BEGIN
	FOR round IN 1..20 LOOP
		EXECUTE format('CREATE TABLE short%s AS SELECT i, repeat(''x'', 500) FROM generate_series(1, 500) i', round);
		IF round > 3 THEN
			EXECUTE format('DROP TABLE short%s', round - 3);
		END IF;
	END LOOP;
END $$;
SELECT count(*) FROM pg_class WHERE relname ~ '^short';
BEGIN;
INSERT INTO short20 SELECT i, repeat('y', 1000) FROM generate_series(1, 2000) i;
SAVEPOINT s;
INSERT INTO short20 SELECT i, repeat('z', 1000) FROM generate_series(1, 2000) i;
ROLLBACK TO s;
SELECT count(*) FROM short20;
ROLLBACK;
SELECT count(*) FROM short20;
DROP TABLE short18, short19, short20;
