#!/usr/bin/perl
# Lines to embeddings, in every format, against the goldens of Python.
use strict;
use warnings;
use Encode qw(encode_utf8);
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Tool;

my ($model, $cases, $expected) = golden('local/dense');
my @texts = map { encode_utf8($_->{text}) } @$cases;
my @lines = grep { $texts[$_] !~ /\n/ && !defined $cases->[$_]{prompt}
	  && !$cases->[$_]{dimensions} } 0 .. $#texts;
my $input = join '', map { "$texts[$_]\n" } @lines;
my $golden = [@$expected[@lines]];
cmp_ok(scalar @lines, '>=', 10, 'there are golden lines');

my ($status, $out, $err) = angle('convert', '--quantize', 'f32', $model, 'm.angle');
is($status, 0, 'a packed model');

# The tolerance of the encoder: the order of summation differs from Python's.
my $tolerance = 2e-5;

# ---- formats --------------------------------------------------------------

($status, $out, $err) = angle({input => $input}, qw(embed --model m.angle));
is("$status$err", '0', 'text');
my $rows = text_rows($out);
cmp_ok(largest_difference($rows, $golden), '<=', $tolerance, 'text has the golden values');
my $text = $out;

($status, $out, $err) = angle({input => $input}, qw(embed --model m.angle --format npy --output e.npy));
is("$status$out$err", '0', 'npy');
my $array = npy_rows('e.npy');
cmp_ok(largest_difference($array, $golden), '<=', $tolerance, 'npy has the golden values');
is_deeply([map { [map { unpack 'H*', pack 'f<', $_ } @$_] } @$rows],
	[map { [map { unpack 'H*', pack 'f<', $_ } @$_] } @$array],
	'text reads back to the bits of npy');
angle({input => $input}, qw(embed --model m.angle --format npy));
is_deeply(npy_rows("$DIR.err/out"), $array, 'npy to a redirected standard output');

($status, $out, $err) = angle({input => $input}, qw(embed --model m.angle --format copy));
is("$status$err", '0', 'copy');
is(substr($out, 0, 19), "PGCOPY\n\377\r\n\0" . "\0" x 8, 'copy starts with the signature');
is(substr($out, -2), "\377\377", 'copy ends with the trailer');
my $width = @{$golden->[0]};
my $size = 2 + 4 + 4 + 4 * $width;
my @tuples = unpack "(a$size)*", substr $out, 19, -2;
is(scalar @tuples, scalar @lines, 'copy has a row for each line');
is(join(' ', unpack 'n N n n', $tuples[0]), '1 ' . (4 + 4 * $width) . " $width 0",
	'a row has one field, with its length and dimensions');
is_deeply([map { [unpack 'x10 (f>)*', $_] } @tuples], $array, 'copy has the values of npy');

# ---- input ----------------------------------------------------------------

sub embed
{
	my ($name, $input, @arguments) = @_;
	my ($status, $out, $err) = angle({input => $input}, qw(embed --model m.angle), @arguments);
	is("$status$err", '0', $name);
	return $out;
}

my $cat = embed('one line', "cat\n");
is(embed('a last line without a newline', 'cat'), $cat, 'counts');
is(embed('empty lines', "\ncat\n\n"), embed('one empty line', "\n") . $cat . embed('again', "\n"),
	'are texts');
is(embed('nothing', ''), '', 'gives nothing');
is(embed('a column', "1\tcat\tdog\n2\tcat\n", '--column', 2), $cat x 2, 'of TSV');
is(embed('one thread', $input, '--threads', 1), $text, 'gives the same as several');
is(embed('the directory', $input, '--model', $model), $text, 'gives the same as the packed file');

spit('a', "cat\n");
spit('b', 'cat');
is(embed('files', "cat\n", 'a', '-', 'b'), $cat x 3, 'and standard input, in their order');
system("xz -c a > a.xz") == 0 or die;
is(embed('a file of xz', '', 'a.xz'), $cat, 'is decompressed');
is(embed('xz from standard input', slurp('a.xz')), $cat, 'too');
unlink 'a.xz';
my $many = join '', map { "cat $_\n" } 1 .. 2500;
my $batches = embed('more lines than a batch', $many);
is(scalar(() = $batches =~ /\n/g), 2500, 'are all there');
is((split /^/, $batches)[2000], embed('line 2001 alone', "cat 2001\n"), 'in their order');

# ---- prompts and dimensions -----------------------------------------------

is(embed('a template', "cat\n", '--prompt', 'a {text}!'), embed('written out', "a cat!\n"),
	'is put around the text');
my $short = text_rows(embed('a prefix', "cat\n", '--dimensions', 6))->[0];
is(scalar @$short, 6, 'has that many dimensions');
my $norm = 0;
$norm += $_ ** 2 for @$short;
cmp_ok(abs($norm - 1), '<', 1e-5, 'and is normalised');

($status, $out, $err) =
	angle('convert', "$GOLDEN/encoder/WhereIsAI/UAE-Large-V1", 'uae.angle');
