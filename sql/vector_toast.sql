-- Vectors stored out of line are the ones that were stored, in whatever order they
-- are read and whatever has happened to the table since.
CREATE FUNCTION spot(i int, dims int) RETURNS angle_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((i * 31 + d * 17) % 1009 ORDER BY d)::angle_vector FROM generate_series(1, dims) d $$;
CREATE TABLE far (id int, dims int, v angle_vector) WITH (autovacuum_enabled = off);
CREATE FUNCTION far_state() RETURNS TABLE (rows bigint, wrong bigint) LANGUAGE sql AS
$$ SELECT count(*), count(*) FILTER (WHERE v <> spot(id, dims)) FROM far $$;

-- One, two, three and 33 chunks, and vectors that stay in the row.
INSERT INTO far SELECT i, (ARRAY[600, 1024, 1500, 100, 16000])[1 + (i % 41 = 0)::int * 4 + (i % 41 > 0)::int * (i % 4)], NULL
FROM generate_series(1, 300) i;
UPDATE far SET v = spot(id, dims);
SELECT count(DISTINCT dims), min(pg_column_size(v)), max(pg_column_size(v)) FROM far;
SELECT * FROM far_state();

-- Not in the order in which they lie.
SELECT count(*) FILTER (WHERE v <> spot(id, dims)) AS wrong
FROM (SELECT * FROM far ORDER BY id * 7919 % 1013 OFFSET 0) AS any_order;
SELECT count(*) FILTER (WHERE v <> spot(id, dims)) AS wrong
FROM (SELECT * FROM far ORDER BY id DESC OFFSET 0) AS backwards;

-- Two tables and two columns in turn.
CREATE TABLE far_too AS SELECT id, dims, v, spot(id + 1, dims) AS next FROM far ORDER BY id;
SELECT count(*), count(*) FILTER (WHERE a.v <> b.v) AS wrong, count(*) FILTER (WHERE b.next <> spot(a.id + 1, a.dims)) AS wrong_too
FROM far a JOIN far_too b USING (id);

-- In order, few are looked up in the index of the chunks.
CREATE TABLE in_order AS SELECT id, spot(id, 1024) AS v FROM generate_series(1, 500) id;
CREATE FUNCTION lookups() RETURNS bigint LANGUAGE sql AS
$$ SELECT idx_scan FROM pg_stat_all_indexes WHERE relid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'in_order'::regclass) $$;
SELECT pg_stat_force_next_flush();
SELECT lookups() AS before \gset
SELECT count(*) FILTER (WHERE v = spot(id, 1024)) AS found, pg_stat_force_next_flush() FROM in_order;
SELECT lookups() - :before BETWEEN 1 AND 20 AS few;

-- Holes, places used again, and what was rolled back.
DELETE FROM far WHERE id % 3 = 0;
SELECT * FROM far_state();
VACUUM far;
SELECT * FROM far_state();
BEGIN;
INSERT INTO far SELECT i, 1024, spot(i + 1, 1024) FROM generate_series(301, 340) i;
ROLLBACK;
INSERT INTO far SELECT i, 1024, spot(i, 1024) FROM generate_series(301, 400) i;
SELECT * FROM far_state();
UPDATE far SET v = spot(id + 5, dims), id = id + 5 WHERE id % 2 = 0;
SELECT * FROM far_state();
VACUUM far;
SELECT * FROM far_state();

-- The table becomes shorter than where reading came to.
BEGIN;
DELETE FROM far WHERE id > 50;
SELECT * FROM far_state();
COMMIT;
VACUUM far;
SELECT * FROM far_state();
VACUUM FULL far;
SELECT * FROM far_state();
TRUNCATE far;
INSERT INTO far SELECT i, 1024, spot(i, 1024) FROM generate_series(1, 20) i;
SELECT * FROM far_state();

-- What a cursor has not read yet is what it was.
BEGIN;
DECLARE c CURSOR FOR SELECT id, v = spot(id, dims) AS same FROM far;
FETCH 2 FROM c;
UPDATE far SET v = spot(1, 1024);
MOVE 16 IN c;
FETCH 5 FROM c;
ROLLBACK;

