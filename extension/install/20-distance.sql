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
