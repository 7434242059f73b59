# What the tests of the command line tool share: running it, and reading what
# it wrote. ANGLE names the program; it is build/release/angle without it.
package Tool;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP ();
use List::Util qw(sum0);
use Test::More;

our @EXPORT = qw(angle succeeds start_angle slurp spit listing safetensors npy_rows
	text_rows golden largest_difference $GOLDEN $DIR);

my $TOP = abs_path(dirname(__FILE__) . '/../..');
our $PROGRAM = abs_path($ENV{ANGLE} // "$TOP/build/release/angle");
our $GOLDEN = "$TOP/test/golden";
# Each test works in a folder of its own, which is then empty.
our $DIR = tempdir(CLEANUP => 1);
chdir $DIR or die "cannot enter $DIR: $!";
mkdir "$DIR.err";
END { system('rm', '-rf', "$DIR.err") }

sub slurp
{
	my ($path) = @_;
	open(my $file, '<:raw', $path) or die "cannot read $path: $!";
	local $/;
	return <$file> // '';
}

sub spit
{
	my ($path, $bytes) = @_;
	open(my $file, '>:raw', $path) or die "cannot write $path: $!";
	print $file $bytes;
	close $file or die "cannot write $path: $!";
	return $path;
}

# The names of what lies in a folder, sorted, as one string.
sub listing
{
	my ($path) = @_;
	opendir(my $folder, $path // '.') or die "cannot read $path: $!";
	return join ' ', sort grep { !/^\.\.?$/ } readdir $folder;
}

# Starts the tool with standard input from a file; returns its process.
sub start_angle
{
	my ($input, @arguments) = @_;
	my $pid = fork // die "cannot fork: $!";
	if ($pid == 0)
	{
		# whatever nohup or a shell in the background made of them
		@SIG{qw(INT TERM HUP)} = ('DEFAULT') x 3;
		open(STDIN, '<', $input) or die;
		open(STDOUT, '>', "$DIR.err/out") or die;
		open(STDERR, '>', "$DIR.err/err") or die;
		exec { $PROGRAM } 'angle', @arguments;
		die "cannot run $PROGRAM: $!";
	}
	return $pid;
}

# Runs the tool; the first argument may be {input => BYTES}.
# Returns its exit status, standard output and standard error.
sub angle
{
	my $options = ref $_[0] ? shift : {};
	my $input = '/dev/null';
	$input = spit("$DIR.err/in", $options->{input}) if defined $options->{input};
	waitpid(start_angle($input, @_), 0);
	my $status = $? & 127 ? "signal " . ($? & 127) : $? >> 8;
	return ($status, slurp("$DIR.err/out"), slurp("$DIR.err/err"));
}

# The test that the tool ends well, and says nothing.
sub succeeds
{
	my ($name, @arguments) = @_;
	my ($status, $out, $err) = angle(@arguments);

	return is("$status$out$err", '0', $name);
}

# The tensors of a safetensors file: name to "DTYPE SHAPE" and bytes.
sub safetensors
{
	my ($path) = @_;
	my $file = slurp($path);
	my $size = unpack 'Q<', $file;
	my $header = JSON::PP::decode_json(substr $file, 8, $size);
	my %tensors;
	for my $name (grep { $_ ne '__metadata__' } keys %$header)
	{
		my $entry = $header->{$name};
		my ($start, $stop) = @{$entry->{data_offsets}};
		$tensors{$name} = join ' ', $entry->{dtype}, "@{$entry->{shape}}",
			unpack('H*', substr $file, 8 + $size + $start, $stop - $start);
	}
	return \%tensors;
}

# The rows of a two-dimensional float32 array in NumPy's format.
sub npy_rows
{
	my ($path) = @_;
	my $file = slurp($path);
	my ($magic, $version, $size) = unpack 'a6 a2 v', $file;
	die "not an array of version 1.0" if $magic ne "\x93NUMPY" or $version ne "\1\0";
	my $header = substr $file, 10, $size;
	die "header: $header"
		if $header !~ /^\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n$/
		or (10 + $size) % 64;
	my ($rows, $columns) = ($1, $2);
	my @values = unpack 'f<*', substr $file, 10 + $size;
	die "size" if @values != $rows * $columns;
	return [map { [splice @values, 0, $columns] } 1 .. $rows];
}

# The rows of angle_vector's text format.
sub text_rows
{
	my ($text) = @_;
	return [map { /^\[([^\]]+)\]$/ or die "line: $_"; [split /,/, $1] } split /\n/, $text];
}

# A golden model: its directory, its cases, and the embedding of each case.
sub golden
{
	my ($name) = @_;
	my $base = "$GOLDEN/encoder/$name";
	my $cases = JSON::PP::decode_json(slurp("$base.json"))->{cases};
	my @values = unpack 'f<*', slurp("$base.f32");
	my @short = grep { $_ } map { $_->{dimensions} } @$cases;
	my $width = (@values - sum0(@short)) / (@$cases - @short);
	return ($base, $cases, [map { [splice @values, 0, $_->{dimensions} || $width] } @$cases]);
}

# The largest difference of two lists of rows; a difference of shape is huge.
sub largest_difference
{
	my ($a, $b) = @_;
	my $largest = 0;
	return 9e9 if @$a != @$b;
	for my $i (0 .. $#$a)
	{
		return 9e9 if @{$a->[$i]} != @{$b->[$i]};
		for my $j (0 .. $#{$a->[$i]})
		{
			my $difference = abs($a->[$i][$j] - $b->[$i][$j]);
			$largest = $difference if $difference > $largest;
		}
	}
	return $largest;
}

1;
