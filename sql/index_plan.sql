-- Which plan is chosen: the index where it wins, something else where that does.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
-- rows are as large as with a vector of 256 dimensions
CREATE TABLE docs (id int PRIMARY KEY, v angle_vector(32) NOT NULL, tenant int, word text,
	body text DEFAULT repeat('x', 900));
INSERT INTO docs
	SELECT i, (SELECT array_agg((sin(i * 12.9898 + d * 78.233) + 2 * sin((i % 17) * 3.1 + d))::real
		ORDER BY d) FROM generate_series(1, 32) d)::angle_vector, i % 1000, 'word ' || i % 10
	FROM generate_series(1, 20000) i;
CREATE INDEX docs_v ON docs USING angle (v);
CREATE INDEX docs_tenant ON docs (tenant);
ANALYZE docs;
CREATE TABLE few AS SELECT * FROM docs WHERE id <= 40;
CREATE INDEX few_v ON few USING angle (v);
ANALYZE few;
SET max_parallel_workers_per_gather = 0;

-- EXPLAIN with one name for the result of a subquery, which PostgreSQL 17 calls otherwise
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		line := regexp_replace(line, ' \(returns \$\d+\)', '');
		RETURN NEXT regexp_replace(line, '\(InitPlan \d+\)\.col1|\$\d+', 'initplan', 'g');
	END LOOP;
END $$;

