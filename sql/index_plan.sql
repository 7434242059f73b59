-- Which plan is chosen: the index where it wins, something else where that does.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
CREATE TABLE docs (id int PRIMARY KEY, v angle_vector(32) NOT NULL, tenant int, word text);
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
SET angle.probes = 1000000;
SELECT angle_index_recall('docs_v') >= 0.98 AS nearly_all;
DROP TABLE docs, few;
DROP FUNCTION plan(text);
