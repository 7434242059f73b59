-- The index access method: the same rows with and without the index when all are
-- asked for, at every stage of a table's life.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
SET angle.recall_target = 1;

-- deterministic vectors in clusters
CREATE FUNCTION make_vector(i int, dims int) RETURNS angle_vector
	LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i * 12.9898 + d * 78.233) + 2 * sin((i % 17) * 3.1 + d))::real
		ORDER BY d)::angle_vector FROM generate_series(1, dims) d $$;

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

-- Whether the index gives the rows of a sequential scan for an order and a LIMIT,
-- by their distances, which equal rows share.
CREATE FUNCTION same_rows(relation text, ordering text, filter text DEFAULT 'true',
	wanted int DEFAULT 50) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT array_agg(d ORDER BY n) FROM (SELECT d, row_number() OVER () AS n FROM (
		SELECT %2$s AS d FROM %1$s WHERE %3$s AND %2$s IS NOT NULL ORDER BY %2$s LIMIT %4$s) x) y',
		relation, ordering, filter, wanted);
	by_index float8[];
	by_scan float8[];
	line text;
	plan text := '';
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line;
	END LOOP;
	EXECUTE query INTO by_index;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_sort = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE query INTO by_scan;
	SET LOCAL enable_indexscan = on;
	IF plan !~ 'Order By: ' THEN
		RETURN 'no index: ' || plan;
	END IF;
	RETURN CASE WHEN by_index IS NOT DISTINCT FROM by_scan
		THEN 'same ' || coalesce(cardinality(by_index), 0)
		ELSE format('different: %s and %s', by_index[1:5], by_scan[1:5]) END;
END $$;

CREATE TABLE items (id serial, v angle_vector(24), tenant int, name text, day date,
	flag boolean, code uuid, size bigint);
INSERT INTO items (v, tenant, name, day, flag, code, size)
	SELECT make_vector(i, 24), i % 10, 'name ' || i % 7, date '2024-01-01' + i % 30,
		i % 3 = 0, md5((i % 5)::text)::uuid, i
	FROM generate_series(1, 3000) i;
INSERT INTO items (v, tenant) SELECT v, tenant FROM items WHERE id <= 300;	-- duplicates
INSERT INTO items (v) SELECT make_vector(i, 24) FROM generate_series(1, 20) i;	-- without a tenant
INSERT INTO items (v) VALUES (NULL), (array_fill(0, ARRAY[24])::real[]);

CREATE INDEX items_cosine ON items USING angle (v);
SELECT metric, dimensions, rerank, rows, calibrated FROM angle_index_info('items_cosine');
SELECT angle_index_check('items_cosine');
SELECT same_rows('items', 'v <=> make_vector(5, 24)');
SELECT same_rows('items', 'v <=> make_vector(5000, 24)', 'true', 3300);
SELECT same_rows('items', 'v <^> make_vector(6, 24)');
SELECT same_rows('items', 'v <@> make_vector(7, 24)');
SELECT same_rows('items', 'v <@> make_vector(7, 24)', 'true', 3300);
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'tenant = 3');

-- NULL and zero vectors are not in the index, and as queries they give all rows
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> NULL) x;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> array_fill(0, ARRAY[24])::real[]::angle_vector) x;
SELECT DISTINCT d FROM (SELECT v <=> array_fill(0, ARRAY[24])::real[]::angle_vector AS d
	FROM items WHERE v <> array_fill(0, ARRAY[24])::real[]::angle_vector ORDER BY 1) x;
SELECT id FROM items ORDER BY v <=> '[1,2,3]' LIMIT 1;
RESET enable_seqscan;
DROP INDEX items_cosine;

-- the other operator classes
CREATE INDEX items_l2 ON items USING angle (v angle_vector_l2_ops) WITH (rerank = 4);
SELECT metric, rerank, rows FROM angle_index_info('items_l2');
SELECT same_rows('items', 'v <-> make_vector(5, 24)');
SELECT same_rows('items', 'v <-> make_vector(5000, 24)', 'true', 3400);
DROP INDEX items_l2;
CREATE INDEX items_ip ON items USING angle (v angle_vector_ip_ops) WITH (rerank = 16);
SELECT metric, rerank, rows FROM angle_index_info('items_ip');
SELECT same_rows('items', 'v <#> make_vector(5, 24)');
SELECT same_rows('items', 'v <#> make_vector(5000, 24)', 'true', 3400);
DROP INDEX items_ip;

