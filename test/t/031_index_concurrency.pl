# Sessions that insert, update, delete, vacuum and search one index at a time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use IndexNodes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
autovacuum_naptime = 1s
jit = off
log_statement = none
});
$node->start;
$node->safe_psql('postgres', make_vector(16) . q{
	CREATE TABLE items (id int, v angle_vector(16), tenant int);
	CREATE INDEX items_v ON items USING angle (v, tenant);
	CREATE SEQUENCE ids;
	-- rows that nobody changes: every search must find them
	INSERT INTO items SELECT -i, make_vector(i), 99 FROM generate_series(1, 200) i;
});

# A search that loses or doubles one of the 200 rows divides by zero.
my %scripts = (
	'insert@4' => q{INSERT INTO items SELECT nextval('ids'), make_vector((random() * 100000)::int), 1
		FROM generate_series(1, 5);},
	'update@2' => q{\set n random(1, 2000)
		UPDATE items SET tenant = tenant + 1 WHERE tenant < 50 AND id = :n;},
	'delete@2' => q{DELETE FROM items WHERE tenant < 99 AND id IN
		(SELECT (random() * 4000)::int FROM generate_series(1, 5));},
	'search@2' => q{\set n random(1, 1000)
		BEGIN;
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_sort = off;
		SET LOCAL angle.recall_target = 1;
		SELECT 1 / (count(*) = 200 AND count(DISTINCT id) = 200)::int FROM
			(SELECT id FROM items WHERE tenant = 99 ORDER BY v <=> make_vector(:n)) x;
		COMMIT;},
	'cancelled@1' => q{BEGIN; INSERT INTO items SELECT nextval('ids'), make_vector((random() * 100000)::int), 1
		FROM generate_series(1, 50); ROLLBACK;},
	'nearest@4' => q{\set n random(1, 1000)
		SELECT id FROM items ORDER BY v <=> make_vector(:n) LIMIT 5;});

my @files;
for my $name (sort keys %scripts)
{
	my ($base, $weight) = split /@/, $name;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$base.sql";

	append_to_file($file, $scripts{$name} . "\n");
	push @files, '-f', "$file\@$weight";
}
$node->command_ok([ 'pgbench', '-n', '-c', '6', '-j', '2', '-t', '250', @files, 'postgres' ],
	'nothing fails, no row is lost or doubled');

# And VACUUM in between.
for my $round (1 .. 5)
{
	$node->command_ok([ 'pgbench', '-n', '-c', '4', '-t', '50', @files, 'postgres' ],
		"round $round of changes");
	# else VACUUM puts a few dead rows off
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	is($node->safe_psql('postgres', q{SET enable_seqscan = off; SET angle.recall_target = 1;
			SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> make_vector(3)) x}),
		$node->safe_psql('postgres', 'SELECT count(*) FROM items'),
		"round $round: the index has the rows of the table");
	is($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}),
		$node->safe_psql('postgres', 'SELECT count(*) FROM items'),
		"round $round: the index is whole");
}

# Builds beside changes.
$node->command_ok([ 'pgbench', '-n', '-c', '4', '-t', '150', @files,
		'postgres' ], 'changes before a concurrent build');
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY items_v');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SET angle.recall_target = 1;
		SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> make_vector(3)) x}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'),
	'a concurrent build has all rows');

# What was deleted makes room: the same rows again and again do not grow the file, once
# VACUUM has renewed the tree that has grown. Autovacuum would renew it where it sees all rows.
$node->safe_psql('postgres', q{
	CREATE TABLE reused (id int, v angle_vector(16)) WITH (autovacuum_enabled = off);
	CREATE INDEX reused_v ON reused USING angle (v);
	INSERT INTO reused SELECT i, make_vector(i) FROM generate_series(1, 5000) i});
my @sizes;
for (1 .. 6)
{
	$node->safe_psql('postgres', 'DELETE FROM reused');
	$node->safe_psql('postgres', 'VACUUM reused');
	$node->safe_psql('postgres',
		'INSERT INTO reused SELECT i, make_vector(i) FROM generate_series(1, 5000) i');
	push @sizes, $node->safe_psql('postgres', q{SELECT pg_relation_size('reused_v')});
}
cmp_ok($sizes[-1], '<=', 1.1 * $sizes[2], 'space is reused') or diag("@sizes");

done_testing();
