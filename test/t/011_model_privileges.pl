# Who may load, push, use, share and drop models.
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
$node->safe_psql('postgres', q{
	CREATE EXTENSION angle;
	CREATE ROLE loader LOGIN;
	CREATE ROLE reader LOGIN;
	CREATE ROLE staff});

my $dense = hub('local/dense');
my $load = "SELECT angle_load_model('m', '$dense')";
my $use = q{SELECT count(angle_embed('x', 'm'))};

sub as
{
	my ($role, $sql) = @_;
	return error_of($node, $sql, extra_params => [ '-U', $role ]);
}

like(as('loader', $load), qr/42501: .*DETAIL: .*pg_read_server_files/s,
	'who may not read the files of the server cannot load from them');
$node->safe_psql('postgres', 'GRANT pg_read_server_files TO loader');
is(as('loader', $load), 'no error', 'who may, can');
is(as('reader', $use), 'no error', 'everyone may use it');
is($node->safe_psql('postgres', 'SELECT owner FROM angle_models WHERE name = $$m$$'),
	'loader', 'it belongs to whom loaded it');

like(as('reader', "SELECT angle_revoke_model('m', 'public')"),
	qr/42501: must be owner of model "m"/, 'others cannot take that back');
like(as('reader', "SELECT angle_drop_model('m')"),
	qr/42501: must be owner of model "m"/, 'nor drop it');
like(as('reader', $_), qr/42501: permission denied/, "$_: is refused")
  for 'SELECT * FROM _angle.model', 'SELECT * FROM _angle.chunk',
  q{DELETE FROM _angle.chunk}, q{SELECT angle_push_begin('x', 1)};

# A session that has the model open notices each change.
my $session = $node->background_psql('postgres', on_error_stop => 0,
	extra_params => [ '-U', 'reader' ]);
sub may_use
{
	return $session->query($use) =~ /^1$/m ? 1 : 0;
}
is(may_use(), 1, 'a session uses it');
is(as('loader', "SELECT angle_revoke_model('m', 'public')"), 'no error',
	'the owner takes the privilege back');
is(may_use(), 0, 'and the session may not any more');
like(as('reader', $use), qr/42501: permission denied for model "m"/,
	'the error says so');
is(as('loader', $use), 'no error', 'the owner may');
is($node->safe_psql('postgres', $use), '1', 'and a superuser');
is(as('loader', "SELECT angle_grant_model('m', 'staff')"), 'no error',
	'a role is granted it');
is(may_use(), 0, 'which the reader is not a member of');
$node->safe_psql('postgres', 'GRANT staff TO reader');
is(may_use(), 1, 'until she is');
$node->safe_psql('postgres', 'REVOKE staff FROM reader');
is(may_use(), 0, 'and no longer');
is(as('loader', "SELECT angle_grant_model('m', 'reader')"), 'no error',
	'she is granted it');
is(may_use(), 1, 'and may');
$session->quit;
like(as('loader', "SELECT angle_grant_model('m', 'nobody')"),
	qr/42704: role "nobody" does not exist/, 'a grant needs its role');
is(as('reader', 'SELECT name FROM angle_models'), 'no error',
	'the view is for everyone');

# Push is granted by its functions.
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION angle_push_begin,
	angle_push_chunk, angle_push_end TO reader');
my $angle = $node->config_data('--bindir') . '/angle';
command_ok([ $angle, 'push', '-d', $node->connstr('postgres') . ' user=reader',
		'hers', $dense ], 'angle push by a role that may');
is(bits($node, 'hers'), $node->safe_psql('postgres',
		q{SELECT md5(angle_embed('a text', 'm')::text)}),
	'gives the same model');
is(as('reader', "SELECT angle_drop_model('hers')"), 'no error',
	'which is hers to drop');

# The owner of a database is no superuser, and dumps and restores it all the same.
$node->safe_psql('postgres', 'CREATE DATABASE owned OWNER loader;
	CREATE DATABASE restored OWNER loader');
$node->safe_psql('owned', "CREATE EXTENSION angle; $load",
	extra_params => [ '-U', 'loader' ]);
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-U', 'loader', '-Fc', '-f', $dump, 'owned' ],
	'the owner of a database dumps it');
$node->command_ok([ 'pg_restore', '-U', 'loader', '-d', 'restored', '-e',
		'--no-comments', $dump ], 'and restores it');
is(bits($node, 'm', 'restored'), bits($node, 'm', 'owned'), 'with its models');

done_testing();
