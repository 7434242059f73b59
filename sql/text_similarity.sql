-- angle_text_similarity(): how alike two texts are.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
RESET client_min_messages;

-- The cosine of the embeddings, to the last bit, in both forms.
SELECT angle_text_similarity(a, b) = cosine_similarity(angle_embed(a), angle_embed(b)) AS same,
	angle_text_similarity(a, b) = angle_text_similarity(b, a) AS symmetric,
	angle_text_similarity(a, b, 'angle-mini') = angle_text_similarity(a, b) AS by_model
FROM (VALUES ('a cat on a mat', 'a kitten on a rug'), ('', 'x'), ('long ' || repeat('text ', 900), 'é')) AS v (a, b);
SELECT angle_text_similarity('a cat on a mat', 'a kitten on a rug') > 0.5 AS alike,
	angle_text_similarity('a cat on a mat', 'interest rates rose') < 0.2 AS different,
	angle_text_similarity('the same', 'the same') AS equal,
	angle_text_similarity('the same'::varchar, 'the same'::char(20)) AS types;
SELECT angle_text_similarity(NULL, 'x') AS a, angle_text_similarity('x', NULL) AS b,
	angle_text_similarity(NULL, 'x', 'angle-mini') AS model;

-- One side stays, the other side changes, and changes back.
SELECT body, angle_text_similarity('spider', body) = cosine_similarity(angle_embed('spider'), angle_embed(body)) AS same
FROM unnest(ARRAY['web', 'web', 'insect', 'web', 'spider']) AS body;
SELECT a, angle_text_similarity(a, b, m) = cosine_similarity(angle_embed(a, m), angle_embed(b, m)) AS same
FROM (VALUES ('a', 'b', 'angle-mini'), ('b', 'a', 'angle-mini'), ('b', 'b', 'angle-mini'), ('a', 'b', 'angle-mini')) AS v (a, b, m);

-- Immutable where it names a model, and only there.
CREATE TABLE similarity (a text, b text,
	alike float8 GENERATED ALWAYS AS (angle_text_similarity(a, b, 'angle-mini')) STORED);
INSERT INTO similarity VALUES ('x', 'x'), ('x', NULL);
SELECT * FROM similarity;
DROP TABLE similarity;
CREATE TABLE similarity (a text, b text, alike float8 GENERATED ALWAYS AS (angle_text_similarity(a, b)) STORED);
SELECT oid::regprocedure AS function, provolatile, proparallel, procost
FROM pg_proc WHERE proname = 'angle_text_similarity' ORDER BY pronargs;

-- Wrong arguments.
\set VERBOSITY terse
SELECT angle_text_similarity('a', 'b', 'no-such-model');
\echo :LAST_ERROR_SQLSTATE
SELECT angle_text_similarity('a', 'b', NULL);
\echo :LAST_ERROR_SQLSTATE