($status, $out, $err) = angle({input => "cat\n"}, qw(embed --model uae.angle --prompt query));
is($status, 0, 'a prompt by its name');
is($out, (angle({input => "cat\n"}, qw(embed --model uae.angle --prompt),
	'Represent this sentence for searching relevant passages: {text}'))[1], 'is its template');

# ---- errors ---------------------------------------------------------------

sub fails
{
	my ($name, $pattern, $input, @arguments) = @_;
	my ($status, $out, $err) = angle({input => $input}, 'embed', @arguments);
	is($status, 1, "$name: status");
	like($err, qr/^angle: $pattern/, "$name: message");
}

my $before = listing();
my @m = qw(--model m.angle);
fails('invalid UTF-8', 'file "standard input", line 3: .*UTF-8', "cat\n\ncaf\xe9\n", @m);
fails('invalid UTF-8 in a file', 'file "latin", line 1: ', '', @m,
	spit('latin', "\xff\n"));
unlink 'latin';
fails('a missing column', 'file "standard input", line 2: there is no column 2', "a\tb\na\n", @m, '--column', 2);
fails('a missing file', 'could not read file "gone": No such file', '', @m, 'gone');
fails('a missing model', '.*"gone": No such file', '', '--model', 'gone');
fails('a directory that is no model', '.*config\.json', '', '--model', $GOLDEN);
fails('an unknown prompt', '.*"nonsense".*\nhint: ', "cat\n", qw(--model uae.angle --prompt nonsense));
fails('too many dimensions', '.*dimensions', "cat\n", @m, '--dimensions', 4000);
fails('a model that is none', 'model "a": ', '', '--model', 'a');
fails('an existing output', '"a" exists already', "cat\n", @m, '--output', 'a');
fails('a late failure', 'file "standard input", line 2', "cat\n\xff\n", @m, qw(--output new));
is(listing(), $before, 'failures leave no files');

is(embed('--force', "cat\n", qw(--output a --force)), '', 'writes no more to standard output');
is(slurp('a'), $cat, '--force replaces the file');

my $pipe = `echo cat | $Tool::PROGRAM embed --model m.angle --format npy 2>&1 | cat`;
like($pipe, qr/^angle: the npy format cannot be written to a pipe.*\nhint: .*--output FILE/,
	'npy to a pipe is refused with a way out');
my $full = `echo cat | $Tool::PROGRAM embed --model m.angle 2>&1 > /dev/full; echo \$?`;
like($full, qr/could not write .*: No space left on device\n1\n$/, 'a full disk is noticed');
spit('many', "cat\n" x 2000);
my $limited = "trap '' XFSZ; ulimit -f 8; $Tool::PROGRAM embed --model m.angle --output";
like(`($limited new many) 2>&1`,
	qr/^angle: .*file "new": could not write the embeddings: File too large/,
	'and says which file could not be written');
unlink 'many';
is(listing() =~ /\bnew/ ? 'something' : 'nothing', 'nothing', 'of which is left');

# ---- folder for temporary files -------------------------------------------

{
	mkdir 'tmp';
	local $ENV{TMPDIR} = 'tmp';
	# names that a run which was killed may have left
	spit("tmp/angle-$_", '') for $$ .. $$ + 100;
	my $left = listing('tmp');
	is(embed('names that are taken', "cat\n", '--model', $model), $cat, 'do no harm');
	is(listing('tmp'), $left, 'nothing is left');
	$ENV{TMPDIR} = 'gone';
	fails('no such folder', 'could not create a file in "gone": .*\nhint: .*TMPDIR', "cat\n",
		'--model', $model);
}

# ---- progress on a terminal -----------------------------------------------

SKIP:
{
	skip 'no pseudo-terminals here', 15 if `script -qec 'echo yes' /dev/null 2>&1` !~ /yes/;
	spit('many', "the words of a line\n" x 40000);
	for my $width (20, 80, 200)
	{
		my $shown = `script -qec 'stty cols $width; $Tool::PROGRAM embed --model m.angle many > /dev/null' /dev/null`;
		my @drawn = split /[\r\n]+/, $shown;
		like($shown, qr/\d+%  \d+ lines, /, "$width columns: progress is shown");
		is_deeply([grep { length >= $width } @drawn[0 .. $#drawn - 1]], [],
			"$width columns: it stays on its line");
		unlike($shown, qr/\e/, "$width columns: no terminal is too dumb for it");
		like($drawn[-1], qr/^embedding: 40000 lines, /, "$width columns: a summary stays");
	}

	my $mixed = `script -qec '$Tool::PROGRAM embed --model m.angle many' /dev/null`;
	unlike($mixed, qr/lines/, 'progress does not mix with embeddings');
	my $typed = `(sleep 0.3; echo cat) | script -qec '$Tool::PROGRAM embed --model m.angle --output typed' /dev/null`;
	unlike($typed, qr/embedding/, 'nor with lines that are typed');
	is(slurp('typed'), $cat, 'which are embedded');
}

done_testing();
