# VACUUM merges lists of which little is left: space comes free and is used again, recall
# stays, killed servers find the index whole, and a standby is read all the while.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use List::Util qw(min);
use IndexNodes;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = killable_node();
$node->safe_psql('postgres', make_vector(48) . q{
	CREATE TABLE source AS SELECT i AS id, make_vector(i) AS v, i % 7 AS tenant
		FROM generate_series(1, 12000) i;
	CREATE TABLE items (LIKE source);
	CREATE INDEX items_v ON items USING angle (v, tenant);
	INSERT INTO items SELECT * FROM source;
});
my $standby = standby_of($node);

my $settings = 'SET enable_seqscan = off; SET enable_sort = off; SET angle.recall_target = 1;';

sub info
{
	my ($what) = @_;
	return $node->safe_psql('postgres', "SELECT $what FROM angle_index_info('items_v')");
}

sub vacuum
{
	# what went is free once a transaction came after it
	$node->safe_psql('postgres', 'SELECT pg_current_xact_id()');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	return;
}

sub whole
{
	my ($server, $when) = @_;

	like(checked_rows($server, 'items_v'), qr/^\d+$/,
		"$when: the index is whole");
	is($server->safe_psql('postgres', "$settings SELECT count(*), count(DISTINCT id), sum(id)
			FROM (SELECT id FROM items ORDER BY v <=> make_vector(7)) x"),
		$server->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), sum(id) FROM items'),
		"$when: all rows are found");
	return;
}

# ---- what comes free --------------------------------------------------------

my $lists = info('lists');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 10 <> 0');
vacuum();
whole($node, 'nine of ten rows deleted');
cmp_ok(info('lists'), '<=', $lists / 4, "of $lists lists a quarter is left at most");
is(info('unused * 2 > lists + inner_nodes'), 't', 'and most segments are unused');
my $built = $node->safe_psql('postgres', q{CREATE INDEX built ON items USING angle (v, tenant);
	SELECT angle_index_recall('built')});
$node->safe_psql('postgres', 'DROP INDEX built');
# 0.95 is what is asked for; of few lists a build may find more
cmp_ok($node->safe_psql('postgres', q{SELECT angle_index_recall('items_v')}), '>=', min($built, 0.95) - 0.03,
	"recall is what it should be, or that of an index that is built of what is left, $built");

vacuum();
my $bytes = info('bytes');
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM source WHERE id BETWEEN 5000 AND 9000');
is(info('bytes'), $bytes, 'insertions use what came free');
whole($node, 'rows came again');

# Down to a single list, to none, and up again.
for my $left ('id = 10 OR id % 1000 = 0', 'false')
{
	$node->safe_psql('postgres', "DELETE FROM items WHERE NOT ($left)");
	vacuum();
	whole($node, "only $left is left");
	is(info('lists, inner_nodes'), '1|0', 'in one list');
}
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM source');
whole($node, 'the tree has grown again');

# A list that loses rows among others that lose none is not merged with what is far.
vacuum();
my $full = info('lists');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id IN
	(SELECT id FROM items ORDER BY v <=> make_vector(5) LIMIT 40)');
vacuum();
cmp_ok(info('lists'), '>=', $full - 3, 'other lists stay');
whole($node, 'few rows deleted');

# ---- a standby that is read -------------------------------------------------

# Pages of the table are pruned before the scans begin, which have some of them pinned.
$node->safe_psql('postgres', $_) for 'DELETE FROM items WHERE id % 9 <> 0',
	'VACUUM (INDEX_CLEANUP OFF) items';
$node->wait_for_catchup($standby);
my $expected = $standby->safe_psql('postgres', 'SELECT count(*) FROM items');
my $reader = $standby->background_psql('postgres', on_error_stop => 1);
$reader->query_safe("$settings SET angle.recall_target = 0.8; BEGIN;
	DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(9);");
my $second = $standby->background_psql('postgres', on_error_stop => 1);
$second->query_safe("$settings SET angle.recall_target = 0.8; BEGIN;
	DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(9);");
my @got = split /\n/, $reader->query_safe('FETCH 10 FROM c');
my @others = split /\n/, $second->query_safe('FETCH 10 FROM c');
vacuum();
$node->wait_for_catchup($standby);
push @got, split /\n/, $reader->query_safe('FETCH ALL FROM c');
my %once = map { $_ => 1 } @got;
is(scalar(@got) . '|' . scalar(keys %once), "$expected|$expected",
	'a scan on the standby finds every row while lists are merged');
$reader->query_safe('COMMIT');
# the primary does not know of this scan, and uses again what it has not read yet
vacuum();
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM source WHERE id % 9 <> 0');
$node->wait_for_catchup($standby);
push @others, split /\n/, eval { $second->query_safe("FETCH ALL FROM c") } // diag(slurp_file($standby->logfile));
%once = map { $_ => 1 } @others;
is(scalar(grep { $_ % 9 != 0 } @others), 0, 'or passes over what was used again');
is(scalar(@others), scalar(keys %once), 'and gives no row twice');
$second->query_safe('COMMIT');
$_->quit for $reader, $second;
whole($node, 'primary');
whole($standby, 'standby');

# ---- servers that are killed ------------------------------------------------

my $seed = 20260117;
for my $round (0 .. 5)
{
	my $out = '';
	$node->safe_psql('postgres', 'TRUNCATE items; INSERT INTO items SELECT * FROM source;
		DELETE FROM items WHERE id % 12 <> 0');
	my $client = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'VACUUM items' ],
		'<', '/dev/null', '>', \$out, '2>', \$out);

	$seed = ($seed * 1103515245 + 12345) % 2**31;
	usleep(15_000 + $seed % 120_000);
	$node->stop('immediate');
	$client->finish;
	$node->start;
	whole($node, "killed, round $round");
	vacuum();
	whole($node, "killed and vacuumed, round $round");
	cmp_ok(info('lists'), '<=', $lists / 4, "round $round: the rest was merged");
}
$node->wait_for_catchup($standby);
whole($standby, 'standby in the end');
unlike(slurp_file($standby->logfile), qr/inconsistent page|TRAP|PANIC/,
	'replay makes the same pages');
unlike(slurp_file($node->logfile), qr/TRAP|PANIC/, 'no process crashed');

done_testing();
