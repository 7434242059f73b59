# An installation that was updated is like a fresh one.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# Objects of the extension with all that a user could notice: definition, owner,
# comments, privileges and those that pg_dump takes for granted, whether it takes the
# rows of a table. OIDs and the order of creation are left out. A kind of object
# that the query does not know shows up as such.
my $catalogue = q{
	WITH member AS (
		SELECT classid, objid, pg_describe_object(classid, objid, 0) AS name
		FROM pg_depend
		WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'angle'))
	SELECT name, obj_description(objid, classid::regclass::name),
		(SELECT string_agg(objsubid || privtype::text || initprivs::text, ' '
				ORDER BY objsubid)
			FROM pg_init_privs i
			WHERE i.objoid = objid AND i.classoid = classid),
		CASE classid
		WHEN 'pg_proc'::regclass THEN
			(SELECT concat_ws(' ', CASE prokind
					WHEN 'a' THEN (to_jsonb(a) - 'aggfnoid' - 'aggtranstype'
						- 'aggmtranstype' - 'aggsortop')::text
						|| format_type(aggtranstype, NULL)
					ELSE pg_get_functiondef(p.oid) END,
				pg_get_function_identity_arguments(p.oid),
				pg_get_function_result(p.oid), provolatile, proparallel,
				proisstrict, proleakproof, prosecdef, procost, prorows,
				prosupport, proconfig, proacl, proowner::regrole)
			FROM pg_proc p LEFT JOIN pg_aggregate a ON aggfnoid = p.oid
			WHERE p.oid = objid)
		WHEN 'pg_class'::regclass THEN
			(SELECT concat_ws(' ', relkind, relpersistence, relacl,
					relowner::regrole, reloptions, relreplident,
					relrowsecurity, relforcerowsecurity,
					(SELECT to_jsonb(s) - 'seqrelid' FROM pg_sequence s
					WHERE seqrelid = c.oid))
				|| coalesce(pg_get_viewdef(c.oid), '')
				|| (SELECT string_agg(concat_ws(' ', attname,
						format_type(atttypid, atttypmod), attnotnull, attstorage,
						attcompression, attidentity, attgenerated, attisdropped,
						attcollation::regcollation,
						array_remove(ARRAY(SELECT substring(o, '^n_distinct.*')
							FROM unnest(attoptions) AS o), NULL),
						attacl, pg_get_expr(adbin, adrelid),
						col_description(attrelid, attnum)), ', ' ORDER BY attnum)
					FROM pg_attribute LEFT JOIN pg_attrdef
						ON adrelid = attrelid AND adnum = attnum
					WHERE attrelid = c.oid AND attnum > 0)
				|| coalesce((SELECT string_agg(concat_ws(' ',
						pg_get_indexdef(indexrelid), indisreplident, indisclustered,
						obj_description(indexrelid, 'pg_class')), ', '
						ORDER BY indexrelid::regclass::text)
					FROM pg_index WHERE indrelid = c.oid), '')
				|| coalesce((SELECT string_agg(concat_ws(' ', conname,
						pg_get_constraintdef(oid), convalidated,
						obj_description(oid, 'pg_constraint')),
						', ' ORDER BY conname)
					FROM pg_constraint WHERE conrelid = c.oid), '')
				|| coalesce((SELECT string_agg(concat_ws(' ', pg_get_triggerdef(oid),
						tgenabled, obj_description(oid, 'pg_trigger')),
						', ' ORDER BY tgname)
					FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal), '')
				|| coalesce((SELECT string_agg(pg_get_ruledef(oid) || ev_enabled::text,
						', ' ORDER BY rulename)
					FROM pg_rewrite WHERE ev_class = c.oid), '')
				|| coalesce((SELECT string_agg(concat_ws(' ', polname, polcmd,
						polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid),
						pg_get_expr(polwithcheck, polrelid)), ', ' ORDER BY polname)
					FROM pg_policy WHERE polrelid = c.oid), '')
			FROM pg_class c WHERE c.oid = objid)
		WHEN 'pg_type'::regclass THEN
			(SELECT concat_ws(' ', typtype, typlen, typbyval, typalign, typstorage,
				typcategory, typispreferred, typdelim, typinput, typoutput,
				typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript,
				typcollation::regcollation, typnotnull, typdefault, typacl,
				typowner::regrole)
			FROM pg_type WHERE oid = objid)
		WHEN 'pg_operator'::regclass THEN
			(SELECT concat_ws(' ', oprcode, oprresult::regtype, oprcom::regoperator,
				oprnegate::regoperator, oprrest, oprjoin, oprcanmerge, oprcanhash,
				oprowner::regrole)
			FROM pg_operator WHERE oid = objid)
		WHEN 'pg_cast'::regclass THEN
			(SELECT concat_ws(' ', castfunc::regprocedure, castcontext, castmethod)
			FROM pg_cast WHERE oid = objid)
		WHEN 'pg_am'::regclass THEN
			(SELECT concat_ws(' ', amhandler, amtype) FROM pg_am WHERE oid = objid)
		WHEN 'pg_opclass'::regclass THEN
			(SELECT concat_ws(' ', amname, opfname, opcintype::regtype,
				opckeytype::regtype, opcdefault, opcowner::regrole)
			FROM pg_opclass o JOIN pg_am am ON am.oid = opcmethod
			JOIN pg_opfamily f ON f.oid = opcfamily WHERE o.oid = objid)
		WHEN 'pg_opfamily'::regclass THEN
			(SELECT concat_ws(' ', amname, opfowner::regrole,
				(SELECT string_agg(concat_ws(' ', amopstrategy, amoppurpose,
						amopopr::regoperator, sortfamily.opfname), ', '
						ORDER BY amopstrategy, amopopr::regoperator::text)
					FROM pg_amop
					LEFT JOIN pg_opfamily sortfamily ON sortfamily.oid = amopsortfamily
					WHERE amopfamily = f.oid),
				(SELECT string_agg(concat_ws(' ', amprocnum, amproclefttype::regtype,
						amprocrighttype::regtype, amproc::regprocedure), ', '
						ORDER BY amprocnum, amproc::regprocedure::text)
					FROM pg_amproc WHERE amprocfamily = f.oid))
			FROM pg_opfamily f JOIN pg_am am ON am.oid = opfmethod WHERE f.oid = objid)
		WHEN 'pg_namespace'::regclass THEN
			(SELECT concat_ws(' ', nspacl, nspowner::regrole)
			FROM pg_namespace WHERE oid = objid)
		ELSE 'not compared'
		END
	FROM member
	UNION ALL
	SELECT 'extension', concat_ws(' ', extversion, extrelocatable, extowner::regrole,
		extnamespace::regnamespace), NULL, NULL
	FROM pg_extension WHERE extname = 'angle'
	UNION ALL
	SELECT 'configuration', c::regclass::text, NULL, f
	FROM pg_extension, unnest(extconfig, extcondition) AS t (c, f)
	WHERE extname = 'angle'
	ORDER BY 1, 2, 3, 4};

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('postgres', 'CREATE DATABASE updated');
$node->safe_psql('fresh', 'CREATE EXTENSION angle');
$node->safe_psql('updated', q{
	CREATE EXTENSION angle VERSION '0.1';
	CREATE TABLE kept AS SELECT angle_embed('a cat', 'angle-mini') AS embedding;
	CREATE VIEW used AS SELECT * FROM angle_models});
my $before = $node->safe_psql('updated', 'SELECT embedding FROM kept');
$node->safe_psql('updated', 'ALTER EXTENSION angle UPDATE');

unlike($node->safe_psql('fresh', $catalogue), qr/\|not compared$/m,
	'every kind of object is compared');
is($node->safe_psql('updated', $catalogue),
	$node->safe_psql('fresh', $catalogue),
	'the updated catalogue equals a fresh one');
is($node->safe_psql('updated', 'SELECT embedding FROM kept'),
	$before, 'values outlive the update');

done_testing();