-- columns for filters
CREATE INDEX items_keys ON items USING angle (v, tenant, name, day, flag, code, size);
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'tenant = 3');
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'tenant IN (3, 5, NULL)');
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'tenant = 3::bigint AND size > 100');
SELECT same_rows('items', 'v <=> make_vector(5, 24)', $$name = 'name 3'$$);
SELECT same_rows('items', 'v <=> make_vector(5, 24)', $$name IN ('name 3', 'name 5')$$);
SELECT same_rows('items', 'v <=> make_vector(5, 24)', $$name > 'name 3' AND day >= '2024-01-20'$$);
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'flag = true');
SELECT same_rows('items', 'v <=> make_vector(5, 24)', $$code = md5('2')::uuid$$);
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'tenant IS NULL AND vector_norm(v) > 0');
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'tenant = (SELECT NULL::int)');
SET enable_seqscan = off;
SELECT plan($$SELECT id FROM items WHERE tenant = 3 AND name = 'name 1'
	ORDER BY v <=> (SELECT make_vector(5, 24)) LIMIT 3$$);
RESET enable_seqscan;
DROP INDEX items_keys;

-- an index that grows from nothing, loses rows and gets them back
CREATE TABLE grown (id int, v angle_vector(24), tenant smallint);
CREATE INDEX grown_v ON grown USING angle (v, tenant);
SELECT dimensions, rows, lists FROM angle_index_info('grown_v');
SELECT angle_index_check('grown_v');
SELECT same_rows('grown', 'v <=> make_vector(5, 24)');
INSERT INTO grown VALUES (1, make_vector(1, 24), 1);
SELECT same_rows('grown', 'v <=> make_vector(5, 24)');
INSERT INTO grown SELECT i, make_vector(i, 24), i % 10 FROM generate_series(2, 5000) i;
SELECT angle_index_check('grown_v');
SELECT same_rows('grown', 'v <=> make_vector(5, 24)', 'true', 5000);
SELECT same_rows('grown', 'v <=> make_vector(5, 24)', 'tenant = 7');
DELETE FROM grown WHERE id % 2 = 0;
SELECT same_rows('grown', 'v <=> make_vector(5, 24)', 'true', 5000);
VACUUM grown;
SELECT angle_index_check('grown_v');
SELECT same_rows('grown', 'v <=> make_vector(5, 24)', 'true', 5000);
INSERT INTO grown SELECT i, make_vector(i, 24), i % 10 FROM generate_series(2, 5000, 2) i;
UPDATE grown SET tenant = tenant + 1 WHERE id <= 100;
SELECT same_rows('grown', 'v <=> make_vector(5, 24)', 'true', 5000);
-- the same row a thousand times
INSERT INTO grown SELECT 0, make_vector(9, 24), 1 FROM generate_series(1, 1000);
SELECT angle_index_check('grown_v') >= 6000;
SELECT same_rows('grown', 'v <=> make_vector(9, 24)', 'true', 1200);
REINDEX INDEX grown_v;
SELECT angle_index_check('grown_v');
SELECT same_rows('grown', 'v <=> make_vector(5, 24)', 'true', 6000);
TRUNCATE grown;
SELECT dimensions, rows FROM angle_index_info('grown_v');
INSERT INTO grown SELECT i, make_vector(i, 24), 1 FROM generate_series(1, 100) i;
SELECT same_rows('grown', 'v <=> make_vector(5, 24)');

-- every size of vectors
CREATE FUNCTION try_dimensions(dims int, amount int, bits int) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	CREATE TABLE sized (v angle_vector);
	EXECUTE format('CREATE INDEX sized_v ON sized USING angle (v angle_vector_l2_ops) WITH (rerank = %s)', bits);
	INSERT INTO sized SELECT make_vector(i, dims) FROM generate_series(1, amount) i;
	result := same_rows('sized', format('v <-> make_vector(5, %s)', dims), 'true', amount)
		|| ', ' || angle_index_check('sized_v');
	REINDEX INDEX sized_v;
	result := result || '; ' || same_rows('sized', format('v <-> make_vector(5, %s)', dims), 'true', amount)
		|| ', ' || angle_index_check('sized_v');
	DROP TABLE sized;
	RETURN result;
END $$;
SELECT dims, try_dimensions(dims, 400, 8) FROM unnest(ARRAY[1, 2, 3, 17, 384, 768, 1537]) dims;
SELECT dims, bits, try_dimensions(dims, 40, bits)
	FROM (VALUES (2049, 4), (2049, 16), (16000, 4), (16000, 8), (16000, 16)) AS v(dims, bits);

