-- Binary form, well and badly made. A bytea column gives a binary COPY any
-- bytes that a test needs.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
RESET client_min_messages;

CREATE TABLE source (id int, v angle_vector);
INSERT INTO source SELECT i, array_agg(sin(i * j))::angle_vector
FROM generate_series(1, 50) i, generate_series(1, 10 * i) j GROUP BY i;
INSERT INTO source VALUES (51, NULL), (52, '[-0,1e-45,3.4028235e38]');
CREATE TABLE target (LIKE source);
\copy source TO 'results/vector.bin' (FORMAT binary)
\copy target FROM 'results/vector.bin' (FORMAT binary)
SELECT count(*), count(v) FROM source JOIN target USING (id, v);
SELECT count(*) FROM (TABLE source EXCEPT ALL TABLE target) difference;

-- int16 dimensions, int16 zero, float4 elements, all big-endian.
SELECT angle_vector_send('[1,-2.5]');

-- Good, then one mistake in each.
CREATE TABLE one (v angle_vector);
CREATE TABLE three (v angle_vector(3));
\copy (SELECT '\x0001 0000 3f800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
SELECT * FROM one;
\set SHOW_CONTEXT never
\copy three FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x0001 0001 3f800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x0002 0000 3f800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x0001 0000 3f800000 3f800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x0001 0000 3f80'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x0000 0000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\xffff 0000 3f800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x3e81 0000 3f800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x0002 0000 3f800000 7fc00000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x0001 0000 ff800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\copy (SELECT '\x00'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\set VERBOSITY sqlstate
\copy (SELECT '\x0001 0001 3f800000'::bytea) TO 'results/vector.bin' (FORMAT binary)
\copy one FROM 'results/vector.bin' (FORMAT binary)
\set VERBOSITY default
SELECT * FROM one;
DROP TABLE source, target, one, three;
