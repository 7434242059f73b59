-- What is installed.

CREATE FUNCTION angle_version() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_version() IS
	'version of the angle library that the server has loaded';
