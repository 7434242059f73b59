-- Order, equality, and what stands on them: sorts, groups, joins, indexes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
RESET client_min_messages;

SELECT u, v, u < v AS lt, u <= v AS le, u = v AS eq, u <> v AS ne, u >= v AS ge,
	u > v AS gt, angle_vector_cmp(u, v) AS cmp
FROM (VALUES ('[1,2]'::angle_vector, '[1,3]'::angle_vector), ('[1,2]', '[1,2]'),
	('[2]', '[1,9]'), ('[1,2]', '[1,2,-5]'), ('[0]', '[-0]')) t(u, v);

CREATE TABLE ordered (id int, v angle_vector);
INSERT INTO ordered SELECT i, ARRAY[i % 7, i % 3]::angle_vector
FROM generate_series(1, 1000) i;
INSERT INTO ordered VALUES (1001, NULL), (1002, '[0,0]'), (1003, '[-0,0]'),
	(1004, '[-1]'), (1005, '[0]');
ANALYZE ordered;

SELECT v, count(*) FROM ordered GROUP BY v ORDER BY v LIMIT 5;
SELECT v FROM ordered WHERE v IS NOT NULL ORDER BY v DESC LIMIT 1;

-- Hashing and sorting find the same groups and pairs.
SET enable_sort = off;
SELECT count(*) FROM (SELECT DISTINCT v FROM ordered) d;
RESET enable_sort;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT DISTINCT v FROM ordered) d;
RESET enable_hashagg;
CREATE FUNCTION pg_temp.join_by(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; found text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || command LOOP
		found := coalesce(found, substring(line FROM '(Hash Join|Merge Join|Nested Loop)'));
	END LOOP;
	RETURN found;
END $$;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT pg_temp.join_by('SELECT FROM ordered a JOIN ordered b USING (v)');
SELECT count(*) FROM ordered a JOIN ordered b USING (v);
RESET enable_mergejoin;
SET enable_hashjoin = off;
SELECT pg_temp.join_by('SELECT FROM ordered a JOIN ordered b USING (v)');
SELECT count(*) FROM ordered a JOIN ordered b USING (v);
RESET enable_hashjoin;
RESET enable_nestloop;

-- Equal vectors have equal hashes, also where a zero has a sign.
SELECT angle_vector_hash('[0,1]') = angle_vector_hash('[-0,1]') AS hash,
	angle_vector_hash_extended('[0,1]', 42) = angle_vector_hash_extended('[-0,1]', 42) AS extended,
	angle_vector_hash_extended('[0,1]', 42) <> angle_vector_hash_extended('[0,1]', 43) AS seeded,
	angle_vector_hash('[0,1]') <> angle_vector_hash('[1,0]') AS different,
	angle_vector_hash('[0]') <> angle_vector_hash('[0,0]') AS longer,
	angle_vector_hash('[0,1]') = angle_vector_hash_extended('[0,1]', 0)::bit(32)::int AS low_bits;

-- Indexes: a btree that may be unique, hash, and a hash-partitioned table.
CREATE INDEX ordered_btree ON ordered (v);
SET enable_seqscan = off;
SELECT count(*) FROM ordered WHERE v = '[0,0]';
SELECT count(*) FROM ordered WHERE v > '[0,0]' AND v <= '[1,1]';
DROP INDEX ordered_btree;
CREATE INDEX ordered_hash ON ordered USING hash (v);
SELECT count(*) FROM ordered WHERE v = '[0,0]';
RESET enable_seqscan;
CREATE TABLE uniques (v angle_vector PRIMARY KEY) PARTITION BY HASH (v);
CREATE TABLE uniques_0 PARTITION OF uniques FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE uniques_1 PARTITION OF uniques FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO uniques SELECT DISTINCT v FROM ordered WHERE v IS NOT NULL;
SELECT count(*) > 0 AS in_0, (SELECT count(*) > 0 FROM uniques_1) AS in_1 FROM uniques_0;
INSERT INTO uniques VALUES ('[-0,-0]') ON CONFLICT DO NOTHING;
SELECT count(*) FROM uniques WHERE v = '[0,0]';
SELECT amname, opcname FROM pg_opclass JOIN pg_am am ON am.oid = opcmethod
WHERE opcintype = 'angle_vector'::regtype AND amvalidate(pg_opclass.oid)
	AND amname IN ('btree', 'hash') ORDER BY 1;
DROP TABLE ordered, uniques;
