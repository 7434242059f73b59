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
