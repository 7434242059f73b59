# Pages of an index that are damaged: whatever reads them raises an error or gives
# rows, and the server goes on; what angle_index_check finds it says by block.
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
autovacuum = off
jit = off
max_wal_size = 1GB
ignore_checksum_failure = on
});
$node->start;
$node->safe_psql('postgres', make_vector(40) . q{
	CREATE TABLE items (id int, v angle_vector(40), tenant int);
	INSERT INTO items SELECT i, make_vector(i), i % 7 FROM generate_series(1, 1500) i;
	CREATE INDEX items_v ON items USING angle (v, tenant);
	CHECKPOINT;
});
my $path = $node->data_dir . '/'
	. $node->safe_psql('postgres', q{SELECT pg_relation_filepath('items_v')});
my $whole = slurp_file($path);
my $blocks = length($whole) / 8192;

sub damage
{
	my ($block, $offset, $bytes) = @_;
	my $content = $whole;

	substr($content, $block * 8192 + $offset, length $bytes) = $bytes;
	$node->stop;
	open my $file, '+<:raw', $path or die $!;
	print $file $content;
	close $file;
	$node->start;
	return;
}

sub check_says
{
	my ($pattern, $name) = @_;
	my ($status, $out, $err) =
		$node->psql('postgres', q{SELECT angle_index_check('items_v')});

	isnt($status, 0, "$name is found");
	like($err, $pattern, "$name: the block is named");
	return;
}

damage(0, 24, 'none');
check_says(qr/index "items_v" is damaged at block 0: not a metapage/, 'another magic number');
damage(0, 28, pack 'S', 99);
check_says(qr/has format 99/, 'another version');
damage(0, 30, pack 'S', 41);
check_says(qr/damaged at block 0: sizes contradict/, 'other dimensions');
damage(0, 0, "\0" x 8192);
check_says(qr/damaged at block 0/, 'an empty metapage');

# The last bytes of a page: its generation, its role, what it is.
my %roles = (head => 2, body => 3, centroids => 4);
my $tail = 8184;
sub number
{
	my ($block, $offset, $format) = @_;
	return unpack($format, substr($whole, $block * 8192 + $offset, 4));
}
# The first block of a role for which a condition holds.
sub find_block
{
	my ($role, $holds) = @_;
	for my $block (1 .. $blocks - 1)
	{
		return $block
			if number($block, $tail + 4, 'S') == $roles{$role}
			&& (!$holds || $holds->($block));
	}
	die "no such block: $role";
}
my $leaf = find_block('head', sub { number($_[0], 24, 'C') == 1 });
my $body = find_block('body');
my $centroids = find_block('centroids');

damage($leaf, $tail + 4, pack 'S', 0);
check_says(qr/outlived the node/, 'a page of another role');
damage($leaf, $tail + 6, pack 'S', 0);
check_says(qr/block $leaf: not a page of an angle index/, 'a page of another kind');
damage($leaf, 24, pack 'C', 9);
check_says(qr/block $leaf: an unknown kind of node/, 'an unknown kind of node');
damage($leaf, 26, pack 'S', 65535);
check_says(qr/block $leaf/, 'an impossible number of entries');
damage($leaf, $tail, pack 'L', 77);
check_says(qr/outlived the node/, 'another generation');
damage($centroids, $tail + 4, pack 'S', 3);
check_says(qr/block $centroids/, 'a page of centroids of another role');

# Entries of a leaf: behind headers of 48 bytes and a live bitmap, 12 bytes each, of which
# the last six lead to the body. Bodies: behind 32 bytes and a live bitmap.
my $capacity = $node->safe_psql('postgres',
	q{SELECT list_capacity FROM angle_index_info('items_v')});
my $entries = 48 + 8 * int(($capacity / 8 + 7) / 8);
my $first = number($leaf, 48, 'C');
my $entry = substr($whole, $leaf * 8192 + $entries, 12);

is($first & 3, 3, 'the first two entries are live');
damage($leaf, $entries + 12, $entry);
check_says(qr/damaged at block \d+, entry \d+: (another entry has the same body|no first entry)/,
	'a body that two rows share');
damage($leaf, $entries + 12 + 6, substr($entry, 6));
check_says(qr/block $leaf, entry 1: where its body should be is another/,
	'an entry that leads to the body of another row');
damage($leaf, $entries + 6, pack 'S', 0x7fff);
check_says(qr/block $leaf, entry 0: where its body should be is another/,
	'an entry that leads to no block');
damage($body, 32, pack 'C', number($body, 32, 'C') & ~1);
check_says(qr/block \d+, entry \d+: (where its body|another number)/, 'a body that is not live');

# Of a row's entries the first must be there; the second makes it easier to find.
my ($one) = grep { $first >> $_ & 1 && !is_second($_) } 0 .. 7;
my ($other) = grep { $first >> $_ & 1 && is_second($_) } 0 .. 7;
sub is_second
{
	return number($leaf, $entries + 12 * $_[0] + 10, 'S') & 0x8000;
}
sub drop_entry
{
	damage($leaf, 26, pack('S', number($leaf, 26, 'S') - 1)
		. substr($whole, $leaf * 8192 + 28, 20) . pack('C', $first & ~(1 << $_[0])));
	return;
}
SKIP:
{
	skip 'no such entry among the first eight', 1 unless defined $other;
	drop_entry($other);
	is($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}),
		1500, 'a row without a second entry is whole');
}
SKIP:
{
	skip 'no such entry among the first eight', 2 unless defined $one;
	drop_entry($one);
	check_says(qr/block \d+, entry \d+: no first entry leads to the body/,
		'a body without a first entry');
}

# Anything, anywhere: seeded chance. Every statement ends, and the server lives.
my $seed = 20250117;
sub chance
{
	$seed = ($seed * 1103515245 + 12345) % 2**31;
	return int($seed / 65536) % $_[0];
}
my @statements = (
	q{SELECT angle_index_check('items_v')},
	q{SELECT rows FROM angle_index_info('items_v')},
	q{SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> make_vector(3) LIMIT 100) x},
	q{SET angle.recall_target = 1;
		SELECT count(*) FROM (SELECT id FROM items WHERE tenant = 3 ORDER BY v <=> make_vector(3)) x},
	q{INSERT INTO items SELECT i, make_vector(i), 1 FROM generate_series(1, 200) i},
	q{DELETE FROM items WHERE id % 50 = 3; VACUUM items},
	q{SELECT angle_index_recall('items_v', 5, 3)});
my $pid = slurp_file($node->data_dir . '/postmaster.pid');
my ($errors, $lost) = (0, 0);
for my $round (1 .. 30)
{
	my $block = chance($blocks);
	my $offset = chance(2) ? 24 + chance(80) : chance(8180);
	my $bytes = join '', map { chr chance(256) } 0 .. chance(8);

	damage($block, $offset, $bytes);
	for my $statement (@statements)
	{
		my ($status, $out, $err) = $node->psql('postgres',
			"SET enable_seqscan = off; SET statement_timeout = '60s'; $statement");

		$errors++ if $status != 0;
		next unless $err =~ /server closed the connection|timeout|PANIC|TRAP/;
		$lost++;
		diag("round $round, block $block, offset $offset: $statement: $err");
	}
}
is($lost, 0, 'no damage ends the server or a statement that never ends');
cmp_ok($errors, '>', 0, 'damage is noticed');

# REINDEX is the way back.
$node->safe_psql('postgres', 'REINDEX INDEX items_v');
is($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'), 'REINDEX mends it');

done_testing();
