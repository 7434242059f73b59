-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION angle" to load this file. \quit
-- The type angle_vector: text and binary form, type modifier, casts.

CREATE TYPE angle_vector;

CREATE FUNCTION angle_vector_in(cstring, oid, integer) RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_in(cstring, oid, integer) IS
	'I/O';

CREATE FUNCTION angle_vector_out(angle_vector) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_out(angle_vector) IS
	'I/O';

CREATE FUNCTION angle_vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_typmod_in(cstring[]) IS
	'I/O typmod';

CREATE FUNCTION angle_vector_recv(internal, oid, integer) RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_recv(internal, oid, integer) IS
	'I/O';

CREATE FUNCTION angle_vector_send(angle_vector) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_send(angle_vector) IS
	'I/O';

CREATE TYPE angle_vector (
	INPUT = angle_vector_in,
	OUTPUT = angle_vector_out,
	TYPMOD_IN = angle_vector_typmod_in,
	RECEIVE = angle_vector_recv,
	SEND = angle_vector_send,
	STORAGE = external
);
COMMENT ON TYPE angle_vector IS
	'vector of 1 to 16,000 single-precision numbers, such as an embedding';

CREATE FUNCTION angle_vector(angle_vector, integer, boolean)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_resize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(angle_vector, integer, boolean) IS
	'check the number of dimensions';

