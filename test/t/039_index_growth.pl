# An index that several clients fill, from one list on: no row is lost, lists are fuller
# than halves of lists are, and answers are those of an index that is built of the same
# rows. Servers that are killed find it whole, and a standby has the same pages.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use IndexNodes;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rows = 9000;
my $node = killable_node();
# Of 384 dimensions, so that lists are short and many; with noise in all of them.
$node->safe_psql('postgres', make_vector(384) . qq{
	CREATE TABLE source AS SELECT setseed(0.5)::text IS NULL AS seeded, i AS id, (
		SELECT array_agg((random() - 0.5 + 0.3 * sin((i % 60) * 3.1 + d * (1 + i % 7)))::real
			ORDER BY d)::angle_vector FROM generate_series(1, 384) d) AS v
		FROM generate_series(1, $rows) i;
	CREATE TABLE items (id int, v angle_vector(384));
	CREATE INDEX items_v ON items USING angle (v);
	CREATE SEQUENCE batches;
});
my $standby = standby_of($node);

my $script = PostgreSQL::Test::Utils::tempdir() . '/insert.sql';
append_to_file($script, q{INSERT INTO items SELECT id, v FROM source, (SELECT nextval('batches') AS n) b
	WHERE id > 30 * (n - 1) AND id <= 30 * n;
});

sub pgbench
{
	my @bounds = @_;
	return ('pgbench', '-n', '-c', 4, '-j', 2, @bounds, '-f', $script, $node->connstr('postgres'));
}

sub whole
{
	my ($server, $when) = @_;

	# with the rows of transactions that did not end
	cmp_ok($server->safe_psql('postgres', q{SELECT angle_index_check('items_v')}), '>=',
		$server->safe_psql('postgres', 'SELECT count(*) FROM items'), "$when: the index is whole");
	is($server->safe_psql('postgres', q{SET enable_seqscan = off; SET enable_sort = off;
			SET angle.recall_target = 1; SELECT count(*), count(DISTINCT id), sum(id) FROM
			(SELECT id FROM items ORDER BY v <=> make_vector(7)) x}),
		$server->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), sum(id) FROM items'),
		"$when: all rows are found");
	return;
}

# ---- clients that insert together -------------------------------------------

$node->command_ok([ pgbench('-t', $rows / 30 / 4) ], 'four clients insert');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM items'), "$rows|$rows",
	'all rows are in the table');
whole($node, 'grown');
$node->wait_for_catchup($standby);
whole($standby, 'standby');

sub lists
{
	my ($index) = @_;
	return $node->safe_psql('postgres', "SELECT lists FROM angle_index_info('$index')");
}

my $inner = $node->safe_psql('postgres', q{SELECT inner_nodes FROM angle_index_info('items_v')});
cmp_ok($inner, '>', 1, "inner nodes were split, too: $inner");
$node->safe_psql('postgres', 'CREATE INDEX built ON items USING angle (v)');
my $least = lists('built');
my $lists = lists('items_v');
$node->safe_psql('postgres', 'DROP INDEX built');
cmp_ok($lists, '<=', 1.4 * $least, "$lists lists where a build makes $least");

# VACUUM finds more than twice the rows that there were when it last looked.
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
$lists = lists('items_v');
cmp_ok($lists, '<=', 1.15 * $least, "and $lists when VACUUM has packed them");
whole($node, 'packed');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
is(lists('items_v'), $lists, 'it does that once');

# Recall with so few lists that it is not one for both.
my $recall = q{SELECT round(avg((found = ANY (best))::int), 3) FROM
	(SELECT id, v FROM source WHERE id % 90 = 1) q, LATERAL (SELECT array_agg(id) AS best FROM
		(SELECT id FROM exact ORDER BY v <=> q.v LIMIT 10) x) b, LATERAL (SELECT id AS found FROM
		items ORDER BY v <=> q.v LIMIT 10) f};
$node->safe_psql('postgres', 'CREATE TABLE exact AS SELECT id, v FROM items');
my $search = "SET enable_seqscan = on; SET enable_sort = on; SET angle.probes = 24; $recall";
my $grown = $node->safe_psql('postgres', $search);
$node->safe_psql('postgres', 'REINDEX INDEX items_v');
my $built = $node->safe_psql('postgres', $search);
cmp_ok($built, '<', 0.999, "24 lists of a built index find $built, not all");
cmp_ok($grown, '>=', $built - 0.04, "those of the one that has grown $grown");

# ---- a list that is nearly empty among full ones ------------------------------

# Ten groups of 95 rows.
$node->safe_psql('postgres', q{CREATE TABLE tight AS SELECT i AS id, (SELECT
		array_agg((sin(i % 10 * 7.7 + d * (1 + i % 10)) + 0.01 * sin(i * d))::real ORDER BY d)::angle_vector
		FROM generate_series(1, 384) d) AS v FROM generate_series(1, 950) i;
	CREATE INDEX tight_v ON tight USING angle (v)});
my $before = lists('tight_v');
$node->safe_psql('postgres', 'DELETE FROM tight WHERE id % 10 = 3 AND id > 100');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) tight');
cmp_ok(lists('tight_v'), '<', $before,
	'what nearly empty lists have goes to those that are nearly full');
is($node->safe_psql('postgres', q{SELECT angle_index_check('tight_v')}), 865, 'all that are left');

# ---- servers that end while nodes are replaced ------------------------------

# The same rows come again into lists that are nine tenths full.

my $seed = 20250119;
for my $round (1 .. 4)
{
	my $out = '';
	my $run;

	$node->safe_psql('postgres', 'ALTER SEQUENCE batches RESTART');
	$run = IPC::Run::start([ pgbench('-T', 600) ], '<', '/dev/null', '>', \$out, '2>', \$out);
	$seed = ($seed * 1103515245 + 12345) % 2**31;
	usleep(400_000 + $seed % 900_000);
	$node->stop('immediate');
	$run->finish;
	$node->start;
	unlike($out, qr/damaged|TRAP|corrupt/, "round $round: nothing went wrong before the end");
	whole($node, "round $round");
}
$node->wait_for_catchup($standby);
whole($standby, 'standby, at the end');
unlike(slurp_file($standby->logfile), qr/inconsistent page/, 'replay makes the same pages');

done_testing();
