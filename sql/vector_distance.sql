-- Distances and similarities, each with its operator.
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

SET extra_float_digits = 0;

SELECT l2_distance(u, v), u <-> v AS operator FROM (VALUES
	('[0,0]'::angle_vector, '[3,4]'::angle_vector), ('[1,2]', '[1,2]'),
	('[3e38]', '[-3e38]'), ('[1e-45]', '[0]')) t(u, v);
SELECT l1_distance(u, v), u <+> v AS operator FROM (VALUES
	('[0,0]'::angle_vector, '[3,-4]'::angle_vector), ('[1,2]', '[1,2]'),
	('[3e38,3e38]', '[-3e38,-3e38]')) t(u, v);
SELECT inner_product(u, v), negative_inner_product(u, v), u <#> v AS operator
FROM (VALUES ('[1,2]'::angle_vector, '[3,4]'::angle_vector),
	('[1,0]', '[0,1]'), ('[1e30]', '[-1e30]')) t(u, v);
SELECT cosine_similarity(u, v), cosine_distance(u, v), u <=> v AS operator
FROM (VALUES ('[1,0]'::angle_vector, '[2,0]'::angle_vector),
	('[1,0]', '[0,2]'), ('[1,1]', '[-1,-1]'), ('[3,4]', '[4,3]'),
	('[1e-45]', '[3e38]')) t(u, v);
SELECT angular_distance(u, v), u <^> v AS operator
FROM (VALUES ('[1,0]'::angle_vector, '[0,2]'::angle_vector),
	('[1,2,3]', '[1,2,3]'), ('[1,2,3]', '[-1,-2,-3]'), ('[1,0]', '[1,1]'),
	('[1,0]', '[1,1e-10]'), ('[-1,0]', '[1,1e-10]')) t(u, v);
SELECT angle_similarity(u, v), angle_distance(u, v), u <@> v AS operator
FROM (VALUES ('[1,2,3,4]'::angle_vector, '[1,2,3,4]'::angle_vector),
	('[1,0]', '[0,1]'), ('[1,0]', '[1,1]'), ('[1,0]', '[1,-1]'),
	('[1,2,3]', '[4,5,6]'), ('[1,2,3,0]', '[4,5,6,0]')) t(u, v);

-- It cannot be exchanged: pi/4 forward is as near as can be, pi/4 back is not.
SELECT '[1,1]'::angle_vector <@> '[1,0]' AS forward,
	'[1,0]'::angle_vector <@> '[1,1]' AS back;
SELECT oprname, oprcom <> 0 AS commutes FROM pg_operator
WHERE oprleft = 'angle_vector'::regtype AND oprresult = 'float8'::regtype
ORDER BY oprname COLLATE "C";

-- Triangle inequality, which the cosine distance does not keep.
WITH v AS (
	SELECT i, array_agg(sin(i * 7 + j * j))::angle_vector AS v
	FROM generate_series(1, 20) i, generate_series(1, 9) j GROUP BY i
)
SELECT count(*) FILTER (WHERE a.v <^> c.v > (a.v <^> b.v) + (b.v <^> c.v) + 1e-6) AS angle,
	count(*) FILTER (WHERE a.v <=> c.v > (a.v <=> b.v) + (b.v <=> c.v) + 1e-6) > 0 AS cosine
FROM v a, v b, v c;

-- A zero vector has no direction; NaN sorts last.
SELECT v, v <=> '[1,1]' AS cosine, v <^> '[1,1]' AS angular, v <@> '[1,1]' AS angle
FROM (VALUES ('[0,0]'::angle_vector), ('[1,0]'), ('[1,1]'), (NULL)) t(v)
ORDER BY v <=> '[1,1]';

-- The nearest rows, by each operator.
CREATE TABLE items (id int, v angle_vector(3));
INSERT INTO items VALUES (1, '[1,0,0]'), (2, '[0.9,0.1,0]'), (3, '[0,1,0]'),
	(4, '[-5,0,0]'), (5, '[0,0,0]'), (6, '[20,2,0]');
SELECT '<->' AS operator, array_agg(id ORDER BY v <-> '[1,0,0]', id) FROM items
UNION ALL SELECT '<#>', array_agg(id ORDER BY v <#> '[1,0,0]', id) FROM items
UNION ALL SELECT '<+>', array_agg(id ORDER BY v <+> '[1,0,0]', id) FROM items
UNION ALL SELECT '<=>', array_agg(id ORDER BY v <=> '[1,0,0]', id) FROM items
UNION ALL SELECT '<^>', array_agg(id ORDER BY v <^> '[1,0,0]', id) FROM items
UNION ALL SELECT '<@>', array_agg(id ORDER BY v <@> '[1,0,0]', id) FROM items;

\x on
SELECT command, f.* FROM unnest(ARRAY[
	$$SELECT '[1,2]'::angle_vector <-> '[1]'$$,
	$$SELECT '[1,2]'::angle_vector <#> '[1]'$$,
	$$SELECT '[1,2]'::angle_vector <=> '[1]'$$,
	$$SELECT '[1,2]'::angle_vector <^> '[1]'$$,
	$$SELECT '[1,2]'::angle_vector <@> '[1]'$$,
	$$SELECT '[1,2]'::angle_vector <+> '[1]'$$
]) command, pg_temp.failure(command) f;
\x off
DROP TABLE items;