CREATE FUNCTION angle_vector(integer[], integer, boolean) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(integer[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector(real[], integer, boolean) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(real[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector(double precision[], integer, boolean)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(double precision[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector(numeric[], integer, boolean) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(numeric[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector_to_float4(angle_vector, integer, boolean)
	RETURNS real[]
	AS 'MODULE_PATHNAME', 'angle_vector_to_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_to_float4(angle_vector, integer, boolean) IS
	'convert angle_vector to array';

CREATE CAST (angle_vector AS angle_vector)
	WITH FUNCTION angle_vector(angle_vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (angle_vector AS angle_vector) IS
	'check of the number of dimensions';

CREATE CAST (integer[] AS angle_vector)
	WITH FUNCTION angle_vector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (real[] AS angle_vector)
	WITH FUNCTION angle_vector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (double precision[] AS angle_vector)
	WITH FUNCTION angle_vector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (numeric[] AS angle_vector)
	WITH FUNCTION angle_vector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (angle_vector AS real[])
	WITH FUNCTION angle_vector_to_float4(angle_vector, integer, boolean)
	AS IMPLICIT;
COMMENT ON CAST (angle_vector AS real[]) IS
	'the elements as they are';
-- Vectors made of vectors, and what a vector says of itself.

CREATE FUNCTION vector_dims(angle_vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'angle_vector_dims'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(angle_vector) IS
	'number of dimensions';

CREATE FUNCTION vector_norm(angle_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_vector_norm'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION vector_norm(angle_vector) IS
	'Euclidean norm';

CREATE FUNCTION l2_normalize(angle_vector) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_l2_normalize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION l2_normalize(angle_vector) IS
	'the vector divided by its Euclidean norm; a zero vector stays as it is';

CREATE FUNCTION subvector(angle_vector, integer, integer) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_subvector'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(angle_vector, integer, integer) IS
	'part of a vector: from which element, counted from 1, and how many';

CREATE FUNCTION angle_vector_add(angle_vector, angle_vector)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_add(angle_vector, angle_vector) IS
	'implementation of + operator';

CREATE OPERATOR + (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_add,
	COMMUTATOR = +
);
COMMENT ON OPERATOR + (angle_vector, angle_vector) IS
	'element-wise sum';

CREATE FUNCTION angle_vector_sub(angle_vector, angle_vector)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_sub(angle_vector, angle_vector) IS
	'implementation of - operator';

CREATE OPERATOR - (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_sub
);
COMMENT ON OPERATOR - (angle_vector, angle_vector) IS
	'element-wise difference';

CREATE FUNCTION angle_vector_mul(angle_vector, angle_vector)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_mul(angle_vector, angle_vector) IS
	'implementation of * operator';

CREATE OPERATOR * (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_mul,
	COMMUTATOR = *
);
COMMENT ON OPERATOR * (angle_vector, angle_vector) IS
	'element-wise product';

CREATE FUNCTION angle_vector_concat(angle_vector, angle_vector)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_concat(angle_vector, angle_vector) IS
	'implementation of || operator';

CREATE OPERATOR || (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_concat
);
COMMENT ON OPERATOR || (angle_vector, angle_vector) IS
	'concatenation';
-- Distances and similarities of two vectors of equally many dimensions. A zero
-- vector has no direction: what measures angles gives NaN for it, which sorts
-- last.

CREATE FUNCTION l2_distance(angle_vector, angle_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_l2_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION l2_distance(angle_vector, angle_vector) IS
	'Euclidean distance';

CREATE FUNCTION l1_distance(angle_vector, angle_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_l1_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION l1_distance(angle_vector, angle_vector) IS
	'Manhattan distance: sum of the absolute differences';

CREATE FUNCTION inner_product(angle_vector, angle_vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_inner_product'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION inner_product(angle_vector, angle_vector) IS
	'inner product';

CREATE FUNCTION negative_inner_product(angle_vector, angle_vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_negative_inner_product'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION negative_inner_product(angle_vector, angle_vector) IS
	'inner product times -1, so that the nearest come first';

CREATE FUNCTION cosine_similarity(angle_vector, angle_vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_cosine_similarity'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION cosine_similarity(angle_vector, angle_vector) IS
	'cosine of the angle between two vectors, from -1 to 1';

CREATE FUNCTION cosine_distance(angle_vector, angle_vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_cosine_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION cosine_distance(angle_vector, angle_vector) IS
	'1 - cosine similarity, from 0 to 2';

CREATE FUNCTION angular_distance(angle_vector, angle_vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_angular_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION angular_distance(angle_vector, angle_vector) IS
	'angle between two vectors in radians, from 0 to pi; accurate near 0 and pi';

CREATE FUNCTION angle_similarity(angle_vector, angle_vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_angle_similarity'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION angle_similarity(angle_vector, angle_vector) IS
	'score of the AnglE objective in complex space, from 0 to sqrt(2); 1 for equal vectors; not symmetric';

CREATE FUNCTION angle_distance(angle_vector, angle_vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'angle_angle_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION angle_distance(angle_vector, angle_vector) IS
	'1 - angle_similarity';

CREATE OPERATOR <-> (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = l2_distance,
	COMMUTATOR = <->
);
COMMENT ON OPERATOR <-> (angle_vector, angle_vector) IS
	'Euclidean distance';

CREATE OPERATOR <#> (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = negative_inner_product,
	COMMUTATOR = <#>
);
COMMENT ON OPERATOR <#> (angle_vector, angle_vector) IS
	'negative inner product';

CREATE OPERATOR <=> (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);
COMMENT ON OPERATOR <=> (angle_vector, angle_vector) IS
	'cosine distance';

CREATE OPERATOR <^> (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angular_distance,
	COMMUTATOR = <^>
);
COMMENT ON OPERATOR <^> (angle_vector, angle_vector) IS
	'angle in radians';

CREATE OPERATOR <@> (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_distance
);
COMMENT ON OPERATOR <@> (angle_vector, angle_vector) IS
	'1 - AnglE''s complex-space score; its operands cannot be exchanged';

CREATE OPERATOR <+> (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = l1_distance,
	COMMUTATOR = <+>
);
COMMENT ON OPERATOR <+> (angle_vector, angle_vector) IS
	'Manhattan distance';
-- Order and equality: element by element, the shorter of two that agree first.

CREATE FUNCTION angle_vector_lt(angle_vector, angle_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_lt(angle_vector, angle_vector) IS
	'implementation of < operator';

CREATE FUNCTION angle_vector_le(angle_vector, angle_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_le(angle_vector, angle_vector) IS
	'implementation of <= operator';

CREATE FUNCTION angle_vector_eq(angle_vector, angle_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_eq(angle_vector, angle_vector) IS
	'implementation of = operator';

CREATE FUNCTION angle_vector_ne(angle_vector, angle_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_ne(angle_vector, angle_vector) IS
	'implementation of <> operator';

CREATE FUNCTION angle_vector_ge(angle_vector, angle_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_ge(angle_vector, angle_vector) IS
	'implementation of >= operator';

CREATE FUNCTION angle_vector_gt(angle_vector, angle_vector) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_gt(angle_vector, angle_vector) IS
	'implementation of > operator';

CREATE FUNCTION angle_vector_cmp(angle_vector, angle_vector) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_cmp(angle_vector, angle_vector) IS
	'less-equal-greater';

CREATE FUNCTION angle_vector_hash(angle_vector) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_hash(angle_vector) IS
	'hash';

CREATE FUNCTION angle_vector_hash_extended(angle_vector, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_hash_extended(angle_vector, bigint) IS
	'hash';

CREATE OPERATOR < (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (angle_vector, angle_vector) IS
	'less than';

CREATE OPERATOR <= (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (angle_vector, angle_vector) IS
	'less than or equal';

CREATE OPERATOR = (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR = (angle_vector, angle_vector) IS
	'equal';

CREATE OPERATOR <> (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (angle_vector, angle_vector) IS
	'not equal';

CREATE OPERATOR >= (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (angle_vector, angle_vector) IS
	'greater than or equal';

CREATE OPERATOR > (
	LEFTARG = angle_vector, RIGHTARG = angle_vector, FUNCTION = angle_vector_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (angle_vector, angle_vector) IS
	'greater than';

CREATE OPERATOR CLASS angle_vector_btree_ops
	DEFAULT FOR TYPE angle_vector USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 angle_vector_cmp(angle_vector, angle_vector);
COMMENT ON OPERATOR CLASS angle_vector_btree_ops USING btree IS
	'sorting, DISTINCT and merge joins of vectors';
COMMENT ON OPERATOR FAMILY angle_vector_btree_ops USING btree IS
	'sorting, DISTINCT and merge joins of vectors';

CREATE OPERATOR CLASS angle_vector_hash_ops
	DEFAULT FOR TYPE angle_vector USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 angle_vector_hash(angle_vector),
	FUNCTION 2 angle_vector_hash_extended(angle_vector, bigint);
COMMENT ON OPERATOR CLASS angle_vector_hash_ops USING hash IS
	'grouping, hash joins and hash partitions of vectors';
COMMENT ON OPERATOR FAMILY angle_vector_hash_ops USING hash IS
	'grouping, hash joins and hash partitions of vectors';
-- avg and sum, with a state in double precision.

CREATE FUNCTION angle_vector_accum(double precision[], angle_vector)
	RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION angle_vector_accum(double precision[], angle_vector) IS
	'aggregate transition function';

CREATE FUNCTION angle_vector_combine(double precision[], double precision[])
	RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION angle_vector_combine(double precision[], double precision[]) IS
	'aggregate combine function';

CREATE FUNCTION angle_vector_avg(double precision[]) RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_avg(double precision[]) IS
	'aggregate final function';

CREATE FUNCTION angle_vector_sum(double precision[]) RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_sum(double precision[]) IS
	'aggregate final function';

CREATE AGGREGATE avg(angle_vector) (
	SFUNC = angle_vector_accum,
	STYPE = double precision[],
	COMBINEFUNC = angle_vector_combine,
	FINALFUNC = angle_vector_avg,
	INITCOND = '{0}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(angle_vector) IS
	'element-wise mean of all vectors that are not null';

CREATE AGGREGATE sum(angle_vector) (
	SFUNC = angle_vector_accum,
	STYPE = double precision[],
	COMBINEFUNC = angle_vector_combine,
	FINALFUNC = angle_vector_sum,
	INITCOND = '{0}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(angle_vector) IS
	'element-wise sum of all vectors that are not null';
-- For databases that have pgvector's type "vector": the same bytes, so that a
-- cast costs nothing.

CREATE FUNCTION angle_install_pgvector_casts() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ours regtype;
	theirs regtype;
BEGIN
	SELECT t.oid INTO STRICT ours
	FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass
		AND d.objid = t.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid
	WHERE e.extname = 'angle' AND t.typname = 'angle_vector';
	-- a type of that name that is laid out otherwise must not be taken for it
	SELECT t.oid INTO theirs
	FROM pg_type t JOIN pg_proc p ON p.oid = t.typinput
	JOIN pg_language l ON l.oid = p.prolang
	WHERE t.typname = 'vector' AND p.proname = 'vector_in' AND l.lanname = 'c'
		AND t.typlen = -1 AND t.typalign = 'i' AND t.typstorage = 'e';
	IF theirs IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = 'pgvector is not installed in this database',
			HINT = 'Run CREATE EXTENSION vector first.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_cast
		WHERE castsource = theirs AND casttarget = ours) THEN
		EXECUTE format('CREATE CAST (%s AS %s) WITHOUT FUNCTION AS IMPLICIT',
			theirs, ours);
	END IF;
	IF NOT EXISTS (SELECT FROM pg_cast
		WHERE castsource = ours AND casttarget = theirs) THEN
		EXECUTE format('CREATE CAST (%s AS %s) WITHOUT FUNCTION AS ASSIGNMENT',
			ours, theirs);
	END IF;
END $$;
COMMENT ON FUNCTION angle_install_pgvector_casts() IS
	'create casts between angle_vector and the type vector of pgvector that cost nothing';

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

CREATE VIEW angle_models AS SELECT * FROM angle_list_models();
GRANT SELECT ON angle_models TO PUBLIC;
COMMENT ON VIEW angle_models IS
	'models that angle_embed() can use';
COMMENT ON COLUMN angle_models.name IS 'what the argument model names';
COMMENT ON COLUMN angle_models.architecture IS 'family of the network';
COMMENT ON COLUMN angle_models.dimensions IS 'of the embeddings';
COMMENT ON COLUMN angle_models.max_tokens IS
	'what a longer text is truncated to, special tokens and prompt included';
COMMENT ON COLUMN angle_models.pooling IS
	'how the states of the tokens become one vector';
COMMENT ON COLUMN angle_models.prompts IS
	'template of each prompt by its name';
COMMENT ON COLUMN angle_models.default_prompt IS
	'name of the prompt that is used when none is given';
COMMENT ON COLUMN angle_models.parameters IS 'number of weights';
COMMENT ON COLUMN angle_models.quantization IS 'precision of the weights';
COMMENT ON COLUMN angle_models.bytes IS 'size of the file';
COMMENT ON COLUMN angle_models.sha256 IS 'of the file';
COMMENT ON COLUMN angle_models.loaded_at IS 'when the file was put there';
-- What is installed.

CREATE FUNCTION angle_version() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_version() IS
	'version of the angle library that the server has loaded';

CREATE FUNCTION angle_system_info(OUT name text, OUT setting text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION angle_system_info() IS
	'versions, instruction sets and settings, for reports of bugs and speed';
