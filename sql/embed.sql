-- Text to embeddings, with the model that ships.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
RESET client_min_messages;

-- Each natural way to call, and the embedding's length.
SELECT vector_dims(angle_embed('a spider')) AS content,
	vector_dims(angle_embed('a spider', 128)) AS dimensions,
	vector_dims(angle_embed('a spider', dimensions => 128)) AS named_dimensions,
	vector_dims(angle_embed('a spider', 'angle-mini')) AS model,
	vector_dims(angle_embed('a spider', model => 'angle-mini')) AS named_model,
	vector_dims(angle_embed('a spider', model => 'angle-mini',
							dimensions => 64)) AS model_dimensions,
	vector_dims(angle_embed('a spider', prompt => 'about {text}')) AS prompt,
	vector_dims(angle_embed('a spider', 'angle-mini', 'about {text}', 32)) AS everything,
	vector_dims(angle_embed(content => 'a spider', prompt => 'about {text}',
							dimensions => 16)) AS all_named;
SELECT vector_dims(angle_embed('a spider'::varchar(20))) AS "varchar",
	vector_dims(angle_embed('a spider'::char(20))) AS "char",
	vector_dims(angle_embed('a spider'::name)) AS "name",
	vector_dims(angle_embed(lower(body), 'angle-' || 'mini')) AS expressions
FROM (VALUES ('A SPIDER')) AS v (body);
PREPARE by_parameter AS SELECT vector_dims(angle_embed($1)), vector_dims(angle_embed($1, $2));
EXECUTE by_parameter('a spider', 'angle-mini');
DEALLOCATE by_parameter;

-- Unit length; a prefix is normalised again.
SELECT round(vector_norm(angle_embed('a spider'))::numeric, 5) AS whole,
	round(vector_norm(angle_embed('a spider', 100))::numeric, 5) AS prefix,
	round(cosine_similarity(angle_embed('a spider', 100),
		subvector(angle_embed('a spider'), 1, 100))::numeric, 5) AS same_direction;

-- The forms agree to the last bit.
SELECT angle_embed('a spider') = angle_embed('a spider', 'angle-mini') AS model,
	angle_embed('a spider', 64) = angle_embed('a spider', 'angle-mini', dimensions => 64) AS dimensions,
	angle_embed('a spider', prompt => 'about {text}') = angle_embed('about a spider') AS prompt,
	angle_embed('a spider', prompt => 'about {text}') <> angle_embed('a spider') AS matters;

-- Meaning.
SELECT body
FROM (VALUES ('The cat sat on the mat.'), ('The stock market fell sharply.'),
	('She plays the violin.'), ('Rain is expected tomorrow.')) AS v (body)
ORDER BY angle_embed(body) <=> angle_embed('Shares lost much of their value.')
LIMIT 1;
SELECT body
FROM (VALUES ('The cat sat on the mat.'), ('The stock market fell sharply.'),
	('She plays the violin.'), ('Rain is expected tomorrow.')) AS v (body)
ORDER BY angle_embed(body) <=> angle_embed('weather forecast')
LIMIT 1;

-- Texts at the edges. What is longer than the model takes is cut off.
SELECT vector_dims(angle_embed('')) AS empty, vector_dims(angle_embed('   ')) AS blank,
	angle_embed(NULL) IS NULL AS "null",
	angle_embed(NULL, 'angle-mini') IS NULL AS null_model;
SELECT angle_embed(repeat('spider ', 5000)) = angle_embed(repeat('spider ', 6000)) AS cut_off,
	angle_embed(repeat('spider ', 5000) || 'cat') = angle_embed(repeat('spider ', 5000)) AS end_is_cut,
	angle_embed(repeat('spider ', 5000), prompt => 'cat {text}')
		= angle_embed('cat ' || repeat('spider ', 5000)) AS prompt_is_kept,
	angle_embed(repeat('spider ', 5000), prompt => '{text} cat')
		<> angle_embed(repeat('spider ', 5000)) AS suffix_is_kept;

