# What `angle embed` writes loads with COPY, and is what the server computes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

my $angle = $node->config_data('--bindir') . '/angle';
my $model = $node->config_data('--sharedir') . '/angle/angle-mini.angle';
my $folder = PostgreSQL::Test::Utils::tempdir;
my @lines = ('a spider', '', 'fear of spiders', 'Ångström naïve 蜘蛛');

open(my $file, '>', "$folder/lines") or die;
print $file map { "$_\n" } @lines;
close $file;
$node->safe_psql('postgres', 'CREATE TABLE line (id serial, body text)');
$node->safe_psql('postgres', "\\copy line (body) from '$folder/lines'");

for my $format (qw(copy text))
{
	my $output = "$folder/$format";
	my $how = $format eq 'copy' ? 'WITH (FORMAT binary)' : '';

	command_ok(
		[
			$angle, 'embed', '--model', $model, '--format', $format, '--output',
			$output, "$folder/lines"
		],
		"embeddings as $format");
	$node->safe_psql('postgres',
		"CREATE TABLE $format (id serial, embedding angle_vector(384))");
	$node->safe_psql('postgres',
		"\\copy $format (embedding) from '$output' $how");
	is( $node->safe_psql(
			'postgres', "SELECT count(*) FROM line JOIN $format USING (id)
			WHERE embedding = angle_embed(body, 'angle-mini')"),
		scalar @lines,
		'each is the one of the server, to the last bit');
}

done_testing();
