#!/usr/bin/perl
# Weighted means of models.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Tool;

my $one = "$GOLDEN/encoder/local/dense";
my $half = "$GOLDEN/encoder/local/bf16-vocab-only";
my $torch = "$GOLDEN/encoder/SeanLee97/angle-bert-base-uncased-nli-en-v1";

sub refuses
{
	my ($name, $expected, @arguments) = @_;
	my ($status, $out, $err) = angle(@arguments);

	isnt($status, '0', "$name fails");
	like($err, $expected, "$name: the message");
	ok(!-e 'x', "$name: nothing is left");
}

# The numbers of each tensor of F32.
sub numbers
{
	my ($path) = @_;
	my $tensors = safetensors($path);
	my %numbers;

	for my $name (keys %$tensors)
	{
		my ($type, @rest) = split / /, $tensors->{$name};
		$numbers{$name} = [unpack 'f<*', pack 'H*', $rest[-1]] if $type eq 'F32';
	}
	return \%numbers;
}

# A copy of a model with all its weights times a number.
sub scaled
{
	my ($source, $target, $factor) = @_;

	succeeds("copy to $target", 'convert', '--format', 'safetensors', $source, $target);
	for my $path (grep { -e } "$target/model.safetensors", "$target/2_Dense/model.safetensors")
	{
		my $file = slurp($path);
		my $start = 8 + unpack 'Q<', $file;
		spit($path, substr($file, 0, $start)
			  . pack 'f<*', map { $factor * $_ } unpack 'f<*', substr $file, $start);
	}
}

# ---- means ----------------------------------------------------------------

scaled($one, 'double', 2);
succeeds('a mean', 'merge', '--model', $one, '--model', 'double', '--weight', 3,
	'--output', 'mean');
is(listing('mean'), listing('double'), 'the model is complete');
for my $file ('model.safetensors', '2_Dense/model.safetensors')
{
	my ($mean, $start) = (numbers("mean/$file"), numbers("$one/$file"));
	my $worst = 0;

	is_deeply([sort keys %$mean], [sort keys %$start], "$file: the tensors");
	for my $name (keys %$start)
	{
		for my $i (0 .. $#{$start->{$name}})
		{
			my $off = abs($mean->{$name}[$i] - 1.75 * $start->{$name}[$i]);
			$worst = $off if $off > $worst;
		}
	}
	cmp_ok($worst, '<', 1e-6, "$file: the weighted mean");
}
succeeds('a mean of three', 'merge', '--model', $one, '--model', 'double', '--weight', 0,
	'--model', $one, '--weight', 0.5, '--output', 'same');
is_deeply(numbers('same/model.safetensors'), numbers("$one/model.safetensors"),
	'a weight of 0 does not count');
succeeds('the mean can be packed', 'convert', 'mean', 'mean.angle');

# ---- other types of numbers -----------------------------------------------

succeeds('a mean of BF16', 'merge', '--model', $half, '--model', $half, '--output', 'wide');
like(slurp('wide/config.json'), qr/"(torch_)?dtype": "float32"/, 'the config says what it is now');
succeeds('pack the half', 'convert', '--quantize', 'f32', $half, 'half.angle');
succeeds('pack the wide', 'convert', '--quantize', 'f32', 'wide', 'wide.angle');
spit('text', "fear of spiders\n");
my (undef, $before) = angle('embed', '--model', 'half.angle', 'text');
my (undef, $after) = angle('embed', '--model', 'wide.angle', 'text');
is($after, $before, 'the mean of a model with itself is the model');
succeeds('weights of torch.save()', 'merge', '--model', $torch, '--model', $torch,
	'--output', 'torch');

# ---- refusals -------------------------------------------------------------

refuses('one model', qr/two or more "--model"/, 'merge', '--model', $one, '--output', 'x');
refuses('no output', qr/"--output" is needed/, 'merge', '--model', $one, '--model', $one);
refuses('a weight of nothing', qr/must stand behind/, 'merge', '--weight', 1, '--model', $one,
	'--model', $one, '--output', 'x');
refuses('a weight that is none', qr/must be a number, not "half"/, 'merge', '--model', $one,
	'--weight', 'half', '--model', $one, '--output', 'x');
refuses('no sum', qr/must not add up to 0/, 'merge', '--model', $one, '--weight', -1,
	'--model', $one, '--output', 'x');
refuses('models that differ', qr/there are no weights in ".*2_Dense"/,
	'merge', '--model', $one, '--model', $torch, '--output', 'x');
refuses('models of other shapes', qr/has no tensor|has another shape/, 'merge', '--model', $half,
	'--model', $torch, '--output', 'x');
refuses('no model', qr/"nowhere"/, 'merge', '--model', $one, '--model', 'nowhere',
	'--output', 'x');
refuses('an output that is there', qr/"mean" exists already/, 'merge', '--model', $one,
	'--model', $one, '--output', 'mean');

done_testing();
