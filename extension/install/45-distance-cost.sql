-- What distances cost, which depends on the dimensions and on where vectors lie.

CREATE FUNCTION angle_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_distance_support(internal) IS
	'tells the planner what a distance of two vectors costs';

ALTER FUNCTION l2_distance(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION l1_distance(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION inner_product(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION negative_inner_product(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION cosine_similarity(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION cosine_distance(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION angular_distance(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION angle_similarity(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
ALTER FUNCTION angle_distance(angle_vector, angle_vector)
	SUPPORT angle_distance_support;
