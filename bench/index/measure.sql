-- What bench/index/run measures. Both types hold the same bytes in one table each.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION angle;
CREATE EXTENSION vector;
SELECT angle_install_pgvector_casts() \g /dev/null
SELECT 'PostgreSQL ' || current_setting('server_version') || ', pgvector ' || extversion
FROM pg_extension WHERE extname = 'vector';

CREATE TEMP TABLE loaded (n serial, v angle_vector);
COPY loaded (v) FROM :'file' WITH (FORMAT binary);
DELETE FROM loaded WHERE n > :rows;
SELECT vector_dims(v) AS dims, count(*) AS total FROM loaded GROUP BY 1 \gset
CREATE TABLE queries AS SELECT n, v FROM loaded WHERE n > :total - 200;
CREATE TABLE ours (id int PRIMARY KEY, v angle_vector(:dims));
CREATE TABLE theirs (id int PRIMARY KEY, v vector(:dims));
INSERT INTO ours SELECT n, v FROM loaded WHERE n <= :total - 200 ORDER BY random();
INSERT INTO theirs SELECT id, v::vector FROM ours;
VACUUM ANALYZE ours, theirs;
SELECT format('%s rows of %s dimensions', count(*), :dims) FROM ours;

CREATE TABLE truth AS
	SELECT n, (SELECT array_agg(id) FROM (SELECT id FROM ours ORDER BY ours.v <=> queries.v LIMIT 10) x) AS ids
	FROM queries;

-- Searches for all queries twice, the second time with the clock.
CREATE FUNCTION search(side text, OUT recall numeric, OUT per_second numeric) LANGUAGE plpgsql AS $$
DECLARE
	query record;
	found int[];
	hits int := 0;
	start timestamptz;
	spent interval := '0';
	statement text := format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY v <=> $1%s LIMIT 10) x',
		side, CASE side WHEN 'theirs' THEN '::vector' ELSE '' END);
BEGIN
	PERFORM set_config('enable_seqscan', 'off', false);
	FOR round IN 1..2 LOOP
		hits := 0;
		spent := '0';
		FOR query IN SELECT n, v, ids FROM queries JOIN truth USING (n) LOOP
			start := clock_timestamp();
			EXECUTE statement INTO found USING query.v;
			spent := spent + (clock_timestamp() - start);
			hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f = ANY (query.ids));
		END LOOP;
	END LOOP;
	recall := round(hits / 2000.0, 4);
	per_second := round(200 / extract(epoch FROM spent));
END $$;

CREATE FUNCTION sweep(side text, setting text, steps text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	step text;
	result record;
BEGIN
	FOREACH step IN ARRAY steps LOOP
		PERFORM set_config(setting, step, false);
		result := search(side);
		RETURN NEXT format('    %-22s recall %s  %s/s', setting || ' ' || step, result.recall, result.per_second);
	END LOOP;
END $$;

CREATE PROCEDURE measure(side text, definition text, setting text, steps text[]) LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := clock_timestamp();
	line text;
	next int := (SELECT max(id) FROM ours) + 1000000;
BEGIN
	EXECUTE format('CREATE INDEX measured ON %s %s', side, definition);
	RAISE WARNING '% %: % s, % bytes', side, definition,
		round(extract(epoch FROM clock_timestamp() - start), 1), pg_relation_size('measured');
	FOR line IN SELECT sweep(side, setting, steps) LOOP
		RAISE WARNING '%', line;
	END LOOP;
	start := clock_timestamp();
	EXECUTE format('INSERT INTO %1$s SELECT id + %2$s, v FROM %1$s WHERE id %% 30 = 0', side, next);
	RAISE WARNING '    inserted %/s', round((SELECT count(*) FROM ours WHERE id % 30 = 0)
		/ extract(epoch FROM clock_timestamp() - start));
	EXECUTE format('DELETE FROM %s WHERE id >= %s', side, next);
	EXECUTE format('DELETE FROM %s WHERE id %% 15 = 1', side);
	COMMIT;
END $$;

\set QUIET off
CALL measure('ours', 'USING angle (v)', 'angle.recall_target', '{0.8,0.9,0.95,0.97,0.99,0.995}');
\timing on
VACUUM ours;
\timing off
DROP INDEX measured;
CALL measure('theirs', 'USING hnsw (v vector_cosine_ops)', 'hnsw.ef_search', '{20,40,80,160,320,640}');
\timing on
VACUUM theirs;
\timing off
