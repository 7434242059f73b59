#!/usr/bin/perl
# What angle inspect says of packed files and of directories.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP ();
use Test::More;
use Tool;

my $uae = "$GOLDEN/encoder/WhereIsAI/UAE-Large-V1";

sub about
{
	my ($status, $out, $err) = angle('inspect', '--json', @_);
	is("$status$err", '0', "inspect --json @_");
	return JSON::PP::decode_json($out);
}

my ($status, $out, $err) = angle('convert', $uae, 'uae.angle');
is("$status$err", '0', 'a packed file');

my $packed = about('--arrays', 'uae.angle');
my $directory = about('--arrays', $uae);
my %expected = (
	architecture => 'bert', layers => 2, hidden => 32, heads => 2, intermediate => 64,
	dimensions => 32, max_tokens => 256, pooling => 'cls', vocabulary => 150,
	prompts => {query => 'Represent this sentence for searching relevant passages: {text}'},
	default_prompt => undef, modules => []);
for my $key (sort keys %expected)
{
	is_deeply($packed->{$key}, $expected{$key}, "$key of the packed file");
	is_deeply($directory->{$key}, $expected{$key}, "$key of the directory");
}
is($packed->{checksum}, 'verified', 'the checksum is verified');
is($packed->{bytes}, -s 'uae.angle', 'size of the file');
is($packed->{quantization}, 'int8', 'quantization');

my $tensors = safetensors("$uae/model.safetensors");
is(scalar @{$directory->{arrays}}, scalar keys %$tensors, 'every tensor is listed');
for my $array (@{$directory->{arrays}})
{
	like($tensors->{$array->{name}}, qr/^\Q$array->{type} @{$array->{shape}}\E /,
		"$array->{name} is described");
}
cmp_ok(scalar @{$packed->{arrays}}, '>', 10, 'the arrays of the packed file are listed');
ok(!exists about('uae.angle')->{arrays}, 'without --arrays they are not');

is(about("$GOLDEN/encoder/SeanLee97/angle-bert-base-uncased-nli-en-v1")->{format},
	'directory, pytorch_model.bin', 'a .bin is inspected as it is');

($status, $out, $err) = angle('inspect', '--arrays', $uae);
like($out, qr/^dimensions +32$/m, 'text for a person');
like($out, qr/^F32 +\d+ +\[150,32\] +embeddings\.word_embeddings\.weight$/m, 'with the arrays');

# ---- files that are damaged or something else -----------------------------

my $bytes = slurp('uae.angle');
for my $position (map { int($_ * length($bytes) / 8) } 0 .. 7)
{
	my $damaged = $bytes;
	substr($damaged, $position, 1) ^= "\x10";
	spit('damaged.angle', $damaged);
	($status, $out, $err) = angle('inspect', 'damaged.angle');
	is($status, 1, "a bit at byte $position is noticed");
	like($err, qr/^angle: file "damaged\.angle": /, 'and the file named');
}
spit('cut.angle', substr $bytes, 0, length($bytes) - 64);
($status, $out, $err) = angle('inspect', 'cut.angle');
is($status, 1, 'a file that is cut off is noticed');
spit('empty.angle', '');
is((angle('inspect', 'empty.angle'))[0], 1, 'an empty file');
($status, $out, $err) = angle('inspect', 'gone.angle');
like($err, qr/"gone\.angle": No such file/, 'a file that is not there');
is((angle('inspect', '/dev/null'))[0], 1, 'a device');
is((angle('inspect', $GOLDEN))[0], 1, 'a directory that is no model');

done_testing();
