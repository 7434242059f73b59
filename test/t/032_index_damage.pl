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
damage(1, 8186, pack 'SS', 0, 0);
check_says(qr/block 1/, 'a page of another kind');
damage(1, 24, pack 'C', 9);
check_says(qr/block 1: an unknown kind of node/, 'an unknown kind of node');
damage(1, 26, pack 'S', 65535);
check_says(qr/block 1/, 'an impossible number of entries');
damage(1, 28, pack 'L', 77);
check_says(qr/outlived the node/, 'another generation');

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
