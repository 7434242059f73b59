-- angle_chunks(): long documents in parts that fit a model.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
RESET client_min_messages;


\set text 'E''Spiders are animals. They spin webs! Flies fear them.\n\nCafés serve coffee. Dr. Miller drinks it at 3.50 a cup, e.g. on Monday.'''
SELECT seq, start, stop, tokens, chunk,
	substr(:text, start, stop - start) = chunk AS same,
	tokens = angle_token_count(chunk) AS agree
FROM angle_chunks(:text);
SELECT seq, start, stop, tokens, chunk,
	substr(:text, start, stop - start) = chunk AS same,
	tokens = angle_token_count(chunk) AS agree
FROM angle_chunks(:text, 'angle-mini', 16);
SELECT seq, start, tokens, chunk FROM angle_chunks(:text, max_tokens => 20, overlap => 8);

-- Text without spaces, and a word that is longer than a chunk.
SELECT seq, start, stop, tokens, chunk
FROM angle_chunks('日本語のテキスト。中文文本没有空格，也要分开。', max_tokens => 12);
SELECT seq, start, stop, tokens, chunk
FROM angle_chunks(repeat('antidisestablishmentarianism', 3), max_tokens => 10);

-- Nothing to cut.
SELECT count(*) FROM angle_chunks(NULL);
SELECT count(*) FROM angle_chunks('');
SELECT count(*) FROM angle_chunks(E' \n\n\t ');
SELECT * FROM angle_chunks('x', NULL, NULL, NULL);

-- A document of 480 kB: all of it, in order, never too long.
CREATE TABLE chunks_document AS
SELECT string_agg('Line ' || i || CASE i % 7 WHEN 0 THEN E'.\n\n' WHEN 3 THEN '! ' ELSE ' and so forth, ' END, '' ORDER BY i) AS body
FROM generate_series(1, 30000) AS i;
SELECT count(*) > 500 AS many, max(tokens) <= 256 AS fit,
	bool_and(substr(body, start, stop - start) = chunk) AS same,
	string_agg(regexp_replace(chunk, '\s+', '', 'g'), '' ORDER BY seq) = regexp_replace(body, '\s+', '', 'g') AS complete
FROM (SELECT * FROM chunks_document, angle_chunks(body) OFFSET 0) AS c GROUP BY body;
SELECT bool_and(start < before AND stop > before) AS overlap
FROM (SELECT start, stop, lag(stop) OVER (ORDER BY seq) AS before
	FROM chunks_document, angle_chunks(left(body, 100000), overlap => 40)) AS c
WHERE before IS NOT NULL;
SET statement_timeout = '20ms';
\set VERBOSITY sqlstate
SELECT count(*) FROM chunks_document, angle_chunks(repeat(body, 20), overlap => 200);
\set VERBOSITY default
RESET statement_timeout;
DROP TABLE chunks_document;

-- Wrong arguments.
\set VERBOSITY terse
SELECT * FROM angle_chunks('x', 'no-such-model');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM angle_chunks('x', max_tokens => 9);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM angle_chunks('x', max_tokens => -1);
SELECT * FROM angle_chunks('x', max_tokens => 257);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM angle_chunks('x', overlap => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM angle_chunks('x', max_tokens => 20, overlap => 18);
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
SELECT provolatile, proparallel, proisstrict, obj_description(oid, 'pg_proc') IS NOT NULL AS described
FROM pg_proc WHERE proname = 'angle_chunks';
