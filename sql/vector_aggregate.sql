-- avg and sum, alone and by parallel workers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
RESET client_min_messages;

-- What a command fails with.
CREATE FUNCTION pg_temp.failure(command text,
	OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	message := 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
		message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
END $$;

CREATE TABLE numbers (id int, v angle_vector);
SELECT avg(v), sum(v) FROM numbers;
INSERT INTO numbers VALUES (1, NULL);
SELECT avg(v), sum(v) FROM numbers;
INSERT INTO numbers VALUES (2, '[1,2]'), (3, '[2,4]'), (4, '[6,0]');
SELECT avg(v), sum(v), count(v) FROM numbers;
SELECT id % 2 AS odd, avg(v), sum(v) FROM numbers GROUP BY 1 ORDER BY 1;
SELECT id, sum(v) OVER (ORDER BY id), avg(v) OVER (ORDER BY id ROWS 1 PRECEDING)
FROM numbers ORDER BY id;

-- The state is in double precision: no overflow on the way, no lost ones.
SELECT avg(v) FROM (VALUES ('[3e38]'::angle_vector), ('[3e38]'), ('[3e38]')) t(v);
SELECT sum(v) FROM (VALUES ('[16777216]'::angle_vector), ('[1]'), ('[1]')) t(v);

-- Parallel workers give what one gives.
CREATE TABLE many (id int, v angle_vector);
INSERT INTO many SELECT i, ARRAY[i, i % 10, -i]::angle_vector
FROM generate_series(1, 20000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
CREATE FUNCTION pg_temp.partial(command text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE line text; found bool := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || command LOOP
		found := found OR line LIKE '%Partial Aggregate%';
	END LOOP;
	RETURN found;
END $$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.partial('SELECT avg(v), sum(v) FROM many') AS parallel;
SELECT avg(v), sum(v) FROM many;
SELECT avg(v), sum(v) FROM many WHERE id = 7;
SELECT avg(v), sum(v) FROM many WHERE id < 0;
SET max_parallel_workers_per_gather = 0;
SELECT avg(v), sum(v) FROM many;
RESET max_parallel_workers_per_gather;

-- The combine function, with every kind of empty.
SELECT angle_vector_combine('{0}', '{0}'), angle_vector_combine('{0}', '{1,2}'),
	angle_vector_combine('{1,2}', '{0}'), angle_vector_combine('{1,2}', '{3,4}');

\x on
SELECT command, f.* FROM unnest(ARRAY[
	$$SELECT avg(v) FROM (VALUES ('[1]'::angle_vector), ('[1,2]')) t(v)$$,
	$$SELECT sum(v) FROM (VALUES ('[3e38]'::angle_vector), ('[3e38]')) t(v)$$,
	$$SELECT angle_vector_combine('{1,2}', '{1,2,3}')$$,
	$$SELECT angle_vector_accum('{}', '[1]')$$,
	$$SELECT angle_vector_accum('{{0}}', '[1]')$$,
	$$SELECT angle_vector_accum('{NULL}', '[1]')$$,
	$$SELECT angle_vector_avg('{1,NaN}')$$,
	$$SELECT angle_vector_avg('{1}')$$,
	$$SELECT angle_vector_sum(array_fill(0::float8, ARRAY[16002]))$$
]) command, pg_temp.failure(command) f;
\x off
DROP TABLE numbers, many;
