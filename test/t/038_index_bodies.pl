# Bodies of rows lie apart from the two entries that lead to them: their places are used
# again, whoever is killed, and a scan that has read an entry never takes another row's body
# for that of its own.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use IndexNodes;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = killable_node();
$node->safe_psql('postgres', make_vector(64) . q{
	CREATE EXTENSION pg_walinspect;
	CREATE TABLE items (id int, v angle_vector(64));
	INSERT INTO items SELECT i, make_vector(i) FROM generate_series(1, 6000) i;
	CREATE INDEX items_v ON items USING angle (v);
	CREATE TABLE wide (id int, v angle_vector(9000));
	CREATE INDEX wide_v ON wide USING angle (v) WITH (rerank = 16);
});
my $standby = standby_of($node);
my $settings = 'SET enable_seqscan = off; SET enable_sort = off;';

# The index is whole, and has the rows that can be seen; and others, where VACUUM has not
# been since rows were deleted or a server was killed.
sub whole
{
	my ($server, $when) = @_;
	my $rows = checked_rows($server, 'items_v');

	cmp_ok($rows, '>=', $server->safe_psql('postgres', 'SELECT count(*) FROM items'),
		"$when: the index is whole");
	is($server->safe_psql('postgres', "$settings SELECT count(*), count(DISTINCT id) FROM
			(SELECT id FROM items ORDER BY v <=> make_vector(7)) x"),
		$server->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM items'),
		"$when: every row comes once");
	return;
}

whole($node, 'built');

# ---- places are used again ---------------------------------------------------

my $size = "SELECT pg_relation_size('items_v')";
for my $round (1 .. 3)
{
	$node->safe_psql('postgres', $_) for 'DELETE FROM items WHERE id % 3 = 0',
		'VACUUM items', 'INSERT INTO items SELECT i, make_vector(i)
			FROM generate_series(3, 6000, 3) i';
}
my $settled = $node->safe_psql('postgres', $size);
for my $round (1 .. 3)
{
	$node->safe_psql('postgres', $_) for 'DELETE FROM items WHERE id % 3 = 1',
		'VACUUM items', 'INSERT INTO items SELECT i, make_vector(i)
			FROM generate_series(1, 6000, 3) i';
}
cmp_ok($node->safe_psql('postgres', $size), '<=', $settled * 1.1,
	'an index whose rows are replaced does not grow');
whole($node, 'replaced');

# ---- scans across VACUUM -------------------------------------------------------

# The scan has entries of rows that are deleted, vacuumed, and whose places other rows get
# before it looks at bodies; it must see its snapshot's rows, each once.
for my $server ($node, $standby)
{
	my $name = $server->name;
	my $expected;
	my $reader;
	my @got;
	my %once;

	$node->safe_psql('postgres', 'UPDATE items SET id = id WHERE id % 5 = 0');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP OFF) items');
	$node->wait_for_catchup($standby);
	$expected = $server->safe_psql('postgres', 'SELECT count(*) FROM items');
	$reader = $server->background_psql('postgres', on_error_stop => 1);
	$reader->query_safe("$settings BEGIN; DECLARE c CURSOR FOR
		SELECT id FROM items ORDER BY v <=> make_vector(9);");
	@got = split /\n/, $reader->query_safe('FETCH 10 FROM c');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	$node->safe_psql('postgres', 'INSERT INTO items SELECT 100000 + i, make_vector(i)
		FROM generate_series(1, 1500) i');
	$node->wait_for_catchup($standby);
	push @got, split /\n/, $reader->query_safe('FETCH ALL FROM c');
	%once = map { $_ => 1 } @got;
	is(scalar(@got) . '|' . scalar(keys %once), "$expected|$expected",
		"$name: a scan sees every row once while bodies are used again");
	is(scalar(grep { $_ >= 100000 } @got), 0, "$name: and none that came later");
	$reader->query_safe('COMMIT');
	$reader->quit;
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id > 100000');
	$node->safe_psql('postgres', 'VACUUM items');
}
whole($node, 'after the scans');

# ---- leaves that are full --------------------------------------------------------

# What a build has left full takes first entries in place of second ones before it is split.
my $lists = q{SELECT lists FROM angle_index_info('items_v')};
$node->safe_psql('postgres', 'REINDEX INDEX items_v');
my $built = $node->safe_psql('postgres', $lists);
$node->safe_psql('postgres', 'INSERT INTO items SELECT 100000 + i, make_vector(i)
	FROM generate_series(1, 600) i');
cmp_ok($node->safe_psql('postgres', $lists), '<=', 1.05 * $built,
	'a tenth more rows make few leaves more');
whole($node, 'after first entries took the place of second ones');
$node->safe_psql('postgres', 'INSERT INTO items SELECT 100600 + i, make_vector(i)
	FROM generate_series(1, 12000) i');
cmp_ok($node->safe_psql('postgres', $lists), '>=', 2 * $built,
	'twice as many more are divided among more leaves');
whole($node, 'after splits of full leaves');
$node->safe_psql('postgres', $_) for 'DELETE FROM items WHERE id > 100000', 'VACUUM items';

# ---- WAL -----------------------------------------------------------------------

# An insertion writes its body and two entries by one record, and no more than they are.
$node->safe_psql('postgres', $_) for 'CHECKPOINT', 'INSERT INTO items
	SELECT 200000 + i, make_vector(i) FROM generate_series(1, 300) i';
my $from = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
$node->safe_psql('postgres', 'INSERT INTO items SELECT 300000 + i, make_vector(i)
	FROM generate_series(1, 300) i');
my $each = $node->safe_psql('postgres', qq{SELECT round(sum(record_length - fpi_length) / 300.0)
	FROM pg_get_wal_records_info('$from', pg_current_wal_flush_lsn())
	WHERE resource_manager = 'Generic'});
cmp_ok($each, '<', 400, "an insertion writes $each bytes of WAL");
cmp_ok($each, '>', 64 * 6 / 8, 'which are what it adds');

# ---- bodies of several pages ----------------------------------------------------

$node->safe_psql('postgres', 'INSERT INTO wide SELECT i, (SELECT array_agg(sin(i * d)::real)
	FROM generate_series(1, 9000) d)::angle_vector FROM generate_series(1, 60) i');
$node->safe_psql('postgres', $_) for 'DELETE FROM wide WHERE id % 2 = 0', 'VACUUM wide';
my $wide = $node->safe_psql('postgres', q{SELECT pg_relation_size('wide_v')});
$node->safe_psql('postgres', 'INSERT INTO wide SELECT i, (SELECT array_agg(sin(i * d)::real)
	FROM generate_series(1, 9000) d)::angle_vector FROM generate_series(2, 60, 2) i');
is($node->safe_psql('postgres', q{SELECT angle_index_check('wide_v')}), 60,
	'large bodies: the index is whole');
# 30 bodies of three pages each, beside leaves that may be split
cmp_ok($node->safe_psql('postgres', q{SELECT pg_relation_size('wide_v')}), '<',
	$wide + 30 * 8192, 'large bodies: their places are used again');

# ---- servers that are killed ----------------------------------------------------

my $seed = 20260301;
for my $round (0 .. 3)
{
	my $out = '';
	my $client = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			'DELETE FROM items WHERE id % 4 = ' . $round, '-c', 'VACUUM items', '-c',
			"INSERT INTO items SELECT i, make_vector(i) FROM generate_series($round + 4, 6000, 4) i" ],
		'<', '/dev/null', '>', \$out, '2>', \$out);

	$seed = ($seed * 1103515245 + 12345) % 2**31;
	select(undef, undef, undef, (20_000 + $seed % 400_000) / 1e6);
	$node->stop('immediate');
	$client->finish;
	$node->start;
	whole($node, "killed, round $round");
}
$node->safe_psql('postgres', 'VACUUM items');
whole($node, 'in the end');
is($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'), 'and nothing is left of others');
is($node->safe_psql('postgres', q{SELECT rows FROM angle_index_info('items_v')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'), 'nor of their bodies');
$node->wait_for_catchup($standby);
whole($standby, 'standby in the end');
unlike(slurp_file($standby->logfile), qr/inconsistent page|TRAP|PANIC/,
	'replay makes the same pages');
unlike(slurp_file($node->logfile), qr/TRAP|PANIC/, 'no process crashed');

done_testing();
