# The functions that angle push calls, called wrongly and with hostile bytes.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin;
use lib $FindBin::RealBin;
use Models;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

my $packed = PostgreSQL::Test::Utils::tempdir() . '/dense.angle';
command_ok([ $node->config_data('--bindir') . '/angle', 'convert',
		hub('local/dense'), $packed ], 'a packed model');
my $good = slurp_file($packed);

# The statements of a push of these bytes in one chunk.
sub push_of
{
	my ($bytes, $digest) = @_;
	return sprintf q{BEGIN; SELECT angle_push_begin('m', %d);
		SELECT angle_push_chunk('m', 0, '\\x%s');
		SELECT angle_push_end('m', '%s');}, length $bytes,
	  unpack('H*', $bytes), $digest // sha256_hex($bytes);
}

like(error_of($node, push_of($good, sha256_hex('other'))),
	qr/XX001: .*SHA-256/, 'what is not what was sent is refused');
for my $at (0, 9, 30, 100, 200, length($good) / 2, length($good) - 1)
{
	my $bytes = $good;
	substr($bytes, $at, 1) = chr(ord(substr($bytes, $at, 1)) ^ 0x10);
	like(error_of($node, push_of($bytes)), qr/(XX001|0A000): model "m": /,
		"damage at $at is refused");
}
like(error_of($node, push_of($_)), qr/XX001: model "m": /, 'no model is none')
  for 'x', "\0" x 4096, substr($good, 0, 200);
is_deeply([ images($node), drafts($node) ], [], 'nothing is left of them');

my $begin = sprintf q{SELECT angle_push_begin('m', %d)}, length $good;
like(error_of($node, "BEGIN; $begin; COMMIT"),
	qr/55000: the push of model "m" is not finished/, 'a commit needs the end');
like(error_of($node, $begin), qr/55000: .*not finished/,
	'also where there is no BEGIN');
like(error_of($node, "BEGIN; $begin; PREPARE TRANSACTION 'p'"),
	qr/(55000: .*not finished|prepared transactions are disabled)/,
	'a prepared transaction, too');
like(error_of($node, q{SELECT angle_push_chunk('m', 0, 'x')}),
	qr/55000: no push of model "m" is under way/, 'a chunk needs the begin');
like(error_of($node, "BEGIN; $begin; SELECT angle_push_chunk('m', 1, 'x')"),
	qr/22023: chunk 1 of model "m" came where chunk 0 must/, 'in order');
like(error_of($node, "BEGIN; $begin; SELECT angle_push_chunk('m', 0, 'x')"),
	qr/22023: chunk 0 of model "m" has 1 bytes but must have/, 'of the right size');
like(error_of($node, "BEGIN; $begin; SELECT angle_push_end('m', repeat('a', 64))"),
	qr/22023: model "m" has 0 of \d+ bytes/, 'all of it');
like(error_of($node, push_of($good, 'xyz')), qr/22023: "xyz" is no SHA-256/,
	'the digest is one');
like(error_of($node, "BEGIN; $begin; SAVEPOINT s;
		SELECT angle_push_chunk('m', 0, '\\x" . unpack('H*', $good) . "');
		ROLLBACK TO s; SELECT angle_push_end('m', '" . sha256_hex($good) . "')"),
	qr/55000: the push of model "m" was rolled back to a savepoint/,
	'a savepoint ends a push');
like(error_of($node, "SELECT angle_push_begin('m', $_)"), qr/22023: a model cannot/,
	"$_ bytes")
  for -1, 0, '9223372036854775807';
like(error_of($node, q{INSERT INTO _angle.chunk VALUES ('x', 0, 0, 'x')}),
	qr/23503: .*chunk_model_fkey/, 'no chunk is without its model');

is(error_of($node, push_of($good) . ' COMMIT'), 'no error', 'a push goes well');
like(bits($node, 'm'), qr/^[0-9a-f]{32}$/, 'and gives a model');
is_deeply([ images($node) ], [ sha256_hex($good) ], 'whose file is there');

# What the progress view says of a push that waits for its client.
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; SELECT angle_push_begin('n', 5000000);
	SELECT angle_push_chunk('n', 0, decode(repeat('00', 1048576), 'hex'))");
is($node->safe_psql('postgres', q{SELECT datname, phase, bytes_done, bytes_total
	FROM angle_stat_progress_load}), 'postgres|receiving|1048576|5000000',
	'the view shows how far it is');
$session->query_safe('ROLLBACK');
is($node->safe_psql('postgres', 'SELECT count(*) FROM angle_stat_progress_load'),
	'0', 'and that it has ended');
$session->quit;

done_testing();