-- Arrays: each element as alone, in the same shape.
SELECT bool_and(e = angle_embed(t)) AS same, count(*)
FROM unnest(ARRAY['a', 'a cat', 'the cat sat on the mat', '', repeat('long ', 900)]) WITH ORDINALITY AS a (t, i)
JOIN unnest(angle_embed(ARRAY['a', 'a cat', 'the cat sat on the mat', '', repeat('long ', 900)])) WITH ORDINALITY AS b (e, i)
	USING (i);
SELECT bool_and(e = angle_embed('text ' || i)) AS same, count(*)
FROM unnest((SELECT angle_embed(array_agg('text ' || i ORDER BY i), 'angle-mini') FROM generate_series(1, 300) AS i))
	WITH ORDINALITY AS b (e, i);
SELECT angle_embed('{}'::text[]) AS empty, angle_embed(NULL::text[]) AS "null",
	array_dims(angle_embed(ARRAY[NULL, NULL]::text[])) AS nulls;
SELECT i, e IS NULL AS is_null, e = angle_embed('a cat', 32) AS same
FROM unnest(angle_embed(ARRAY['a cat', NULL, 'a dog', NULL], dimensions => 32)) WITH ORDINALITY AS a (e, i);
SELECT array_dims(a) AS shape, a[1][-1] = angle_embed('c') AS first, a[2][0] = angle_embed('f') AS last
FROM (SELECT angle_embed('[1:2][-1:0]={{c,d},{e,f}}'::text[]) AS a) AS s;
SELECT vector_dims((angle_embed(ARRAY['x'], 'angle-mini', 'about {text}', 8))[1]) AS everything,
	(angle_embed(ARRAY['x']::varchar[], prompt => 'about {text}'))[1] = angle_embed('about x') AS "varchar";

-- Threads change nothing.
SET angle.threads = 3;
SELECT bool_and(e = angle_embed('text ' || i, 'angle-mini')) AS same, count(*)
FROM unnest((SELECT angle_embed(array_agg('text ' || i ORDER BY i)) FROM generate_series(1, 50) AS i))
	WITH ORDINALITY AS b (e, i);
RESET angle.threads;
SELECT angle_embed(ARRAY['text 1']) = angle_embed(ARRAY['text 1'], 'angle-mini') AS same;

-- Wrong arguments.
\set VERBOSITY terse
SELECT angle_embed('x', 'no-such-model');
\echo :LAST_ERROR_SQLSTATE
SELECT angle_embed('x', '../angle-mini');
\echo :LAST_ERROR_SQLSTATE
SELECT angle_embed('angle-mini', repeat('exchanged ', 1000));
\set VERBOSITY default
SELECT angle_embed('x', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT angle_embed(ARRAY['x'], model => NULL);
SELECT angle_token_count('x', NULL);
SELECT angle_embed('x', 0);
\echo :LAST_ERROR_SQLSTATE
SELECT angle_embed('x', -1);
SELECT angle_embed('x', 385);
\echo :LAST_ERROR_SQLSTATE
SELECT angle_embed('x', prompt => 'no-such-prompt');
\echo :LAST_ERROR_SQLSTATE
-- a message that is cut has whole characters only
DO $$
BEGIN
	PERFORM angle_embed('x', prompt => repeat('é', 1000));
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE NOTICE '%', regexp_replace(sqlerrm, 'é+', '…');
END $$;
DO $$
BEGIN
	PERFORM angle_embed('x', prompt => 'e' || repeat('é', 1000));
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE NOTICE '%', regexp_replace(sqlerrm, 'é+', '…');
END $$;
SELECT angle_embed('x', prompt => repeat('much ', 600) || '{text}');
\echo :LAST_ERROR_SQLSTATE
SELECT angle_embed(1);
SELECT angle_embed('{a,b}', ARRAY['angle-mini']);

-- Settings.
SHOW angle.model;
SHOW angle.threads;
SET angle.model = '../etc/passwd';
SET angle.model = '';
SET angle.threads = 0;
SET angle.model_directory = '/tmp';
SET angle.no_such_setting = 1;
SET angle.model = 'another-model';
\set VERBOSITY terse
SELECT angle_embed('x');
\set VERBOSITY default
SELECT vector_dims(angle_embed('x', 'angle-mini'));
RESET angle.model;
SELECT vector_dims(angle_embed('x'));

-- What the planner is told.
SELECT oid::regprocedure AS function, provolatile, proparallel, proisstrict, procost
FROM pg_proc
WHERE proname IN ('angle_embed', 'angle_tokens', 'angle_token_count', 'angle_list_models', 'angle_system_info')
ORDER BY oid::regprocedure::text COLLATE "C";
CREATE TABLE embed_docs (id int PRIMARY KEY, body text);
INSERT INTO embed_docs SELECT i, 'document ' || i FROM generate_series(1, 200) AS i;
ANALYZE embed_docs;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) CREATE TABLE embed_copy AS SELECT angle_embed(body) FROM embed_docs;
-- a question is embedded once, which is no reason for workers
EXPLAIN (COSTS OFF) SELECT body FROM embed_docs WHERE angle_embed('a question') IS NULL;
RESET min_parallel_table_scan_size;

