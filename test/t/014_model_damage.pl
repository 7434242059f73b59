# Damage to files and chunks of models, and disks that take no more: found,
# mended or reported, and nothing is left half-made.
use strict;
use warnings;
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
my $shipped = $node->config_data('--sharedir') . '/angle/angle-mini.angle';
my $dense = hub('local/dense');
$node->safe_psql('postgres', "SELECT angle_load_model('m', '$shipped')");
my $bits = bits($node, 'm');
my ($name) = images($node);
my $folder = $node->data_dir . '/pg_angle';
my $file = "$folder/$name";
my $good = slurp_file($file);

sub put_file
{
	my ($bytes) = @_;
	open my $out, '>:raw', "$file.new" or die "$file: $!";
	print $out $bytes;
	close $out or die "$file: $!";
	rename "$file.new", $file or die "$file: $!";
	return;
}

sub flipped
{
	my ($at) = @_;
	my $bytes = $good;
	substr($bytes, $at, 1) = chr(ord(substr($bytes, $at, 1)) ^ 0x10);
	return $bytes;
}

# ---- the file
my %damaged = (
	'a flipped bit at the start' => flipped(9),
	'a flipped bit in the middle' => flipped(length($good) / 2),
	'a flipped bit at the end' => flipped(length($good) - 1),
	'a truncated file' => substr($good, 0, 100000),
	'an empty file' => '',
	'a longer file' => $good . 'x');
for my $what (sort keys %damaged)
{
	put_file($damaged{$what});
	my ($rc, $out, $err) = $node->psql('postgres',
		q{SELECT md5(angle_embed('a text', 'm')::text)});
	is($out, $bits, "$what is made good");
	like($err, qr/WARNING:  file "pg_angle\/$name" of model "m" is damaged/,
		"$what is reported");
	ok(slurp_file($file) eq $good, "$what is replaced");
}
unlink $file;
is(bits($node, 'm'), $bits, 'a missing file is made again');
unlink $file;
mkdir $file;
like(error_of($node, q{SELECT angle_embed('x', 'm')}), qr/"pg_angle\/$name"/,
	'a directory in its place is an error');
rmdir $file;

# ---- what is loaded
my $broken = PostgreSQL::Test::Utils::tempdir() . '/broken';
system('cp', '-r', $dense, $broken) == 0 or die 'no copy';
truncate "$broken/model.safetensors", (-s "$broken/model.safetensors") - 100;
like(error_of($node, "SELECT angle_load_model('x', '$broken')"),
	qr/XX001: model "x": file "\Q$broken\E\/model\.safetensors": tensor "[^"]+", at byte \d+ of \d+, goes beyond/,
	'a truncated directory: the model, the file and the place are named');
truncate "$broken/model.safetensors", 5;
like(error_of($node, "SELECT angle_load_model('x', '$broken')"),
	qr/XX001: model "x": file "\Q$broken\E\/model\.safetensors" is too short/,
	'nothing of it');
append_to_file("$broken/cut.angle", substr($good, 0, 3000000));
like(error_of($node, "SELECT angle_load_model('x', '$broken/cut.angle')"),
	qr/XX001: model "x" from "\Q$broken\E\/cut\.angle": .*the file has 3000000 bytes/,
	'a truncated packed file');

# ---- the chunks
sub damaged_chunk
{
	my ($sql) = @_;
	unlink $file;
	return error_of($node, "BEGIN; ALTER TABLE _angle.chunk DISABLE TRIGGER ALL;
		$sql; SELECT angle_embed('x', 'm')");
}
my $first = qr/XX001: model "m" is damaged in the database: chunk 3, at byte 3145728 of \d+/;
like(damaged_chunk('DELETE FROM _angle.chunk WHERE seq = 3'), qr/$first, is missing/,
	'a missing chunk');
like(damaged_chunk('UPDATE _angle.chunk SET data = substr(data, 1, 1000) WHERE seq = 3'),
	qr/$first, has a wrong checksum/, 'a truncated chunk');
like(damaged_chunk('UPDATE _angle.chunk SET data = set_byte(data, 70, 1) WHERE seq = 3'),
	qr/$first, has a wrong checksum/, 'a changed chunk');
like(damaged_chunk('DELETE FROM _angle.chunk WHERE seq > 3'),
	qr/XX001: .*its chunks end at byte 4194304 of \d+/, 'missing chunks at the end');
like(damaged_chunk(q{INSERT INTO _angle.chunk SELECT 'm', seq + 24, crc32c, data
	FROM _angle.chunk}), qr/XX001: .*chunk 24, .* goes beyond/, 'too many chunks');
like(damaged_chunk('UPDATE _angle.chunk c SET data = d.data, crc32c = d.crc32c
	FROM _angle.chunk d WHERE c.seq = 3 AND d.seq = 4'),
	qr/XX001: .*the SHA-256 of its chunks is/, 'a chunk in another\'s place');
is_deeply([ images($node), drafts($node) ], [], 'leave nothing behind');
is(bits($node, 'm'), $bits, 'and the sound ones serve');

# ---- disks that are full, or refuse
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my $draft = "$folder/pgsql_tmp_angle.$pid";
my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM _angle.chunk');
sub state_after
{
	my ($sql) = @_;
	$session->{stderr} = '';
	$session->query("\\set VERBOSITY verbose\n$sql");
	return $session->{stderr};
}
for my $sql ("SELECT angle_load_model('x', '$dense')",
	"SELECT angle_load_model('x', '$shipped')", q{SELECT angle_embed('x', 'm')})
{
	unlink $file;
	symlink '/dev/full', $draft or die "$draft: $!";
	like(state_after($sql), qr/53100: could not write file .*No space left/,
		"$sql on a full disk");
	ok(!-l $draft, 'leaves no draft');
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM _angle.chunk'), $before,
	'and no chunks');
mkdir $draft;
like(state_after("SELECT angle_load_model('x', '$dense')"),
	qr/could not create file "pg_angle/, 'a draft that cannot be made');
rmdir $draft;
is(bits($node, 'm'), $bits, 'with room, it works');
like($session->query(q{SELECT md5(angle_embed('a text', 'm')::text)}), qr/$bits/,
	'in that session, too');
$session->quit;

# What a dead backend has left goes at the next occasion.
append_to_file("$folder/pgsql_tmp_angle.999999999", 'half');
$node->safe_psql('postgres', "SELECT angle_load_model('x', '$dense')");
is_deeply([ drafts($node) ], [], 'drafts of the dead are removed');

done_testing();
