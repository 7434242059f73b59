#!/usr/bin/perl
# Help, version, and what a wrong command line gives.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Tool;

my @subcommands = qw(convert embed eval inspect merge mine push train);

my ($status, $out, $err) = angle('--help');
is($status, 0, 'help succeeds');
is($err, '', 'and writes to standard output');
like($out, qr/^  $_ /m, "help lists $_") for @subcommands;
cmp_ok(length, '<=', 80, "no line is too wide: $_")
	for grep { length > 80 } split /\n/, $out;

for my $name (@subcommands)
{
	($status, $out, $err) = angle($name, '--help');
	is("$status$err", '0', "$name --help succeeds");
	like($out, qr/^Usage: angle $name /m, 'and says how to call it');
	my @documented = $out =~ /^  (--[a-z-]+)/mg;
	cmp_ok(scalar @documented, '>=', 3, 'and its options');
	for my $option (@documented)
	{
		next if $option eq '--help';
		# an argument that is wrong is another matter
		($status, $out, $err) = angle($name, $option, '--no-such-option');
		unlike($err, qr/wrong option "\Q$option\E"/, "$name knows $option");
	}
}

($status, $out, $err) = angle('--version');
like($out, qr/^angle \d+\.\d+\S*\n$/, 'version');

# usage(NAME, PATTERN, ARGUMENT…): exit status 2, one message and one hint
sub usage
{
	my ($name, $pattern, @arguments) = @_;
	my ($status, $out, $err) = angle(@arguments);
	is($status, 2, "$name: status");
	like($err, qr/^angle: $pattern\nhint: Try "angle .*--help"\.\n$/, "$name: message");
	is($out, '', "$name: nothing on standard output");
}

usage('no subcommand', 'a subcommand is needed');
usage('unknown subcommand', 'there is no subcommand "fly"', 'fly');
usage('unknown option', 'wrong option "--fly"', 'embed', '--fly');
usage('missing argument', 'option "--model" needs an argument', 'embed', '--model');
usage('embed without model', '"--model" is needed', 'embed');
usage('convert without output', 'a DIRECTORY and an OUTPUT are needed', 'convert', 'x');
usage('convert with too much', 'a DIRECTORY and an OUTPUT are needed', 'convert', 1 .. 3);
usage('push without path', 'a NAME and a PATH are needed', 'push', 'x');
usage('push with too much', 'a NAME and a PATH are needed', 'push', 1 .. 3);
usage('unknown letter', 'wrong option "-x"', qw(push -wx a b));
usage('missing argument of a letter', 'option "-d" needs an argument', qw(push a b -d));
usage('quantization of push', '"--quantize" must be int8 or f32, not "int4"',
	qw(push --quantize int4 a b));
usage('packing options for a file', '"--quantize", .* for directories only',
	qw(push --quantize f32 a /dev/null));
usage('inspect without path', 'one PATH is needed', 'inspect');
usage('format of convert', '"--format" must be packed or safetensors, not "zip"',
	qw(convert --format zip a b));
usage('quantization', '"--quantize" must be int8 or f32, not "int4"',
	qw(convert --quantize int4 a b));
usage('pooling', '"--pooling" must be cls, .* or max, not "sum"',
	qw(convert --pooling sum a b));
usage('packing options for safetensors', '"--quantize", .* for the packed format only',
	qw(convert --format safetensors --quantize f32 a b));
usage('format of embed', '"--format" must be text, copy or npy, not "csv"',
	qw(embed --model m --format csv));
usage('eval without model', '"--model" is needed', qw(eval x));
usage('eval without a set', 'there is no set to evaluate', qw(eval --model m));
usage('similarity', '"--similarity" must be cosine, dot or angle, not "l2"',
	qw(eval --model m --similarity l2 x));
usage('a description of nothing', 'an option that describes a file must stand behind it',
	qw(eval --model m --columns), 'text1=a', 'x');
usage('split of nothing', '"--split" must stand behind its "--retrieval"',
	qw(eval --model m --split dev x));
usage('positive label', '"--positive-label" must be a number, not "x"',
	qw(eval --model m --positive-label x));
usage('empty texts', '"--empty" must be refuse, skip or keep, not "x"',
	qw(eval --model m --sts x --empty x));
usage('syntax', '"--syntax" must be tsv or jsonl, not "csv"', qw(eval --model m --sts x --syntax csv));
usage('mine without data', 'one "--data" is needed', qw(mine --model m));
usage('mine with too much', 'one "--data" is needed', qw(mine --model m --data x --data y));
usage('mine without room', 'ranks 4 to 5 have no room for 3 negatives',
	qw(mine --model m --data x --rank-min 4 --rank-max 5 --negatives 3));
usage('choice', '"--choose" must be nearest or random, not "x"', qw(mine --model m --choose x));
usage('margin', '"--margin" must be a number, not "x"', qw(mine --model m --margin x));
usage("number \"$_\"", '"--threads" must be a whole number from 1 to 1024, not ".*"',
	qw(embed --model m --threads), $_)
	for '0', '-1', '1.5', 'two', '', '99999999999999999999';

done_testing();