-- expressions, partial and partitioned tables, no statistics of any kind
CREATE TABLE texts (id int, body text);
INSERT INTO texts VALUES (1, 'a cat'), (2, 'a dog'), (3, 'interest rates');
CREATE INDEX texts_body ON texts USING angle (angle_embed(body, 'angle-mini'));
SET enable_seqscan = off;
SELECT plan($$SELECT id FROM texts
	ORDER BY angle_embed(body, 'angle-mini') <=> (SELECT angle_embed('kitten', 'angle-mini')) LIMIT 2$$);
SELECT id FROM texts
	ORDER BY angle_embed(body, 'angle-mini') <=> angle_embed('kitten', 'angle-mini') LIMIT 2;
RESET enable_seqscan;
CREATE INDEX items_part ON items USING angle (v) WHERE tenant = 3;
SELECT rows FROM angle_index_info('items_part');
SELECT same_rows('items', 'v <=> make_vector(5, 24)', 'tenant = 3');
CREATE TABLE parted (id int, v angle_vector(24)) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (500);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (500) TO (1000);
CREATE INDEX parted_v ON parted USING angle (v);
INSERT INTO parted SELECT i, make_vector(i, 24) FROM generate_series(0, 999) i;
SELECT same_rows('parted', 'v <=> make_vector(5, 24)', 'true', 1000);
CREATE UNLOGGED TABLE unlogged (v angle_vector(24));
CREATE INDEX unlogged_v ON unlogged USING angle (v);
INSERT INTO unlogged SELECT make_vector(i, 24) FROM generate_series(1, 500) i;
SELECT same_rows('unlogged', 'v <=> make_vector(5, 24)', 'true', 1000);
CREATE TEMP TABLE temporary (v angle_vector(24));
CREATE INDEX temporary_v ON temporary USING angle (v);
INSERT INTO temporary SELECT make_vector(i, 24) FROM generate_series(1, 500) i;
SELECT same_rows('temporary', 'v <=> make_vector(5, 24)', 'true', 1000);

-- joins and cursors
SET enable_seqscan = off;
SELECT q.i, count(*), bool_and(d >= 0) FROM generate_series(1, 3) q(i), LATERAL (
	SELECT v <=> make_vector(q.i, 24) AS d FROM grown ORDER BY v <=> make_vector(q.i, 24) LIMIT 5) x
GROUP BY 1 ORDER BY 1;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM grown ORDER BY v <=> make_vector(3, 24);
FETCH 2 FROM c;
DELETE FROM grown WHERE id < 50;
MOVE 97 FROM c;
FETCH 2 FROM c;
COMMIT;
RESET enable_seqscan;

-- rows that are all equal come in more than one batch, each of which is one list
CREATE TABLE equal (id int, v angle_vector(6000));
INSERT INTO equal SELECT i, (SELECT array_agg(d) FROM generate_series(1, 6000) d)::angle_vector
	FROM generate_series(1, 100) i;
SET maintenance_work_mem = '1MB';
CREATE INDEX equal_v ON equal USING angle (v);
RESET maintenance_work_mem;
SELECT angle_index_check('equal_v');
SELECT angle_index_recall('equal_v', samples => 5);
DROP TABLE equal;

-- mistakes
CREATE INDEX ON items USING angle (tenant);
CREATE INDEX ON items USING angle (v, v);
CREATE INDEX ON items USING angle (v) WITH (rerank = 5);
CREATE INDEX ON items USING angle (v) WITH (rerank = 32);
CREATE UNIQUE INDEX ON items USING angle (v);
CREATE INDEX ON items USING angle (v DESC);
CREATE TABLE loose (v angle_vector);
CREATE INDEX loose_v ON loose USING angle (v);
INSERT INTO loose VALUES ('[1,2,3]');
INSERT INTO loose VALUES ('[1,2]');
DROP INDEX loose_v;
INSERT INTO loose VALUES ('[1,2]');
CREATE INDEX loose_v ON loose USING angle (v);
SELECT angle_index_check('items');
SELECT angle_index_recall('items_part', 0);
SELECT angle_index_recall('items_part', 10, 0);
SET angle.recall_target = 1.5;
SET angle.probes = -1;

-- operator classes are what the access method expects
SELECT opcname FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'angle')
	AND NOT amvalidate(oid);

DROP TABLE items, grown, texts, parted, unlogged, temporary, loose;
DROP FUNCTION make_vector, same_rows, try_dimensions;
DROP FUNCTION plan(text);
