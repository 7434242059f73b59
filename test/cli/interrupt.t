#!/usr/bin/perl
# A signal ends the tool as it ends any program, and leaves nothing behind.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP ();
use POSIX qw(mkfifo);
use Test::More;
use Time::HiRes qw(time usleep);
use Tool;

# Waits until a file whose name matches is there.
sub wait_for
{
	my ($pattern) = @_;
	my $end = time + 60;
	usleep(500) until listing() =~ $pattern or time > $end;
	return listing() =~ $pattern;
}

# ended(NAME, PROCESS, SIGNAL): sends the signal and sees the end within 100 ms,
# or a second where other work shares the processors.
sub ended
{
	my ($name, $pid, $signal) = @_;
	my $start = time;
	kill $signal, $pid;
	waitpid($pid, 0);
	is($? & 127, {INT => 2, TERM => 15, HUP => 1}->{$signal}, "$name ends by SIG$signal");
	cmp_ok(time - $start, '<', 1, 'at once');
	is(slurp("$DIR.err/err"), '', 'without a word');
}

my ($status) = angle('convert', "$GOLDEN/encoder/local/dense", 'm.angle');
is($status, 0, 'a packed model');

# ---- embed, which waits for input that does not come -----------------------

mkfifo('lines', 0600) or die "cannot make a pipe: $!";
for my $signal (qw(INT TERM HUP))
{
	my $pid = start_angle('/dev/null', qw(embed --model m.angle --output e lines));
	open(my $writer, '>', 'lines') or die;
	syswrite $writer, "cat\n";
	ok(wait_for(qr/^e\.tmp-$pid /), 'embed has begun');
	ended('embed', $pid, $signal);
	is(listing(), 'lines m.angle', 'and leaves nothing');
}

# ---- embed, busy with a long batch ----------------------------------------

spit('many', join '', map { 'the cat and the dog ' x 40 . "$_\n" } 1 .. 200000);
my $pid = start_angle('/dev/null', qw(embed --model m.angle --format npy --output e many));
ok(wait_for(qr/^e\.tmp-/), 'embed has begun');
ended('embed', $pid, 'INT');
is(listing(), 'lines m.angle many', 'and leaves nothing');
unlink 'many';

# ---- convert, busy with a large model -------------------------------------

my $megabyte = 1 << 20;
my %tensors = map {
	(sprintf('t%03d', $_) => {dtype => 'I8', shape => [$megabyte],
		data_offsets => [$_ * $megabyte, ($_ + 1) * $megabyte]})
} 0 .. 255;
my $header = JSON::PP->new->canonical->encode(\%tensors);
mkdir 'large';
spit('large/config.json', '{}');
spit('large/model.safetensors', pack('Q<', length $header) . $header);
truncate 'large/model.safetensors', 8 + length($header) + 256 * $megabyte
	or die "cannot make a large file: $!";
$pid = start_angle('/dev/null', qw(convert --format safetensors large copy));
ok(wait_for(qr/^copy\.tmp-/), 'convert has begun');
ended('convert', $pid, 'INT');
is(listing(), 'large lines m.angle', 'and leaves nothing');

done_testing();
