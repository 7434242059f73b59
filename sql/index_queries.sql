-- Queries of every kind over an index, and what can be done to it: tablespaces, partitions,
-- cursors, prepared statements, joins, expressions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION make_vector(i int, dims int) RETURNS angle_vector
	LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i * 12.9898 + d * 78.233) + 2 * sin((i % 17) * 3.1 + d))::real
		ORDER BY d)::public.angle_vector FROM generate_series(1, dims) d $$;
CREATE TABLE items (id int PRIMARY KEY, v angle_vector(24), tenant int, body text DEFAULT repeat('x', 600));
INSERT INTO items SELECT i, make_vector(i, 24), i % 10 FROM generate_series(1, 6000) i;
CREATE TABLE queries AS SELECT i AS id, make_vector(7 * i, 24) AS v FROM generate_series(1, 30) i;
CREATE INDEX items_v ON items USING angle (v, tenant);
ANALYZE items, queries;

-- The scans of a plan.
CREATE FUNCTION scans(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found := found || substring(line FROM '((Seq|Index|Index Only|Bitmap Heap) Scan( using \w+)? on \w+)');
	END LOOP;
	RETURN array_to_string(found, ', ');
END $$;

-- How many of the rows that a query gives are those that it gives without the index.
CREATE FUNCTION shared(query text, needs_index boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	by_index int[];
	by_scan int[];
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	SET LOCAL angle.recall_target = 1;
	IF needs_index AND scans(query) !~ 'items_(v|there)|parts_\w+_v_\w+' THEN
		RETURN 'no index: ' || scans(query);
	END IF;
	EXECUTE 'SELECT array_agg(x.id) FROM (' || query || ') x' INTO by_index;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE 'SELECT array_agg(x.id) FROM (' || query || ') x' INTO by_scan;
	RETURN format('%s of %s%s', (SELECT count(*) FROM unnest(by_index) a JOIN unnest(by_scan) b ON a = b),
		cardinality(by_scan), CASE WHEN by_index = by_scan THEN ', in order' END);
END $$;

-- tablespaces
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE angle_elsewhere LOCATION '';
CREATE INDEX items_there ON items USING angle (v) TABLESPACE angle_elsewhere;
SELECT angle_index_check('items_there');
ALTER INDEX items_v SET TABLESPACE angle_elsewhere;
SELECT angle_index_check('items_v');
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 20');
INSERT INTO items SELECT i, make_vector(i, 24), i % 10 FROM generate_series(6001, 6300) i;
ALTER INDEX items_v SET TABLESPACE pg_default;
SELECT angle_index_check('items_v'), angle_index_check('items_there');
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 20');
REINDEX INDEX CONCURRENTLY items_there;
SELECT angle_index_check('items_there');
DROP INDEX items_there;
DROP TABLESPACE angle_elsewhere;

-- what rewrites the table or its indexes
VACUUM FULL items;
SELECT angle_index_check('items_v');
ALTER TABLE items SET UNLOGGED;
SELECT angle_index_check('items_v');
ALTER TABLE items SET LOGGED;
REINDEX TABLE items;
SELECT angle_index_check('items_v');
CLUSTER items USING items_pkey;
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 20');
CLUSTER items USING items_v;
ALTER TABLE items ALTER COLUMN v TYPE angle_vector(12) USING subvector(v, 1, 12);
SELECT dimensions, rows FROM angle_index_info('items_v');
ALTER TABLE items ALTER COLUMN v TYPE angle_vector(24) USING make_vector(id, 24);
SELECT dimensions, rows FROM angle_index_info('items_v');
ANALYZE items;

-- partitions: one index for each, made with the table or attached later
CREATE TABLE parts (id int, v angle_vector(24)) PARTITION BY HASH (id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 (id int, v angle_vector(24));
CREATE INDEX parts_1_v_own ON parts_1 USING angle (v);
INSERT INTO parts_1 SELECT id, v FROM items WHERE satisfies_hash_partition('parts'::regclass, 2, 1, id);
CREATE INDEX parts_v ON parts USING angle (v);
ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT id, v FROM items WHERE satisfies_hash_partition('parts'::regclass, 2, 0, id);
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'parts_v'::regclass ORDER BY 1;
ANALYZE parts;
SELECT shared('SELECT id FROM parts ORDER BY v <=> make_vector(5, 24) LIMIT 20');
SELECT shared('SELECT id FROM parts ORDER BY v <=> make_vector(5, 24) LIMIT 2000');
SELECT angle_index_check('parts_v');
ALTER TABLE parts DETACH PARTITION parts_0;
SELECT shared('SELECT id FROM parts ORDER BY v <=> make_vector(5, 24) LIMIT 20');
DROP TABLE parts_0;

-- rows that were moved within their pages are samples of the recall, too
CREATE TABLE moved (id int, v angle_vector(3)) WITH (fillfactor = 40);
INSERT INTO moved SELECT i, make_vector(i, 3) FROM generate_series(1, 300) i;
CREATE INDEX moved_v ON moved USING angle (v);
UPDATE moved SET id = id + 1;
VACUUM moved;
SELECT angle_index_recall('moved_v') >= 0.9 AS enough;
DROP TABLE moved;

-- where the lists are does not fit into memory: the tree is searched
SHOW angle.directory_memory;
SELECT sum(used_bytes) > 2000 AS in_memory FROM pg_backend_memory_contexts WHERE name = 'angle directories';
SET angle.directory_memory = '1kB';
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 20');
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24)', false);
SELECT shared('SELECT id FROM items WHERE tenant = 3 ORDER BY v <=> make_vector(6, 24) LIMIT 20');
SELECT coalesce(sum(used_bytes), 0) < 1000 AS little FROM pg_backend_memory_contexts WHERE name = 'angle directories';
SELECT angle_index_recall('items_v') >= 0.9 AS enough;
-- or nearly fits, which is found out once
DO $$
DECLARE
	took bigint;
	fits int := 0;
BEGIN
	SET LOCAL enable_seqscan = off;
	FOR kb IN 1 .. 24 LOOP
		PERFORM set_config('angle.directory_memory', kb || 'kB', true);
		FOR i IN 1 .. 2 LOOP
			PERFORM id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 20;
			SELECT coalesce(sum(used_bytes), 0) INTO took FROM pg_backend_memory_contexts
				WHERE name = 'angle directories';
			IF took > kb * 1024 + 2000 THEN
				RAISE EXCEPTION 'directories take % bytes of % kB', took, kb;
			END IF;
		END LOOP;
		fits := fits + (took > 1000)::int;
	END LOOP;
	IF fits NOT BETWEEN 1 AND 23 THEN
		RAISE EXCEPTION 'it fits into % of 24 sizes', fits;
	END IF;
END $$;
RESET angle.directory_memory;

-- Without being exact all rows come, each once, in whatever memory, and as many as are asked for
-- are nearly those that are nearest; so they are where a filter leaves few, which the planner knows
-- or does not.
CREATE FUNCTION answers(filter text, rows int, memory text) RETURNS TABLE (given bigint, different bigint, found boolean) LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT id FROM items WHERE %s ORDER BY v <=> make_vector(5, 24) LIMIT %s', filter, rows);
	by_index int[];
	by_scan int[];
BEGIN
	PERFORM set_config('work_mem', memory, true);
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	IF scans(query) !~ 'items_v' THEN
		RAISE EXCEPTION 'no index: %', scans(query);
	END IF;
	EXECUTE 'SELECT array_agg(x.id) FROM (' || query || ') x' INTO by_index;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE 'SELECT array_agg(x.id) FROM (' || query || ') x' INTO by_scan;
	RETURN QUERY SELECT count(*), count(DISTINCT i), count(DISTINCT i) FILTER (WHERE i = ANY (by_scan)) >= 0.9 * cardinality(by_scan)
	FROM unnest(by_index) i;
END $$;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT filter, rows, memory, a.* FROM (VALUES ('true'), ('id < 600'), ('id % 10 = 7'), ('id % 300 = 7'), ('id = 7')) f(filter),
	(VALUES (10), (300), (2000000000)) r(rows), (VALUES ('4MB'), ('64kB')) m(memory), answers(filter, rows, memory) a
ORDER BY rows, filter, memory;
RESET enable_bitmapscan;
RESET enable_sort;
DROP FUNCTION answers;

-- A filter of which the planner knows nothing has about as many pages read as when it does.
CREATE TABLE many AS SELECT i AS id, ARRAY(SELECT sin(i * (12.9898 + d * 78.233)) FROM generate_series(1, 16) d)::real[]::angle_vector(16) AS v FROM generate_series(1, 30000) i;
CREATE INDEX many_v ON many USING angle (v);
ANALYZE many;
CREATE FUNCTION pages(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	EXECUTE query;
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
	RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::int + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::int;
END $$;
CREATE FUNCTION pages_of_a_tenth() RETURNS int LANGUAGE sql AS $$
	SELECT sum(pages(format('SELECT id FROM many WHERE id %% 10 = 7 ORDER BY v <=> make_vector(%s, 16) LIMIT 10', i)))
	FROM generate_series(1, 20) i $$;
SELECT pages_of_a_tenth() AS unknown \gset
CREATE STATISTICS many_tenths ON (id % 10) FROM many;
ANALYZE many;
SELECT pages_of_a_tenth() AS known \gset
SELECT :unknown < 1.15 * :known AS about_as_many;
DROP FUNCTION pages_of_a_tenth, pages;
DROP TABLE many;

-- cursors: there and back, beyond the end of a transaction
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL angle.recall_target = 1;
CREATE TEMP TABLE expected AS SELECT row_number() OVER (ORDER BY v <=> make_vector(3, 24)) AS n, id FROM items;
DECLARE there_and_back SCROLL CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(3, 24);
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT id FROM items ORDER BY v <=> make_vector(3, 24) LIMIT 50;
DECLARE forward NO SCROLL CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(3, 24);
MOVE 3000 FROM there_and_back;
MOVE BACKWARD 2996 FROM there_and_back;
FETCH 1 FROM there_and_back;
FETCH BACKWARD 2 FROM there_and_back;
FETCH LAST FROM there_and_back;
FETCH FIRST FROM there_and_back;
FETCH ABSOLUTE 40 FROM there_and_back;
SELECT id FROM expected WHERE n IN (3, 4, 5, 1, 40) OR n = (SELECT count(*) FROM items) ORDER BY n;
FETCH 3 FROM forward;
SAVEPOINT s;
FETCH BACKWARD 1 FROM forward;
ROLLBACK TO s;
COMMIT;
DELETE FROM items WHERE id IN (SELECT id FROM expected WHERE n <= 10);
FETCH ABSOLUTE 9 FROM held;
FETCH ABSOLUTE 50 FROM held;
SELECT id FROM expected WHERE n IN (9, 50) ORDER BY n;
CLOSE held;

-- limits above scans: several at a time, of which some end early or in errors
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL angle.recall_target = 1;
DECLARE few CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(3, 24) LIMIT 6 OFFSET 2;
DECLARE many CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(3, 24) LIMIT 3000;
FETCH 2 FROM few;
MOVE 1000 FROM many;
SAVEPOINT s;
DECLARE broken CURSOR FOR SELECT id / (id - id) FROM items ORDER BY v <=> make_vector(3, 24) LIMIT 5;
FETCH broken;
ROLLBACK TO s;
PREPARE first(int) AS SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> make_vector(3, 24) LIMIT $1) x;
SET LOCAL plan_cache_mode = force_generic_plan;
EXECUTE first(7);
EXECUTE first(700);
EXECUTE first(NULL);
EXECUTE first(0);
CLOSE many;
FETCH ALL FROM few;
SELECT array_agg(id ORDER BY n) FROM (SELECT row_number() OVER (ORDER BY v <=> make_vector(3, 24)) AS n, id
	FROM items) x WHERE n BETWEEN 5 AND 8;
COMMIT;
DEALLOCATE first;
INSERT INTO items SELECT id, make_vector(id, 24), id % 10 FROM expected WHERE n <= 10;

-- prepared statements: the plan for all values of LIMIT is for a tenth of the rows, as it is
-- with every index
PREPARE nearest(angle_vector, int) AS SELECT id FROM items ORDER BY v <=> $1 LIMIT $2;
PREPARE ten(angle_vector) AS SELECT id FROM items ORDER BY v <=> $1 LIMIT 10;
PREPARE of_tenant(angle_vector, int) AS SELECT id FROM items WHERE tenant = $2 ORDER BY v <=> $1 LIMIT 3;
SET plan_cache_mode = force_generic_plan;
SELECT scans($$EXECUTE ten('[1]')$$), scans($$EXECUTE of_tenant('[1]', 3)$$);
SET enable_seqscan = off;
SET angle.recall_target = 1;
SELECT scans($$EXECUTE nearest('[1]', 10)$$);
SELECT make_vector(3, 24) AS q \gset
EXECUTE nearest(:'q', 3);
EXECUTE nearest(:'q', 5);
EXECUTE nearest(:'q', 0);
EXECUTE of_tenant(:'q', 4);
EXECUTE of_tenant(:'q', NULL);
SELECT id FROM expected JOIN items USING (id) WHERE n <= 5 OR tenant = 4 ORDER BY n LIMIT 8;
EXECUTE ten('[1,2,3]');
EXECUTE nearest(NULL, 0);
RESET plan_cache_mode;
RESET enable_seqscan;
RESET angle.recall_target;
-- and so it is when PostgreSQL has chosen
DO $$ BEGIN FOR i IN 1 .. 8 LOOP EXECUTE 'EXECUTE nearest(make_vector(3, 24), 10)'; END LOOP; END $$;
SELECT scans($$EXECUTE nearest('[1]', 10)$$);
DEALLOCATE ALL;

-- wrong dimensions, NULL and zero vectors as queries
SET enable_seqscan = off;
SELECT id FROM items ORDER BY v <=> '[1,2,3]' LIMIT 1;
SELECT id FROM items ORDER BY v <=> (SELECT v FROM queries WHERE id = 0) LIMIT 0;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> (SELECT v FROM queries WHERE id = 0) LIMIT 7) x;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> array_fill(0, ARRAY[24])::angle_vector LIMIT 7) x;
SELECT count(*) FROM queries q, LATERAL (SELECT id FROM items ORDER BY v <=> NULLIF(q.v, make_vector(7, 24)) LIMIT 2) x;

