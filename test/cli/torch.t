#!/usr/bin/perl
# Files of torch.save(), against what PyTorch itself reads from them
# (test/golden/torch_files.py), and those that must be refused.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Tool;

sub convert
{
	my ($directory, $output) = @_;
	return angle('convert', '--format', 'safetensors', $directory, $output);
}

for my $name (qw(protocol-2 protocol-4 module sharded))
{
	my ($status, undef, $err) = convert("$GOLDEN/torch/$name", $name);
	is("$status$err", '0', "$name is converted");
	is_deeply(safetensors("$name/model.safetensors"),
		safetensors("$GOLDEN/torch/$name/expected.safetensors"),
		"$name has the tensors that PyTorch reads");
	is(listing($name), 'model.safetensors', "$name has nothing else");
}
is(listing(), 'module protocol-2 protocol-4 sharded', 'no temporary files are left');

my %refused = (
	'big-endian' => 'the byte order is not little-endian',
	'complex' => '"torch.ComplexFloatStorage", which is refused',
	'compressed' => 'record ".*" is compressed or encrypted',
	'damaged' => 'tensor "weight": record ".*/data/0" is truncated or damaged',
	'expanded' => 'more elements than its storage',
	'legacy' => 'the format of PyTorch before 1.6 is not supported',
	'list' => 'not a dictionary of tensors',
	'nested' => 'the entry "epoch" is not a tensor',
	'pickle' => 'not a file of torch.save\(\)',
	'rank' => 'a tensor has 5 dimensions, the limit is 4',
	'short-storage' => 'tensor "weight": its record "data/0" is shorter',
	'system' => 'refers to "posix.system", which is refused');

for my $name (sort keys %refused)
{
	my ($status, $out, $err) = convert("$GOLDEN/torch/refused-$name", 'refused');
	is($status, 1, "$name is refused");
	like($err, qr/^angle: file ".*refused-$name\/pytorch_model\.bin": .*$refused{$name}/,
		"$name: message");
	unlike("$out$err", qr/^owned/m, "$name: nothing was run");
	ok(!-e 'refused', "$name: nothing is written");
}

# Every file that is cut off is refused, and none of them hurts.
my $whole = slurp("$GOLDEN/torch/module/pytorch_model.bin");
my @accepted;
mkdir 'cut';
for (my $size = 0; $size < length $whole; $size += 97)
{
	spit('cut/pytorch_model.bin', substr $whole, 0, $size);
	my ($status, undef, $err) = convert('cut', 'refused');
	push @accepted, $size if $status ne '1' or $err !~ /^angle: file "cut\//;
}
is("@accepted", '', 'a file cut anywhere is refused');

spit('cut/pytorch_model.bin', "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
my ($status, undef, $err) = convert('cut', 'refused');
like($err, qr/a Git LFS pointer.*\nhint: .*git lfs pull/, 'a Git LFS pointer is named so');

# The index of shards cannot lead elsewhere.
mkdir 'index';
for my $shard ('../cut/pytorch_model.bin', '/etc/passwd', '..', '', 'gone.bin')
{
	spit('index/pytorch_model.bin.index.json', qq({"weight_map": {"w": "$shard"}}));
	($status, undef, $err) = convert('index', 'refused');
	is($status, 1, "shard \"$shard\" is refused");
}
spit('index/pytorch_model.bin.index.json', '{"weight_map": [');
($status, undef, $err) = convert('index', 'refused');
like($err, qr/^angle: file ".*index\.json" is not valid JSON: line 1: /, 'a broken index is named');

done_testing();