-- The question of a sequential scan is embedded once: 20,000 times would take
-- longer than the time allowed.
CREATE TABLE embed_vectors AS SELECT id, angle_embed(body) AS embedding FROM embed_docs;
INSERT INTO embed_vectors SELECT id + 200 * i, embedding FROM embed_vectors, generate_series(1, 99) AS i;
SET statement_timeout = '5s';
SELECT id FROM embed_vectors WHERE id <= 200 OR random() < -1
	ORDER BY embedding <=> angle_embed('document 77') LIMIT 1;
SELECT count(*) FROM embed_vectors WHERE embedding <=> angle_embed(repeat('a long question ', 200)) > 3;
RESET statement_timeout;

-- What is IMMUTABLE can be stored and indexed; what is not cannot.
CREATE TABLE embed_generated (
	body text,
	embedding angle_vector(384) GENERATED ALWAYS AS (angle_embed(body, 'angle-mini')) STORED
);
INSERT INTO embed_generated VALUES ('a cat'), (NULL);
UPDATE embed_generated SET body = 'a dog' WHERE body IS NULL;
SELECT body, embedding = angle_embed(body) AS same FROM embed_generated ORDER BY body;
CREATE TABLE embed_refused (body text, embedding angle_vector GENERATED ALWAYS AS (angle_embed(body)) STORED);
CREATE INDEX embed_index ON embed_docs (angle_embed(body, 'angle-mini'));
CREATE INDEX ON embed_docs (angle_embed(body));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM embed_docs
	WHERE angle_embed(body, 'angle-mini') = angle_embed('document 7');
SELECT id FROM embed_docs WHERE angle_embed(body, 'angle-mini') = angle_embed('document 7');
RESET enable_seqscan;
DROP TABLE embed_docs, embed_vectors, embed_generated;

-- Tokens.
SELECT *, substr('Nice cafés, embeddings!', start, stop - start) AS source
FROM angle_tokens('Nice cafés, embeddings!');
SELECT token, start, stop FROM angle_tokens('日本 x', 'angle-mini');
SELECT count(*) FROM angle_tokens(NULL);
SELECT token, start, stop FROM angle_tokens('');
SELECT angle_token_count('Nice cafés, embeddings!') AS by_setting,
	angle_token_count('Nice cafés, embeddings!', 'angle-mini') AS by_model,
	angle_token_count('') AS empty, angle_token_count(NULL) AS "null",
	angle_token_count(repeat('spider ', 5000)) AS long;
SELECT count(*) = angle_token_count('a b c') AS agree FROM angle_tokens('a b c');

-- What there is.
SELECT name, architecture, dimensions, max_tokens, pooling, prompts, default_prompt, quantization
FROM angle_models WHERE name = 'angle-mini';
SELECT parameters > 20000000 AS parameters, bytes > 20000000 AS bytes,
	length(sha256) AS sha256, loaded_at < now() AS loaded_at
FROM angle_models WHERE name = 'angle-mini';
SELECT name, setting <> '' AS set FROM angle_system_info();
SELECT setting = angle_version() AS same FROM angle_system_info() WHERE name = 'version';

-- Every argument has a name.
