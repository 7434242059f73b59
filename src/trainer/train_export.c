#include "trainer/train_export.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/export.h"
#include "trainer/interrupt.h"

/* ---- weights ------------------------------------------------------------ */

/* Whether two paths are the same folder. */
static bool
same_folder(const char *a, const char *b)
{
	struct stat first;
	struct stat second;

	return stat(a, &first) == 0 && stat(b, &second) == 0 &&
		   first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* The module whose weights lie in source: −1 the encoder, else a Dense module's;
 * −2 neither. */
static int
module_of(const AngleTrainee *trainee, const char *source)
{
	const AngleHubModel *hub = &trainee->hub;

	if (same_folder(source, hub->directory))
		return -1;
	for (int i = 0; i < hub->config.module_count; i++)
	{
		if (hub->module_directories[i] != NULL &&
			same_folder(source, hub->module_directories[i]))
			return i;
	}
	return -2;
}

/* Whether name, perhaps behind a prefix, perhaps with the older names of a norm's
 * parts, is that of the parameter. */
static bool
is_named(const char *name, const char *parameter)
{
	size_t length = strlen(name);
	size_t wanted = strlen(parameter);
	char newer[256];
	char *dot;

	if (length + 8 > sizeof(newer))
		return false;
	memcpy(newer, name, length + 1);
	dot = strrchr(newer, '.');
	if (dot != NULL && strcmp(dot, ".gamma") == 0)
		strcpy(dot, ".weight");
	else if (dot != NULL && strcmp(dot, ".beta") == 0)
		strcpy(dot, ".bias");
	length = strlen(newer);
	return length >= wanted &&
		   strcmp(newer + length - wanted, parameter) == 0 &&
		   (length == wanted || newer[length - wanted - 1] == '.');
}

static const float *
replacement(void *context, const char *source, const char *name,
			size_t elements)
{
	const AngleTrainee *trainee = context;
	const AngleTrainable *model = trainee->model;
	int module = module_of(trainee, source);

	for (size_t i = 0; i < model->parameter_count; i++)
	{
		const AngleParameter *parameter = &model->parameters[i];
		size_t columns = parameter->columns > 0 ? parameter->columns : 1;

		if (parameter->module == module &&
			elements == parameter->rows * columns &&
			is_named(name, parameter->name))
			return model->values + parameter->offset;
	}
	return NULL;
}

/* ---- what sentence-transformers reads ----------------------------------- */

static AngleStatus
write_text(const char *directory, const char *name, const char *text,
		   AngleError *err)
{
	char path[PATH_MAX];
	FILE *stream = NULL;
	bool failed;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) <
		(int) sizeof(path))
		stream = fopen(path, "wxe");
	if (stream == NULL)
		return angle_fail(err, ANGLE_IO_ERROR, "could not write \"%s\": %s",
						  name, strerror(errno));
	failed = fputs(text, stream) < 0;
	if (fclose(stream) != 0 || failed)
		return angle_fail(err, ANGLE_IO_ERROR, "could not write \"%s\": %s",
						  path, strerror(errno));
	return ANGLE_OK;
}

static bool
exists(const char *directory, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", directory, name) <
			   (int) sizeof(path) &&
		   access(path, F_OK) == 0;
}

/* The key of 1_Pooling/config.json; NULL where sentence-transformers has no such
 * pooling. */
static const char *
pooling_key(AnglePooling pooling)
{
	switch (pooling)
	{
		case ANGLE_POOLING_CLS:
			return "pooling_mode_cls_token";
		case ANGLE_POOLING_MEAN:
			return "pooling_mode_mean_tokens";
		case ANGLE_POOLING_LAST:
			return "pooling_mode_lasttoken";
		case ANGLE_POOLING_MAX:
			return "pooling_mode_max_tokens";
		case ANGLE_POOLING_CLS_AVG:
			break;
	}
	return NULL;
}

static AngleStatus
write_pooling(const AngleTrainee *trainee, const char *directory,
			  const char *key, AngleError *err)
{
	char path[PATH_MAX];
	char text[256];

	if (exists(directory, "1_Pooling"))
		return ANGLE_OK;
	if (snprintf(path, sizeof(path), "%s/1_Pooling", directory) >=
			(int) sizeof(path) ||
		mkdir(path, 0777) != 0)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not create \"1_Pooling\" in \"%s\"",
						  directory);
	snprintf(text, sizeof(text),
			 "{\n  \"word_embedding_dimension\": %d,\n  \"%s\": true%s\n}\n",
			 trainee->hub.config.hidden, key,
			 strcmp(key, "pooling_mode_mean_tokens") == 0
				 ? ""
				 : ",\n  \"pooling_mode_mean_tokens\": false");
	return write_text(directory, "1_Pooling/config.json", text, err);
}

/* A model that says nothing would be pooled by the mean there. */
static AngleStatus
add_modules(const AngleTrainee *trainee, const char *directory, AngleError *err)
{
	static const char modules[] =
		"[\n  {\"idx\": 0, \"name\": \"0\", \"path\": \"\", \"type\": "
		"\"sentence_transformers.models.Transformer\"},\n"
		"  {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", \"type\": "
		"\"sentence_transformers.models.Pooling\"}\n]\n";
	const char *key = pooling_key(trainee->hub.config.pooling);
	char limit[128];

	if (exists(directory, "modules.json") || key == NULL)
		return ANGLE_OK;
	ANGLE_TRY(write_pooling(trainee, directory, key, err));
	snprintf(limit, sizeof(limit), "{\n  \"max_seq_length\": %d\n}\n",
			 trainee->hub.config.max_tokens);
	if (!exists(directory, "sentence_bert_config.json"))
		ANGLE_TRY(
			write_text(directory, "sentence_bert_config.json", limit, err));
	return write_text(directory, "modules.json", modules, err);
}

AngleStatus
angle_train_export(const AngleTrainee *trainee, const char *directory,
				   AngleError *err)
{
	AngleExport export = {
		.source = trainee->settings->model,
		.target = directory,
		.cancel = angle_interrupt_cancel(),
		.replacement = replacement,
		.replacement_context = (void *) trainee,
	};
	char readme[PATH_MAX];

	angle_arena_reset(trainee->losses);
	ANGLE_TRY(angle_export_run(&export, trainee->losses, err));
	if (snprintf(readme, sizeof(readme), "%s/README.md", directory) <
		(int) sizeof(readme))
		unlink(readme);
	return add_modules(trainee, directory, err);
}
