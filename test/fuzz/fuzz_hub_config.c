/* Any bytes as the small files of a model directory. The input is cut at each
 * byte 0x1e; the pieces are the files in the order of names, and an empty piece
 * is a file that is not there. Whatever they say, the directory is refused, or
 * gives a valid configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model/hub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEPARATOR 0x1e

static const char *const names[] = {
	"config.json",
	"modules.json",
	"1_Pooling/config.json",
	"2_Dense/config.json",
	"sentence_bert_config.json",
	"config_sentence_transformers.json",
	"tokenizer_config.json",
	"angle_config.json",
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static char path[64]; /* of the folder of this process */

static void
remove_folder(void)
{
	char below[256];

	for (size_t i = 0; i < NAME_COUNT; i++)
	{
		snprintf(below, sizeof(below), "%s/%s", path, names[i]);
		unlink(below);
	}
	snprintf(below, sizeof(below), "%s/1_Pooling", path);
	rmdir(below);
	snprintf(below, sizeof(below), "%s/2_Dense", path);
	rmdir(below);
	rmdir(path);
}

/* Made at the first call, in memory where there is such a place. */
static const char *
folder(void)
{
	if (path[0] == '\0')
	{
		char below[128];

		atexit(remove_folder);
		snprintf(path, sizeof(path), "%s/angle-fuzz-XXXXXX",
				 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		require(mkdtemp(path) != NULL);
		snprintf(below, sizeof(below), "%s/1_Pooling", path);
		require(mkdir(below, 0700) == 0);
		snprintf(below, sizeof(below), "%s/2_Dense", path);
		require(mkdir(below, 0700) == 0);
	}
	return path;
}

static void
write_piece(const char *name, AngleBytes piece)
{
	char whole[256];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", folder(), name);
	if (piece.size == 0)
	{
		unlink(whole);
		return;
	}
	file = fopen(whole, "wb");
	require(file != NULL);
	fwrite(piece.data, 1, piece.size, file);
	fclose(file);
}

static void
open_folder(AngleArena *arena)
{
	AngleHubModel model;
	AngleBytes json;
	AngleError err;

	if (angle_hub_open(folder(), NULL, arena, &model, &err) == ANGLE_OK)
	{
		require(angle_config_validate(&model.config, "input", &err) ==
				ANGLE_OK);
		require(angle_config_write(&model.config, arena, &json, &err) ==
				ANGLE_OK);
	}
	else
		require(err.message[0] != '\0');
	angle_hub_close(&model);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);

	for (size_t i = 0; i < NAME_COUNT; i++)
	{
		const uint8_t *stop = size > 0 ? memchr(data, SEPARATOR, size) : NULL;
		size_t used = stop != NULL ? (size_t) (stop - data) : size;

		write_piece(names[i], (AngleBytes){data, used});
		data += used;
		size -= used;
		if (stop != NULL)
		{
			data++;
			size--;
		}
	}
	open_folder(arena);
	angle_arena_destroy(arena);
	return 0;
}
