
-- Text to embeddings.

-- Two forms of each function, because what depends on a setting is STABLE and
-- what is to stand in an index or a generated column must be IMMUTABLE. The
-- cost is that of a sentence, 1 ms, where a sequential scan takes 20 ns for each
-- unit of it.

CREATE FUNCTION angle_embed_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_embed_support(internal) IS
	'planner support: the cost of angle_embed()';

CREATE FUNCTION angle_embed(content text, dimensions int DEFAULT NULL,
							prompt text DEFAULT NULL)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_embed'
	LANGUAGE C STABLE PARALLEL SAFE COST 50000 SUPPORT angle_embed_support;
COMMENT ON FUNCTION angle_embed(text, int, text) IS
	'embedding of a text, by the model of the setting angle.model';

CREATE FUNCTION angle_embed(content text, model text,
							prompt text DEFAULT NULL,
							dimensions int DEFAULT NULL)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_embed_model'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50000 SUPPORT angle_embed_support;
COMMENT ON FUNCTION angle_embed(text, text, text, int) IS
	'embedding of a text, by the named model';

CREATE FUNCTION angle_embed(content text[], dimensions int DEFAULT NULL,
							prompt text DEFAULT NULL)
	RETURNS angle_vector[]
	AS 'MODULE_PATHNAME', 'angle_embed_array'
	LANGUAGE C STABLE PARALLEL SAFE COST 500000;
COMMENT ON FUNCTION angle_embed(text[], int, text) IS
	'embeddings of the elements, by the model of the setting angle.model';

CREATE FUNCTION angle_embed(content text[], model text,
							prompt text DEFAULT NULL,
							dimensions int DEFAULT NULL)
	RETURNS angle_vector[]
	AS 'MODULE_PATHNAME', 'angle_embed_model_array'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500000;
COMMENT ON FUNCTION angle_embed(text[], text, text, int) IS
	'embeddings of the elements, by the named model';

CREATE FUNCTION angle_token_count(content text) RETURNS int
	AS 'MODULE_PATHNAME', 'angle_token_count'
	LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION angle_token_count(text) IS
	'number of tokens of a text with the special tokens, not truncated, for the model of the setting angle.model';

CREATE FUNCTION angle_token_count(content text, model text) RETURNS int
	AS 'MODULE_PATHNAME', 'angle_token_count_model'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION angle_token_count(text, text) IS
	'number of tokens of a text with the special tokens, not truncated, for the named model';

-- Positions count characters from 1, and stop is the one after the token, so
-- that substr(content, start, stop - start) is what the token was made of.
CREATE FUNCTION angle_tokens(content text, model text DEFAULT NULL,
							 OUT id int, OUT token text, OUT start int,
							 OUT stop int)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION angle_tokens(text, text) IS
	'tokens of a text, not truncated; start and stop are the positions of the token''s first character and of the one after its last, NULL for special tokens';

CREATE FUNCTION angle_list_models(OUT name text, OUT architecture text,
								  OUT dimensions int, OUT max_tokens int,
								  OUT pooling text, OUT prompts jsonb,
								  OUT default_prompt text,
								  OUT parameters bigint, OUT quantization text,
								  OUT bytes bigint, OUT sha256 text,
								  OUT loaded_at timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 10000000 ROWS 5;
COMMENT ON FUNCTION angle_list_models() IS
	'models in the directory angle.model_directory';
