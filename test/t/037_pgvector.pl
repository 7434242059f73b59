# Our index on columns of pgvector's type, where that is installed: its operators are
# served, in their order, whatever the dimensions and the precision of the codes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
plan skip_all => 'pgvector is not installed'
  unless -e $node->config_data('--sharedir') . '/extension/vector.control';
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION vector;
	CREATE EXTENSION angle;
	-- an operator of somebody else is none of pgvector's
	CREATE SCHEMA other;
	CREATE OPERATOR other.<=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance);
	SELECT angle_install_pgvector_casts();
	CREATE FUNCTION make_vector(i int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((sin(i * 12.9898 + d * 78.233) + 2 * sin((i % 23) * 3.1 + d))::real
		ORDER BY d)::vector FROM generate_series(1, dims) d $$;
});
is($node->safe_psql('postgres', q{SELECT string_agg(opcname || CASE WHEN opcdefault THEN ' (default)' ELSE '' END,
		', ' ORDER BY opcname) FROM pg_opclass
		WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'angle') AND opcintype = 'vector'::regtype
			AND amvalidate(oid)}),
	'vector_cosine_ops (default), vector_ip_ops, vector_l2_ops', 'operator classes');

# Distances of all rows by the index and by a sequential scan, in their order.
sub same
{
	my ($operator, $query, $when) = @_;
	my $sql = "SELECT string_agg(d::text, ' ' ORDER BY n), count(*) FROM (SELECT d, row_number() OVER () AS n
		FROM (SELECT v $operator $query AS d FROM items WHERE v IS NOT NULL ORDER BY v $operator $query) x) y";
	my $by_index = 'SET enable_seqscan = off; SET enable_sort = off; SET angle.recall_target = 1;';

	like($node->safe_psql('postgres', "$by_index EXPLAIN $sql"), qr/Index Scan using items_v/,
		"$when: the index serves $operator");
	is($node->safe_psql('postgres', "$by_index $sql"),
		$node->safe_psql('postgres', "SET enable_indexscan = off; $sql"), "$when: the same order");
	return;
}

my %class = ('<=>' => 'vector_cosine_ops', '<->' => 'vector_l2_ops', '<#>' => 'vector_ip_ops');
for my $dims (1, 3, 100, 1100)
{
	# zero vectors have no cosine, and so are in the other indexes only
	$node->safe_psql('postgres', "DROP TABLE IF EXISTS items;
		CREATE TABLE items (id int, v vector($dims));
		INSERT INTO items SELECT i, make_vector(i, $dims) FROM generate_series(1, 500) i;
		INSERT INTO items SELECT i, make_vector(7, $dims) FROM generate_series(501, 520) i;
		INSERT INTO items VALUES (0, NULL)");
	for my $operator (sort keys %class)
	{
		for my $bits (4, 7, 16)
		{
			$node->safe_psql('postgres', "CREATE INDEX items_v ON items
				USING angle (v $class{$operator}) WITH (rerank = $bits)");
			same($operator, "make_vector(7, $dims)", "$dims dimensions, $bits bits");
			$node->safe_psql('postgres', 'DROP INDEX items_v');
		}
	}
}

# A life of a column that is there already, with an index of pgvector's beside.
$node->safe_psql('postgres', q{
	CREATE INDEX items_v ON items USING angle (v);
	INSERT INTO items SELECT i, make_vector(i, 1100) FROM generate_series(600, 900) i;
	UPDATE items SET v = make_vector(id + 1, 1100) WHERE id % 5 = 0 AND id > 0;
	DELETE FROM items WHERE id % 3 = 0;
	VACUUM items});
same('<=>', 'make_vector(9, 1100)', 'after changes');
is($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}),
	$node->safe_psql('postgres', 'SELECT count(v) FROM items'), 'the index is whole');
my ($status, $out, $err) = $node->psql('postgres', q{INSERT INTO items VALUES (1, '[1,2,3]')});
like($err, qr/expected 1100 dimensions, not 3/, 'the type has the say on dimensions');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; CREATE INDEX items_hnsw ON items USING hnsw (v vector_l2_ops);
		SELECT id FROM items WHERE id > 0 ORDER BY v <=> make_vector(8, 1100) LIMIT 1}),
	$node->safe_psql('postgres', q{SET enable_indexscan = off;
		SELECT id FROM items WHERE id > 0 ORDER BY v <=> make_vector(8, 1100) LIMIT 1}),
	'an index of pgvector for another operator stays out of it');

# What depends on both extensions survives a dump, and goes with one of them.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ],
	'is restored');
is($node->safe_psql('copy', q{SELECT angle_index_check('items_v')}),
	$node->safe_psql('copy', 'SELECT count(v) FROM items'), 'with the index');
$node->safe_psql('copy', 'DROP EXTENSION vector CASCADE');
is($node->safe_psql('copy', q{SELECT count(*) FROM pg_opclass WHERE opcname LIKE 'vector%'
		AND opcmethod = (SELECT oid FROM pg_am WHERE amname = 'angle')}),
	'0', 'operator classes go with the type');
$node->safe_psql('copy', 'DROP EXTENSION angle CASCADE');

done_testing();