-- rows are locked, and found again by a cursor
BEGIN;
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY v <=> make_vector(9, 24) LIMIT 5) y) AS same
	FROM (SELECT id FROM items ORDER BY v <=> make_vector(9, 24) LIMIT 5 FOR UPDATE) x;
DECLARE current CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(9, 24);
MOVE 3 FROM current;
UPDATE items SET body = 'found' WHERE CURRENT OF current RETURNING id;
SELECT id FROM items ORDER BY v <=> make_vector(9, 24) OFFSET 2 LIMIT 1;
ROLLBACK;

-- joins: for each of some rows, and where the index is read again
SELECT count(*), count(DISTINCT q.id) FROM queries q, LATERAL (
	SELECT id FROM items ORDER BY items.v <=> q.v LIMIT 3) x;
SELECT bool_and(x.id = 7 * q.id) FROM queries q, LATERAL (
	SELECT id FROM items ORDER BY items.v <=> q.v LIMIT 1) x;
SELECT bool_and((SELECT id FROM items ORDER BY items.v <=> q.v LIMIT 1) = 7 * q.id) FROM queries q;
SELECT q.id, x.id FROM (VALUES (1), (2)) t(tenant), queries q LEFT JOIN LATERAL (
	SELECT items.id FROM items WHERE tenant = q.id % 10 ORDER BY items.v <=> q.v LIMIT 1) x ON true
	WHERE q.id IN (3, 4) ORDER BY t.tenant, 1;
