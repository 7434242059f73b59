-- Text form, type modifier, storage, and the errors of both.
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

SELECT '[1,2,3]'::angle_vector, ' [ 1.0 , +2.50,-3e-4,.5 ] '::angle_vector;
SELECT '[-0,1e-45,3.4028235e38,1.17549435e-38,16777217]'::angle_vector;

-- Output is the shortest text that reads back as the same number.
SET extra_float_digits = 0;
SELECT '[0.1,0.30000001192092896,123456789,1e10,1e20]'::angle_vector;
RESET extra_float_digits;
WITH random AS (
	SELECT array_agg((sin(i) * 10 ^ (i % 60 - 30))::real)::angle_vector AS v
	FROM generate_series(1, 10000) i
)
SELECT v::text::angle_vector = v AS same FROM random;

-- The most dimensions that there are.
SELECT vector_dims(array_fill(1.5::real, ARRAY[16000])::angle_vector::text::angle_vector);

-- A type modifier is a length that must be met; nothing is cut or padded.
SELECT '[1,2,3]'::angle_vector(3), '[1,2,3]'::angle_vector::angle_vector(3);
CREATE TABLE typed (a angle_vector(3), b angle_vector);
INSERT INTO typed VALUES ('[1,2,3]', '[1]'), (NULL, NULL);
SELECT * FROM typed;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'typed'::regclass AND attnum > 0 ORDER BY attnum;
SELECT typstorage, typlen, typalign, typbyval FROM pg_type
WHERE typname = 'angle_vector';

\x on
SELECT command, f.* FROM unnest(ARRAY[
	$$SELECT '1,2'::angle_vector$$,
	$$SELECT '[1,2'::angle_vector$$,
	$$SELECT '[1,two,3]'::angle_vector$$,
	$$SELECT '[1,2}'::angle_vector$$,
	$$SELECT '[1,2] 3'::angle_vector$$,
	$$SELECT '[]'::angle_vector$$,
	$$SELECT '[1,NaN]'::angle_vector$$,
	$$SELECT '[-Infinity]'::angle_vector$$,
	$$SELECT '[1,4e38]'::angle_vector$$,
	$$SELECT '[1,1e-50]'::angle_vector$$,
	$$SELECT ('[' || repeat('1,', 16000) || '1]')::angle_vector$$,
	$$SELECT ('[' || repeat('x', 100))::angle_vector$$,
	$$SELECT '[1,2]'::angle_vector(3)$$,
	$$SELECT '[1,2]'::angle_vector::angle_vector(3)$$,
	$$INSERT INTO typed (a) VALUES ('[1,2]')$$,
	$$INSERT INTO typed (a) SELECT b FROM typed$$,
	$$CREATE TABLE bad (a angle_vector(0))$$,
	$$CREATE TABLE bad (a angle_vector(16001))$$,
	$$CREATE TABLE bad (a angle_vector(3, 4))$$,
	$$CREATE TABLE bad (a angle_vector(x))$$
]) command, pg_temp.failure(command) f;
\x off

-- Where PostgreSQL can ask whether a text is valid, the answer is no error.
SELECT current_setting('server_version_num')::int >= 160000 AS asks \gset
\set ECHO none
\if :asks
SELECT pg_input_is_valid('[1,2', 'angle_vector') AS unfinished,
	pg_input_is_valid('[1,2]', 'angle_vector(3)') AS too_short,
	pg_input_is_valid('[1,2]', 'angle_vector(2)') AS good;
\else
SELECT false AS unfinished, false AS too_short, true AS good;
\endif
\set ECHO all
DROP TABLE typed;

-- Elements look as values of type real do.
SELECT count(*) AS numbers, count(*) FILTER (WHERE '[' || x || ']' <> ARRAY[x]::angle_vector::text) AS different
FROM (SELECT (sin(i) * 10 ^ (i % 13 - 6))::real AS x FROM generate_series(1, 50000) AS i
	UNION ALL SELECT (i / 1024.0)::real FROM generate_series(-3000, 3000) AS i
	UNION ALL SELECT (2.0 ^ i)::real FROM generate_series(-126, 127) AS i) AS s;
