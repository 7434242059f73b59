#!/usr/bin/perl
# What push does before it has a database: it looks at the model, packs it, and
# says why there is no connection. test/t pushes to a server.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time);
use Tool;

delete @ENV{grep { /^PG/ } keys %ENV};
mkdir 'tmp';
$ENV{TMPDIR} = "$DIR/tmp";
my $dense = "$GOLDEN/encoder/local/dense";
my ($status, $out, $err) = angle('convert', $dense, 'm.angle');
is($status, 0, 'a packed model');

# fails(NAME, PATTERN, ARGUMENT…): exit status 1 and one message
sub fails
{
	my ($name, $pattern, @arguments) = @_;
	my ($status, $out, $err) = angle('push', @arguments);
	is($status, 1, "$name: status");
	like($err, qr/^angle: $pattern/, "$name: message");
	is($err =~ tr/\n//, $err =~ /^hint: /m ? 2 : 1, "$name: one message, one hint");
	is(listing('tmp'), '', "$name: no temporary file");
}

# ---- the model, which is looked at first ----------------------------------

my @nowhere = ('-h', "$DIR/nowhere");
fails('no such file', 'could not read file "gone": No such file', @nowhere, 'm', 'gone');
spit('text', "no model\n" x 100);
fails('not a model', 'model "text": .*not a packed model', @nowhere, 'm', 'text');
my $bytes = slurp('m.angle');
substr($bytes, -1, 1) ^= "\1";
fails('a damaged model', 'model "damaged": ', @nowhere, 'm', spit('damaged', $bytes));
fails('no model directory', '.*config\.json', @nowhere, 'm', "$GOLDEN/encoder");
{
	local $ENV{TMPDIR} = "$DIR/gone";
	fails('no room to pack', 'could not create a file in ".*gone": .*\nhint: .*TMPDIR',
		@nowhere, 'm', $dense);
}

# ---- the connection -------------------------------------------------------

my $refused = "connection to server on socket \"$DIR/nowhere/.s.PGSQL.5432\" failed: No such";
fails('no server', $refused, @nowhere, 'm', 'm.angle');
fails('no server for a directory', $refused, @nowhere, '--quantize', 'f32', 'm', $dense);
fails('connection string', $refused, '-d', "host=$DIR/nowhere", 'm', 'm.angle');
fails('port', "connection .*/nowhere/.s.PGSQL.77\" failed", @nowhere, '-p', 77, 'm', 'm.angle');
fails('URI', 'connection to server at "127.0.0.1", port 9 failed',
	'--dbname', 'postgresql://127.0.0.1:9/x', 'm', 'm.angle');
fails('bad connection string', 'invalid connection option "hots"', '-d', 'hots=x', 'm', 'm.angle');
{
	local $ENV{PGHOST} = "$DIR/nowhere";
	fails('environment', $refused, 'm', 'm.angle');
}

# ---- signals --------------------------------------------------------------

# A server that never answers, in a folder whose name fits into an address.
my $folder = File::Temp::tempdir('/tmp/angle-push-XXXXXX', CLEANUP => 1);
my $server = IO::Socket::UNIX->new(Local => "$folder/.s.PGSQL.5432", Listen => 1)
	or die "cannot listen: $!";
for my $signal ('INT', 'TERM')
{
	my $pid = start_angle('/dev/null', 'push', '-h', $folder, 'm', 'm.angle');
	my $client = $server->accept or die "no connection: $!";
	sysread($client, my $start, 8) or die "no message: $!";
	my $began = time;
	kill $signal, $pid;
	waitpid($pid, 0);
	is($? & 127, {INT => 2, TERM => 15}->{$signal}, "SIG$signal ends a connection attempt");
	cmp_ok(time - $began, '<', 1, 'at once');
	is(slurp("$DIR.err/err"), '', 'without a word');
}

done_testing();
