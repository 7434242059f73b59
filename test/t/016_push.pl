# angle push puts a model into a database, or nothing at all.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA "The Angle";
CREATE EXTENSION angle SCHEMA "The Angle";
CREATE DATABASE bare;
CREATE ROLE joe LOGIN;
ALTER DATABASE postgres SET search_path = "The Angle", public;
SQL
my $angle = $node->config_data('--bindir') . '/angle';
my $file = $node->safe_psql('postgres', q{LOAD 'angle'; SHOW angle.model_directory})
	. '/angle-mini.angle';
my $directory = 'test/golden/encoder/local/dense';
my $temporary = PostgreSQL::Test::Utils::tempdir();
$ENV{TMPDIR} = $temporary;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
delete @ENV{qw(PGDATABASE PGAPPNAME)};

# push(ARGUMENT…): exit status and standard error
sub push_model
{
	my ($out, $err) = ('', '');
	my $tool = IPC::Run::start([ $angle, 'push', @_ ], '<', \undef, '>', \$out, '2>', \$err);
	$tool->finish;
	return ($tool->full_result >> 8, $err . $out);
}

sub succeeds
{
	my ($name, @arguments) = @_;
	my ($status, $err) = push_model(@arguments);
	is("$status$err", '0', "$name: succeeds without a word");
}

sub fails
{
	my ($name, $pattern, @arguments) = @_;
	my ($status, $err) = push_model(@arguments);
	is($status, 1, "$name: exit status");
	like($err, $pattern, "$name: message");
	return $err;
}

sub models
{
	return $node->safe_psql('postgres',
		q{SELECT string_agg(name, ' ' ORDER BY name) FROM angle_models
		WHERE location = 'database'});
}

# ---- what is pushed is used -----------------------------------------------

succeeds('a packed file', '-d', 'postgres', 'mini', $file);
is( $node->safe_psql('postgres',
		q{SELECT angle_embed('a text', 'mini') = angle_embed('a text', 'angle-mini')}),
	't', 'it gives the same embedding as the file');
is( $node->safe_psql('postgres',
		q{SELECT count(DISTINCT sha256) FROM angle_models
		WHERE name IN ('mini', 'angle-mini')}),
	'1', 'and is the same to the last byte');
succeeds('a directory', '-d', $node->connstr('postgres'), 'dense', $directory);
succeeds('a directory as f32', '--quantize=f32', '--pooling=max', 'dense-f32', $directory,
	'--dbname=postgresql:///postgres');
is( $node->safe_psql('postgres',
		q{SELECT string_agg(quantization || ' ' || pooling, ',' ORDER BY name)
		FROM angle_models WHERE name LIKE 'dense%'}),
	'int8 mean,f32 max', 'options of packing have their effect');
like($node->safe_psql('postgres', q{SELECT angle_embed('a text', 'dense')}),
	qr/^\[/, 'the packed directory works');

my $before = models();
my $err = fails('a name that is there', qr/^ERROR: .*"mini"/m, '-d', 'postgres', 'mini', $file);
like($err, qr/^angle: could not push model "mini"/m, 'and says what that means');
is($err =~ s/"mini"/x/gr =~ tr/\n// <= 4, 1, 'in few words');
fails('a bad name', qr/^ERROR: .*/, '-d', 'postgres', 'no name', $file);

# ---- who may, and where ---------------------------------------------------

fails('no extension', qr/^angle: .*database "bare" has no extension angle\nhint: .*CREATE/,
	'-d', 'bare', 'm', $file);
$err = fails('no privilege', qr/^angle: .*role joe may not use .*"The Angle"\nhint: .*GRANT/,
	'-d', 'postgres', '-U', 'joe', 'joes', $file);
$node->safe_psql('postgres', $err =~ /(GRANT .*;)/);
$err = fails('half a privilege', qr/^angle: .*role joe may not push .*\nhint: .*GRANT EXECUTE/,
	'-d', 'postgres', '-U', 'joe', 'joes', $file);
$node->safe_psql('postgres', $err =~ /(GRANT .*;)/);
is(models(), $before, 'so far nothing has changed');
succeeds('as the hints say', '-d', 'postgres', '-U', 'joe', 'joes', $file);
is($node->safe_psql('postgres', q{SELECT owner FROM angle_models WHERE name = 'joes'}),
	'joe', 'the model is of who pushed it');
$node->safe_psql('postgres', q{SELECT angle_drop_model('joes')});

$node->safe_psql('bare', 'CREATE EXTENSION angle VERSION "0.1"')
	if $node->safe_psql('bare',
		q{SELECT count(*) FROM pg_available_extension_versions
		WHERE name = 'angle' AND version = '0.1'});
SKIP:
{
	skip 'version 0.1 is not there', 2
		if !$node->safe_psql('bare', q{SELECT count(*) FROM pg_extension WHERE extname = 'angle'});
	fails('an old extension', qr/^angle: .*version 0\.1, which takes no models\nhint: .*UPDATE/,
		'-d', 'bare', 'm', $file);
}

# Functions of the same names in the search path are not called.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.angle_push_chunk_size() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER DATABASE postgres SET search_path = public, "The Angle";
SQL
succeeds('with a function in the way', '-d', 'postgres', 'guarded', $directory);
$before = models();

# ---- in the middle --------------------------------------------------------

# Pushes with a lock in the way of the chunks; when the server waits for it,
# interferes. Returns exit status and standard error.
sub disturbed
{
	my ($interfere) = @_;
	my ($out, $err) = ('', '');
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; LOCK _angle.chunk IN SHARE MODE');
	my $tool = IPC::Run::start([ $angle, 'push', '-d', 'postgres', 'lost', $file ],
		'<', \undef, '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', <<'SQL') or die 'the push does not wait';
SELECT count(*) = 1 FROM pg_stat_activity
WHERE application_name = 'angle' AND wait_event_type = 'Lock'
SQL
	$interfere->($tool);
	$tool->finish;
	$session->quit;
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'angle'})
	  or die 'the backend stays';
	is(models(), $before, 'no model is left');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM _angle.chunk WHERE model = 'lost'}),
		'0', 'and no chunk');
	return ($tool->full_result, $err);
}

for my $signal ('INT', 'TERM', 'KILL')
{
	my ($result, $err) = disturbed(sub { $_[0]->signal($signal) });
	is($result & 127, {INT => 2, TERM => 15, KILL => 9}->{$signal}, "ended by SIG$signal");
	is($err, '', 'without a word');
}
my ($result, $words) = disturbed(
	sub {
		$node->safe_psql('postgres',
			q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE application_name = 'angle'});
	});
is($result >> 8, 1, 'the backend is terminated: exit status');
like($words, qr/^FATAL:  terminating connection.*^angle: could not push model "lost"/ms, 'message');

opendir(my $folder, $temporary) or die $!;
is_deeply([grep { !/^\.\.?$/ } readdir $folder], [], 'no temporary file is left');

succeeds('after all that', '-d', 'postgres', 'lost', $file);
like(models(), qr/\blost\b/, 'the model is there');

done_testing();
