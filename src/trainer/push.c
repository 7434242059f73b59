/* angle push: from a model directory or a packed file into a database. */
#include <unistd.h>

#include "core/base/file.h"
#include "core/encoder/model.h"
#include "trainer/command.h"
#include "trainer/database.h"
#include "trainer/interrupt.h"
#include "trainer/model_source.h"
#include "trainer/packing.h"
#include "trainer/upload.h"

typedef struct Arguments
{
	const char *name;
	const char *path;
	AngleDatabaseOptions database;
	AnglePacking packing;
} Arguments;

/* ---- arguments ---------------------------------------------------------- */

static const struct option options[] = {
	{"dbname", required_argument, NULL, 'd'},
	{"help", no_argument, NULL, ANGLE_OPTION_HELP},
	{"host", required_argument, NULL, 'h'},
	{"no-password", no_argument, NULL, 'w'},
	{"port", required_argument, NULL, 'p'},
	{"username", required_argument, NULL, 'U'},
	ANGLE_PACKING_OPTIONS,
	{NULL, 0, NULL, 0},
};

/* What packs no model: options for it would have no effect. */
static bool
is_file(const char *path)
{
	return access(path, F_OK) == 0 && !angle_source_is_directory(path);
}

static void
read_option(int option, Arguments *arguments)
{
	switch (option)
	{
		case 'd':
			arguments->database.database = optarg;
			break;
		case 'h':
			arguments->database.host = optarg;
			break;
		case 'p':
			arguments->database.port = optarg;
			break;
		case 'U':
			arguments->database.user = optarg;
			break;
		case 'w':
			arguments->database.no_password = true;
			break;
		default:
			angle_packing_option(&arguments->packing, &angle_push_command,
								 option);
	}
}

static void
read_arguments(int argc, char **argv, Arguments *arguments)
{
	const AngleCommand *command = &angle_push_command;
	int option;

	*arguments = (Arguments){.name = NULL};
	angle_packing_init(&arguments->packing);
	while ((option = angle_command_option(command, argc, argv, options)) != -1)
		read_option(option, arguments);
	if (argc - optind != 2)
		angle_usage_error(command, "a NAME and a PATH are needed");
	arguments->name = argv[optind];
	arguments->path = argv[optind + 1];
	if (arguments->packing.chosen && is_file(arguments->path))
		angle_usage_error(command, "\"--quantize\", \"--pooling\" and "
								   "\"--model-name\" are for directories only");
}

/* ---- work --------------------------------------------------------------- */

static AngleStatus
map_model(Arguments *arguments, AngleArena *arena, AngleBytes *image,
		  AngleError *err)
{
	AngleStatus status;

	if (!angle_source_is_directory(arguments->path))
		return angle_file_map(arguments->path, image, err);
	angle_packing_start(&arguments->packing);
	status = angle_source_map(arguments->path, &arguments->packing.options,
							  arena, image, err);
	angle_packing_end(&arguments->packing, status);
	return status;
}

/* The server looks at the model as well; here it costs no transfer. */
static AngleStatus
check_model(const Arguments *arguments, AngleBytes image, AngleArena *arena,
			AngleError *err)
{
	AngleModel *model;
	AngleStatus status =
		angle_model_open(image, ANGLE_PACKED_CHECK_CONTENT,
						 angle_interrupt_cancel(), arena, &model, err);

	if (status != ANGLE_OK)
		angle_prefix(err, "model \"%s\"", arguments->path);
	return status;
}

static AngleStatus
push(const Arguments *arguments, AngleBytes image, AngleArena *arena,
	 AngleError *err)
{
	const char *schema;
	PGconn *connection;
	AngleStatus status;

	ANGLE_TRY(angle_database_connect(&arguments->database, &connection, err));
	status = angle_upload_check(connection, arena, &schema, err);
	if (status == ANGLE_OK)
		status =
			angle_upload_run(connection, schema, arguments->name, image, err);
	angle_database_close(connection, status);
	if (status != ANGLE_OK)
		angle_prefix(err, "could not push model \"%s\"", arguments->name);
	return status;
}

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	Arguments arguments;
	AngleBytes image;
	AngleStatus status;

	read_arguments(argc, argv, &arguments);
	ANGLE_TRY(map_model(&arguments, arena, &image, err));
	status = check_model(&arguments, image, arena, err);
	if (status == ANGLE_OK)
		status = push(&arguments, image, arena, err);
	angle_file_unmap(&image);
	return status;
}

const AngleCommand angle_push_command = {
	"push",
	"[OPTION]… NAME PATH",
	"put a model into a database",
	"PATH is a model directory, which is packed first, or a packed file. The model\n"
	"is NAME for angle_embed() in that database, once all of it is there. Nothing\n"
	"of the server's files need be reached.\n\n"
	"Options:\n"
	"  -d, --dbname DB       the database, or a connection string or URI\n"
	"  -h, --host HOST       the server, or the directory of its socket\n"
	"  -p, --port PORT       its port\n"
	"  -U, --username NAME   the role to connect as\n"
	"  -w, --no-password     never ask for a password\n" ANGLE_PACKING_HELP
	"  --help                this text\n\n"
	"What is not given comes from the environment (PGDATABASE, PGHOST, PGPORT,\n"
	"PGUSER, PGPASSFILE, PGSERVICE …) as it does for psql. A directory is packed in\n"
	"TMPDIR, which needs room for the packed model.\n\n"
	"The role must be allowed to push: by default, the extension's owner is.\n\n"
	"Examples:\n"
	"  angle push -d library uae-large UAE-Large-V1\n"
	"  angle push -d postgresql://ann@db.example.org/library mini mini.angle\n",
	":d:h:p:U:w",
	run,
};
