-- Vectors made of vectors.
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

SELECT '[1,2,3]'::angle_vector + '[10,20,30]' AS sum,
	'[1,2,3]'::angle_vector - '[10,20,30]' AS difference,
	'[1,2,-3]'::angle_vector * '[10,0,30]' AS product,
	'[1,2]'::angle_vector || '[3]' AS concatenation;
SELECT vector_dims('[1,2,3]'::angle_vector), vector_norm('[3,4]'::angle_vector),
	vector_norm('[0,0]'::angle_vector), vector_norm('[3e37,4e37]'::angle_vector);
SELECT l2_normalize('[3,4]'::angle_vector), l2_normalize('[0,0]'::angle_vector),
	l2_normalize('[3e-45,0]'::angle_vector), l2_normalize('[3e38,3e38]'::angle_vector);
SELECT subvector(v, 1, 2), subvector(v, 2, 3), subvector(v, -1, 4),
	subvector(v, 5, 2147483647)
FROM (SELECT '[1,2,3,4,5]'::angle_vector) s(v);
SELECT NULL::angle_vector + '[1]', vector_norm(NULL::angle_vector) IS NULL AS no_norm;

\x on
SELECT command, f.* FROM unnest(ARRAY[
	$$SELECT '[1,2]'::angle_vector + '[1]'$$,
	$$SELECT '[1,2]'::angle_vector - '[1]'$$,
	$$SELECT '[1,2]'::angle_vector * '[1]'$$,
	$$SELECT '[3e38]'::angle_vector + '[3e38]'$$,
	$$SELECT '[-3e38]'::angle_vector - '[3e38]'$$,
	$$SELECT '[1e20]'::angle_vector * '[1e20]'$$,
	$$SELECT '[1e-30]'::angle_vector * '[1e-30]'$$,
	$$SELECT array_fill(1, ARRAY[9000])::angle_vector || array_fill(1, ARRAY[9000])::angle_vector$$,
	$$SELECT subvector('[1,2,3]'::angle_vector, 4, 1)$$,
	$$SELECT subvector('[1,2,3]'::angle_vector, 2, 0)$$,
	$$SELECT subvector('[1,2,3]'::angle_vector, -2147483648, -2147483648)$$
]) command, pg_temp.failure(command) f;
\x off
