# Model files that are missing, damaged or no models at all: an error that says
# so, and a view that lists the others.
use strict;
use warnings;
use File::Copy qw(copy move);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

my $shipped = $node->safe_psql('postgres',
	q{LOAD 'angle'; SHOW angle.model_directory}) . '/angle-mini.angle';
ok(-f $shipped, 'the model that ships is where the server looks');
my $good = slurp_file($shipped);

my $directory = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $directory;
$node->append_conf('postgresql.conf', "angle.model_directory = '$directory'");
$node->restart;

sub put_model
{
	my ($name, $bytes) = @_;
	my $path = "$directory/$name.angle";
	open my $file, '>:raw', "$path.new" or die "$path: $!";
	print $file $bytes;
	close $file or die "$path: $!";
	move("$path.new", $path) or die "$path: $!";
	return;
}

sub flipped
{
	my ($at) = @_;
	my $bytes = $good;
	substr($bytes, $at, 1) = chr(ord(substr($bytes, $at, 1)) ^ 0x10);
	return $bytes;
}

put_model('good', $good);
put_model('empty', '');
put_model('text', "this is no model\n" x 100);
put_model('truncated', substr($good, 0, length($good) / 2));
put_model('short', substr($good, 0, 20));
put_model('longer', $good . "\0" x 64);
put_model('flip-head', flipped(9));
put_model('flip-middle', flipped(length($good) / 2));
put_model('flip-end', flipped(length($good) - 1));
put_model('no name', $good);
put_model('secret', $good);
chmod 0, "$directory/secret.angle";
mkdir "$directory/folder.angle";
symlink "$directory/nowhere", "$directory/dangling.angle";

sub error_of
{
	my ($model) = @_;
	my ($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT angle_embed('x', '$model')");
	isnt($rc, 0, "$model: is refused");
	return $err;
}

is($node->safe_psql('postgres', q{SELECT count(angle_embed('x', 'good'))}),
	'1', 'a good model in the directory works');
for my $model (qw(empty text truncated short longer flip-head flip-middle
	flip-end))
{
	like(error_of($model), qr/ERROR:  (XX001|0A000): model file "[^"]*$model/,
		"$model: the error names the file");
}
like(error_of('secret'), qr/ERROR:  42501: .*secret\.angle": Permission denied/,
	'a file that the server may not read');
like(error_of('folder'), qr/ERROR:  58030: .*not a regular file/,
	'a directory is no model');
like(error_of($_), qr/ERROR:  42704: model "$_" does not exist/,
	"$_: does not exist")
  for 'missing', 'dangling';
like(error_of('missing'), qr/HINT:  Available models: .*"good"/,
	'the hint lists what there is');
like(error_of($_), qr/ERROR:  42602: invalid model name/, "$_: is no name")
  for '../good', '/etc/passwd', '.good', 'no name', '', 'good/', 'x' x 64,
  "good\n";

# The view lists the good ones and warns of the others.
my ($rc, $out, $err) = $node->psql('postgres',
	'SELECT name, bytes, sha256 FROM angle_models');
my $sha256 = $node->safe_psql('postgres',
	"SELECT encode(sha256(pg_read_binary_file('$shipped')), 'hex')");
is($out, join('|', 'good', length($good), $sha256), 'the view lists good');
my $warnings = () = $err =~ /WARNING:  skipping model file/g;
is($warnings, 11, 'and warns of each other file');
unlike($err, qr/no name/, 'what has no model name is not looked at');

# A model that is open stays what it was when its file is replaced.
my $session = $node->background_psql('postgres');
my $query = q{SELECT md5(angle_embed('a text', 'good')::text)};
my $before = $session->query_safe($query);
put_model('good', flipped(length($good) / 2));
is($session->query_safe($query), $before, 'an open model does not change');
unlink "$directory/good.angle";
is($session->query_safe($query), $before, 'nor when its file is gone');
$session->quit;
like(error_of('good'), qr/42704/, 'but new backends see that');

# Who may say where models are.
for my $set (
	"SET angle.model_directory = '/tmp'",
	"ALTER ROLE CURRENT_USER SET angle.model_directory = '/tmp'")
{
	($rc, $out, $err) = $node->psql('postgres', "LOAD 'angle'; $set");
	like($err, qr/cannot be changed now/, "$set: is refused");
}
($rc, $out, $err) = $node->psql('postgres',
	"SET angle.model_directory = '/tmp'; SELECT angle_embed('x', 'good')");
like($err, qr/$directory/, 'also before the library is loaded');

# A directory that is not there.
$node->append_conf('postgresql.conf', "angle.model_directory = '$directory/no'");
$node->reload;
like(error_of('good'), qr/HINT:  .*angle\.model_directory/,
	'the hint points to the setting');
($rc, $out, $err) = $node->psql('postgres', 'SELECT * FROM angle_models');
is($rc, 0, 'the view works without a directory');
like($err, qr/WARNING:  could not open directory/, 'and says so');

done_testing();
