-- Casts from and to arrays.
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

SELECT ARRAY[1,2,3]::angle_vector AS int4,
	ARRAY[1.5,2.5]::real[]::angle_vector AS float4,
	ARRAY[0.1,1e-40]::float8[]::angle_vector AS float8,
	ARRAY[0.1,1e10]::numeric[]::angle_vector AS "numeric",
	'[5:6]={1,2}'::int[]::angle_vector AS bounds;
SELECT '[1,0.1]'::angle_vector::real[], ARRAY[1,2]::angle_vector(2),
	unnest('[1,2]'::angle_vector::real[]);

-- Arrays are assigned without a cast, and with the column's length.
CREATE TABLE assigned (v angle_vector(2));
INSERT INTO assigned VALUES (ARRAY[1,2]), (ARRAY[1.5,2.5]),
	('{1,2}'::real[]), ('{0.1,0.2}'::float8[]);
TABLE assigned;
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE 'angle_vector'::regtype IN (castsource, casttarget) ORDER BY 1::text, 2::text;

\x on
SELECT command, f.* FROM unnest(ARRAY[
	$$SELECT '{}'::int[]::angle_vector$$,
	$$SELECT '{{1,2},{3,4}}'::int[]::angle_vector$$,
	$$SELECT '{1,NULL}'::real[]::angle_vector$$,
	$$SELECT '{1,NaN}'::real[]::angle_vector$$,
	$$SELECT '{1,Infinity}'::float8[]::angle_vector$$,
	$$SELECT '{NaN}'::numeric[]::angle_vector$$,
	$$SELECT '{1e39}'::float8[]::angle_vector$$,
	$$SELECT '{1e-60}'::float8[]::angle_vector$$,
	$$SELECT '{1e39}'::numeric[]::angle_vector$$,
	$$SELECT ARRAY[1,2]::angle_vector(3)$$,
	$$INSERT INTO assigned VALUES (ARRAY[1,2,3])$$,
	$$SELECT array_fill(1, ARRAY[16001])::angle_vector$$
]) command, pg_temp.failure(command) f;
\x off
DROP TABLE assigned;

-- numeric goes through text: the float nearest to it, as by way of real
SELECT count(*), count(*) FILTER (WHERE n::angle_vector <> n::real[]::angle_vector)
FROM (SELECT array_agg(hashint4(i * 100 + j)::numeric / 10 ^ (j % 20)) AS n
	FROM generate_series(1, 50) AS i, generate_series(1, 40) AS j GROUP BY i) AS t;