RESET enable_seqscan;
SELECT shared('(SELECT id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 5) UNION ALL
	(SELECT id FROM items ORDER BY v <=> make_vector(6, 24) LIMIT 5)');
SELECT shared('WITH near AS MATERIALIZED (SELECT * FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 9)
	SELECT id FROM near');
SELECT shared('SELECT id FROM (SELECT * FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 9) y WHERE id % 2 = 1');
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24), id DESC LIMIT 9', false);	-- from PostgreSQL 16 on it does
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24) OFFSET 5 LIMIT 9');
SELECT shared('SELECT id FROM items ORDER BY v <=> make_vector(5, 24) FETCH FIRST 9 ROWS WITH TIES');
SELECT shared('SELECT unnest(ARRAY(SELECT id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 9)) AS id');
SELECT shared('SELECT id FROM items WHERE id IN (SELECT id FROM items ORDER BY v <=> make_vector(5, 24) LIMIT 9)
	ORDER BY id');

-- rows nearer to one another than re-rank codes are exact, on a circle: each finds itself and
-- its neighbours, and is found by as few lists as asked for, or all
CREATE TABLE circle AS SELECT i AS id, (SELECT array_agg(sin(i * 12.9 + d * 78.2)::real ORDER BY d)
	FROM generate_series(1, 64) d)::angle_vector AS v FROM generate_series(1, 6000) i;
CREATE INDEX circle_v ON circle USING angle (v);
ANALYZE circle;
CREATE FUNCTION on_circle() RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	hits int := 0;
	last float8;
	q angle_vector;
BEGIN
	FOR i IN 1..20 LOOP
		q := (SELECT v FROM circle WHERE id = i * 37);
		SELECT max(d) INTO last FROM (SELECT v <=> q AS d FROM circle ORDER BY (v <=> q) + 0 LIMIT 10) x;
		hits := hits + (SELECT count(*) FROM (SELECT v <=> q AS d FROM circle ORDER BY v <=> q LIMIT 10) x
			WHERE d <= last);
	END LOOP;
	RETURN hits / 200.0;
END $$;
SET enable_seqscan = off;
SELECT scans('SELECT id FROM circle ORDER BY v <=> (SELECT v FROM circle LIMIT 1) LIMIT 10'),
	on_circle() >= 0.9 AS found, angle_index_recall('circle_v') >= 0.9 AS measured;
SET angle.probes = 1000;
SELECT on_circle() AS found, angle_index_recall('circle_v') AS measured;
RESET angle.probes;
RESET enable_seqscan;

-- a filter that the index does not know, below a LIMIT: of rows that were updated in place, of
-- fewer rows than are asked for, of as many, of none; and one that may be tested once only
CREATE TABLE kinds (id int, v angle_vector(24), kind int) WITH (fillfactor = 50);
INSERT INTO kinds SELECT i, make_vector(i, 24), i % 10 FROM generate_series(1, 3000) i;
CREATE INDEX items_v_kinds ON kinds USING angle (v);
UPDATE kinds SET kind = 10 WHERE id % 40 = 0;
DELETE FROM kinds WHERE id % 41 = 0;
ANALYZE kinds;
SELECT filter, shared(format($$SELECT id FROM kinds WHERE %s ORDER BY v <=> make_vector(5, 24) LIMIT 10$$, filter))
FROM unnest(ARRAY['kind = 10', 'kind = 3', 'kind = 0 AND id % 3 = 1', 'kind = 11', 'id <= 3', 'id <= 10',
	'kind = 4 AND random() < 2', 'kind IN (SELECT 4)']) AS filter;

-- an index on an expression does not evaluate it again, unless it is asked for
CREATE FUNCTION counted(i int) RETURNS angle_vector LANGUAGE plpgsql IMMUTABLE COST 100000 AS $$
BEGIN
	PERFORM nextval('public.calls');
	RETURN public.make_vector(i, 24);
END $$;
CREATE SEQUENCE calls;
CREATE TABLE texts WITH (autovacuum_enabled = off) AS SELECT id FROM items WHERE id <= 500;
CREATE INDEX texts_v ON texts USING angle (counted(id));
ANALYZE texts;
SET enable_seqscan = off;
CREATE FUNCTION calls_of(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	before bigint := (SELECT last_value FROM calls);
BEGIN
	EXECUTE query;
	RETURN (SELECT last_value FROM calls) - before;
END $$;
SELECT calls_of($$SELECT id FROM texts ORDER BY counted(id) <=> make_vector(5, 24) LIMIT 10$$);
SELECT calls_of($$SELECT id FROM texts ORDER BY counted(id) <=> make_vector(5, 24)$$);
SELECT calls_of($$SELECT count(*) FROM (SELECT id FROM texts ORDER BY counted(id) <=> make_vector(5, 24) LIMIT 10) x$$);
SELECT calls_of($$SELECT * FROM queries q, LATERAL (SELECT id FROM texts ORDER BY counted(id) <=> q.v LIMIT 2) x$$);
SELECT calls_of($$SELECT (SELECT id FROM texts ORDER BY counted(id) <=> q.v LIMIT 1) FROM queries q$$);
SELECT calls_of($$CREATE TABLE copy AS SELECT id FROM texts ORDER BY counted(id) <=> make_vector(5, 24) LIMIT 10$$);
SELECT calls_of($$SELECT id, counted(id) <=> make_vector(5, 24) FROM texts
	ORDER BY counted(id) <=> make_vector(5, 24) LIMIT 10$$);
-- columns that other nodes read are there
SELECT id FROM texts ORDER BY counted(id) <=> make_vector(5, 24) FETCH FIRST 1 ROW WITH TIES;
SELECT id FROM texts ORDER BY counted(id) <=> make_vector(5, 24), id LIMIT 1;
RESET enable_seqscan;

DROP TABLE items, queries, parts, texts, expected, copy, circle, kinds;
DROP SEQUENCE calls;
DROP FUNCTION make_vector, scans, shared, on_circle, counted, calls_of;
