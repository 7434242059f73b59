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
