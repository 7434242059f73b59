# What the tests of models in the database share.
package Models;
use strict;
use warnings;
use Exporter 'import';
use FindBin;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(hub images drafts bits error_of);

# A model directory of the golden ones: small, with random weights.
sub hub
{
	my ($name) = @_;
	return "$FindBin::RealBin/../golden/encoder/$name";
}

# The files of models that the server has, and those in the making.
sub images
{
	my ($node) = @_;
	my @names = sort grep { /^[0-9a-f]{64}$/ } files($node);
	return @names;
}

sub drafts
{
	my ($node) = @_;
	my @names = sort grep { !/^[0-9a-f]{64}$/ } files($node);
	return @names;
}

sub files
{
	my ($node) = @_;
	my $folder = $node->data_dir . '/pg_angle';
	opendir my $dir, $folder or return ();
	my @names = grep { !/^\.\.?$/ } readdir $dir;
	closedir $dir;
	return @names;
}

# A digest of an embedding, in a new backend.
sub bits
{
	my ($node, $model, $database) = @_;
	return $node->safe_psql($database // 'postgres',
		"SELECT md5(angle_embed('a text', '$model')::text)");
}

# The error of a statement, with its SQLSTATE.
sub error_of
{
	my ($node, $sql, @more) = @_;
	my ($rc, $out, $err) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", @more);
	return $rc == 0 ? 'no error' : $err;
}

1;
