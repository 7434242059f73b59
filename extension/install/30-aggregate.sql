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
