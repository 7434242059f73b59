
-- Long documents.

-- One STABLE function: a set cannot stand in an index or a generated column.
CREATE FUNCTION angle_chunks(content text, model text DEFAULT NULL,
							 max_tokens int DEFAULT NULL,
							 overlap int DEFAULT 0,
							 OUT seq int, OUT start int, OUT stop int,
							 OUT tokens int, OUT chunk text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 10;
COMMENT ON FUNCTION angle_chunks(text, text, int, int) IS
	'parts of a document that fit the model, cut between paragraphs, sentences or words; substr(content, start, stop - start) is the chunk, tokens its length with the special tokens';