-- a few of many
SELECT plan($$SELECT id FROM docs ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
-- all of them: sorting is cheaper
SELECT plan($$SELECT id FROM docs ORDER BY v <=> (SELECT v FROM few WHERE id = 1)$$);
-- a table of a few pages
SELECT plan($$SELECT id FROM few ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
-- twenty rows of a tenant
SELECT plan($$SELECT id FROM docs WHERE tenant = 7
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
-- a filter that one row in ten passes
SELECT plan($$SELECT id FROM docs WHERE word = 'word 3'
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
-- one row by its key
SELECT plan($$SELECT id FROM docs WHERE id = 5
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
-- no order, or that of another distance, is nothing for the index
SELECT plan($$SELECT count(*) FROM docs$$);
SELECT plan($$SELECT id FROM docs ORDER BY v <-> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
SELECT plan($$SELECT id FROM docs ORDER BY v <=> (SELECT v FROM few WHERE id = 1) DESC LIMIT 10$$);
-- two orders
SELECT plan($$SELECT id FROM docs ORDER BY v <=> (SELECT v FROM few WHERE id = 1),
	v <=> (SELECT v FROM few WHERE id = 2) LIMIT 10$$);
-- for each of some rows
SELECT plan($$SELECT few.id, x.id FROM few, LATERAL (
	SELECT id FROM docs ORDER BY docs.v <=> few.v LIMIT 3) x$$);
-- a column of the index decides
DROP INDEX docs_tenant, docs_v;
CREATE INDEX docs_v ON docs USING angle (v, tenant);
SELECT plan($$SELECT id FROM docs WHERE tenant = 7
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 5$$);

-- The scans of a plan, but for that of the query's vector.
CREATE FUNCTION scans(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		line := substring(line FROM '((Seq|Index|Index Only|Bitmap Heap) Scan( using \w+)? on \w+)');
		IF line <> 'Seq Scan on few' THEN
			found := found || line;
		END IF;
	END LOOP;
	RETURN array_to_string(found, ', ');
END $$;
DROP INDEX docs_v;
CREATE INDEX docs_v ON docs USING angle (v);
-- the more rows are wanted, the less it is worth
SELECT wanted, scans('SELECT id FROM docs ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT ' || wanted)
	FROM unnest(ARRAY[1, 10, 100, 10000]) AS wanted;
-- and the fewer rows pass a filter, of which statistics know
SELECT filter, scans(format('SELECT id FROM docs WHERE %s
		ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10', filter))
	FROM unnest(ARRAY['id % 2 >= 0', $$word IN ('word 1', 'word 2', 'word 3', 'word 4', 'word 5')$$,
		'tenant < 5', 'tenant = 7', 'id + 0 = 5']) AS filter;
-- nor are there more than the filter leaves
SELECT scans($$SELECT id FROM docs WHERE tenant = 7
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 1000$$);
-- by a bitmap, where an index has the rows of the filter
CREATE INDEX docs_tenant ON docs (tenant);
SELECT filter, scans(format('SELECT id FROM docs WHERE %s
		ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10', filter))
	FROM unnest(ARRAY['tenant < 5', 'tenant < 800']) AS filter;
-- a join that looks for each row's partner, a count of what LIMIT leaves, a condition on the distance
SELECT scans($$SELECT a.id, b.word FROM docs a JOIN docs b ON b.id = a.id + 1
	ORDER BY a.v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
SELECT scans($$SELECT count(*) FROM (SELECT id FROM docs
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10) x$$);
SELECT scans($$SELECT id FROM docs WHERE v <=> (SELECT v FROM few WHERE id = 1) < 0.5
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
-- an exact search reads all of the index, which is smaller than the table still
SET angle.recall_target = 1;
SELECT scans($$SELECT id FROM docs ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 1$$);
RESET angle.recall_target;
-- for each of some rows, in a table where it is worth it and in one where it is not
SELECT scans($$SELECT few.id, x.id FROM few, LATERAL (
	SELECT id FROM docs ORDER BY docs.v <=> few.v LIMIT 3) x$$);
CREATE TABLE small AS SELECT * FROM docs WHERE id <= 30;
CREATE INDEX small_v ON small USING angle (v);
ANALYZE small;
SELECT scans($$SELECT few.id, x.id FROM few, LATERAL (
	SELECT id FROM small ORDER BY small.v <=> few.v LIMIT 3) x$$);
-- of a partitioned table each partition by itself
CREATE TABLE parts (LIKE docs) PARTITION BY RANGE (id);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10000) TO (MAXVALUE);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10000);
INSERT INTO parts SELECT * FROM docs;
CREATE INDEX parts_v ON parts USING angle (v);
ANALYZE parts;
SELECT scans($$SELECT id FROM parts ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
SELECT scans($$SELECT id FROM parts WHERE id < 10000
	ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10$$);
SELECT scans($$SELECT id FROM parts ORDER BY v <=> (SELECT v FROM few WHERE id = 1)$$);
-- a partial index has as many rows as pass its condition
CREATE TABLE partial AS SELECT * FROM docs;
CREATE INDEX partial_v ON partial USING angle (v) WHERE tenant < 500;
ANALYZE partial;
SELECT filter, scans(format('SELECT id FROM partial WHERE %s
		ORDER BY v <=> (SELECT v FROM few WHERE id = 1) LIMIT 10', filter))
	FROM unnest(ARRAY['tenant < 500', 'tenant < 500 AND tenant = 7', 'tenant < 600']) AS filter;
-- vectors that lie outside of their rows take long to fetch: the table has few pages, and yet
CREATE TABLE outside (id int, v angle_vector(700));
INSERT INTO outside SELECT id, (v || v || v || v || v || v || v || v || v || v || v || v || v || v || v || v || v
		|| v || v || v || v || subvector(v, 1, 28))::angle_vector(700) FROM docs WHERE id <= 2000;
CREATE INDEX outside_v ON outside USING angle (v);
ANALYZE outside;
SELECT relpages < 20 AS small FROM pg_class WHERE relname = 'outside';
SELECT scans($$SELECT id FROM outside ORDER BY v <=> (SELECT v FROM outside WHERE id = 1) LIMIT 10$$);
DROP TABLE small, parts, partial, outside;
DROP INDEX docs_tenant, docs_v;
CREATE INDEX docs_v ON docs USING angle (v, tenant);

-- what is found: ten rows under any filter, in order, and as many as were asked for
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id), bool_and(d >= before) FROM (
	SELECT id, d, lag(d, 1, 0::float8) OVER () AS before FROM (
		SELECT id, v <=> (SELECT v FROM few WHERE id = 3) AS d FROM docs WHERE word = 'word 3'
		ORDER BY v <=> (SELECT v FROM few WHERE id = 3) LIMIT 100) x) y;
SELECT count(*) FROM (SELECT id FROM docs WHERE tenant = 7
	ORDER BY v <=> (SELECT v FROM few WHERE id = 3) LIMIT 20) x;
SELECT count(*) FROM (SELECT id FROM docs WHERE id % 5000 = 4
	ORDER BY v <=> (SELECT v FROM few WHERE id = 3) LIMIT 20) x;

-- recall follows its target
SELECT angle_index_recall('docs_v') >= 0.9 AS enough;
SET angle.recall_target = 0.99;
SELECT angle_index_recall('docs_v') >= 0.96 AS enough;
SET angle.recall_target = 1;
SELECT angle_index_recall('docs_v') AS all;
-- probes decide, but not for what it is compared with
SET angle.probes = 1;
SELECT angle_index_recall('docs_v', 100) < 0.9 AS little;
SET angle.probes = 1000000;
SELECT angle_index_recall('docs_v') >= 0.98 AS nearly_all;
DROP TABLE docs, few;
DROP FUNCTION plan(text), scans(text);
