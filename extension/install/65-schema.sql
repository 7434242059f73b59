
-- Embeddings as part of a schema.

CREATE FUNCTION angle_text_similarity(a text, b text) RETURNS float8
	AS 'MODULE_PATHNAME', 'angle_text_similarity'
	LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT angle_embed_support;
COMMENT ON FUNCTION angle_text_similarity(text, text) IS
	'cosine of the embeddings of two texts, by the model of the setting angle.model';

CREATE FUNCTION angle_text_similarity(a text, b text, model text)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'angle_text_similarity_model'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT angle_embed_support;
COMMENT ON FUNCTION angle_text_similarity(text, text, text) IS
	'cosine of the embeddings of two texts, by the named model';

CREATE FUNCTION angle_embed_trigger() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C PARALLEL SAFE;
COMMENT ON FUNCTION angle_embed_trigger() IS
	'keeps a column with the embedding of others; arguments are its name, that of the model, and those of the columns with text';