-- An index gives them in its own order, whatever was looked for before, and so does a cursor
-- that is held open while the table changes.
CREATE TABLE indexed (id int, v angle_vector(1024), body text) WITH (autovacuum_enabled = off);
INSERT INTO indexed SELECT i, spot(i, 1024), CASE WHEN i % 7 = 0 THEN repeat(md5(i::text), 300) END FROM generate_series(1, 400) i;
CREATE INDEX indexed_v ON indexed USING angle (v);
ALTER TABLE indexed ALTER body SET STORAGE EXTERNAL;
UPDATE indexed SET body = repeat(md5(id::text), 300) WHERE id % 5 = 0;
CREATE FUNCTION nearest(i int, rows int) RETURNS int[] LANGUAGE sql AS
$$ SELECT array_agg(id) FROM (SELECT id FROM indexed ORDER BY v <=> spot(i, 1024) LIMIT rows) x $$;
SET angle.recall_target = 1;
SET enable_seqscan = off;
CREATE TABLE by_index AS SELECT i, nearest(i * 13, 20) AS found FROM generate_series(1, 12) i;
RESET enable_seqscan;
SET enable_indexscan = off;
SELECT count(*), count(*) FILTER (WHERE found <> nearest(i * 13, 20)) AS wrong FROM by_index;
RESET enable_indexscan;
SET enable_seqscan = off;
SELECT bool_and(v <=> spot(2, 1024) >= last) AS in_order, count(*)
FROM (SELECT v, lag(v <=> spot(2, 1024)) OVER () AS last FROM (SELECT v FROM indexed ORDER BY v <=> spot(2, 1024) LIMIT 300) x) y;
BEGIN;
DECLARE c CURSOR FOR SELECT id, v = spot(id, 1024) AS same FROM indexed ORDER BY v <=> spot(3, 1024);
FETCH 2 FROM c;
SAVEPOINT before;
UPDATE indexed SET v = spot(1, 1024);
MOVE 20 IN c;
ROLLBACK TO before;
FETCH 2 FROM c;
MOVE ALL IN c;
ROLLBACK;
-- where they were read is remembered, and verified: chunks move, and others come to their places
CREATE FUNCTION given() RETURNS TABLE (rows bigint, wrong bigint, unordered bigint) LANGUAGE sql AS
$$ SELECT count(*), count(*) FILTER (WHERE v <> spot(id, 1024)), count(*) FILTER (WHERE far < last)
FROM (SELECT id, v, far, lag(far) OVER () AS last FROM (SELECT id, v, v <=> spot(2, 1024) AS far FROM indexed ORDER BY v <=> spot(2, 1024) LIMIT 300) x) y $$;
SELECT * FROM given();
VACUUM FULL indexed;
SELECT * FROM given();
UPDATE indexed SET v = spot(id + 400, 1024), id = id + 400 WHERE id % 3 = 0;
SELECT * FROM given();
VACUUM indexed;
INSERT INTO indexed SELECT i, spot(i, 1024) FROM generate_series(900, 1000) i;
SELECT * FROM given();
TRUNCATE indexed;
INSERT INTO indexed SELECT i, spot(i, 1024) FROM generate_series(2000, 2400) i;
SELECT * FROM given();
RESET enable_seqscan;
RESET angle.recall_target;

-- Temporary tables, and chunks that are compressed.
CREATE TEMP TABLE near AS SELECT * FROM far;
SELECT count(*) FILTER (WHERE v <> spot(id, dims)) AS wrong FROM near;
CREATE TABLE packed (id int, v angle_vector);
ALTER TABLE packed ALTER v SET STORAGE EXTENDED;
INSERT INTO packed SELECT i, (SELECT array_agg((i + d / 2000) % 7 ORDER BY d) FROM generate_series(1, 16000) d)::angle_vector
FROM generate_series(1, 9) i;
INSERT INTO packed SELECT 10, (SELECT array_agg(sin(d) ORDER BY d) FROM generate_series(1, 16000) d)::angle_vector;
SELECT id, pg_column_size(v) < 64000 AS compressed, round((v <-> (SELECT array_agg(0) FROM generate_series(1, 16000))::angle_vector)::numeric, 2) AS length
FROM packed ORDER BY id;

DROP TABLE far, far_too, in_order, indexed, by_index, near, packed;
DROP FUNCTION far_state, lookups, given, nearest, spot;
