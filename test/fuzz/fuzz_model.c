/* A small model whose packed image is damaged at the places that the input
 * names, behind checksums that are right: it is refused, or it embeds a text
 * without leaving its arrays. The input is records of a byte's offset (three
 * bytes, modulo the size) and its new value. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/encoder/embedder.h"
#include "core/encoder/pack.h"
#include "packed_seal.h"

#define RECORD 4

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static AngleBytes original;

/* Packs the model once; without it there is nothing to test. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const AnglePackOptions options = {.quantization = ANGLE_QUANTIZATION_INT8};
	AngleArena *arena = angle_arena_create(NULL);
	FILE *stream = tmpfile();
	AngleError err = {0};
	uint8_t *image;
	long size;

	(void) argc;
	(void) argv;
	if (stream == NULL ||
		angle_pack_directory("test/golden/encoder/local/dense", &options,
							 stream, arena, &err) != ANGLE_OK)
	{
		fprintf(stderr, "cannot make the model: %s\n", err.message);
		exit(1);
	}
	fseek(stream, 0, SEEK_END);
	size = ftell(stream);
	rewind(stream);
	image = malloc((size_t) size);
	original = (AngleBytes){image, fread(image, 1, (size_t) size, stream)};
	fclose(stream);
	angle_arena_destroy(arena);
	return 0;
}

static void
embed(const AngleModel *model, AngleArena *arena)
{
	const AngleBytes text = angle_bytes_of("a fear of spiders, \xc3\xa9");
	AngleEmbedRequest request = {.texts = &text, .count = 1};
	AngleError err;
	int dimensions = 0;
	float *out;

	if (angle_embed_dimensions(model, &request, &dimensions, &err) != ANGLE_OK)
		return;
	out = angle_arena_alloc(arena, (size_t) dimensions, sizeof(float));
	if (angle_embed_texts(model, &request, arena, out, &err) != ANGLE_OK)
		return;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	uint8_t *image =
		aligned_alloc(ANGLE_ALIGNMENT, (original.size + ANGLE_ALIGNMENT - 1) /
										   ANGLE_ALIGNMENT * ANGLE_ALIGNMENT);
	AngleModel *model;
	AngleError err;

	memcpy(image, original.data, original.size);
	for (size_t i = 0; i + RECORD <= size; i += RECORD)
	{
		size_t offset =
			data[i] | (size_t) data[i + 1] << 8 | (size_t) data[i + 2] << 16;

		image[offset % original.size] = data[i + 3];
	}
	seal(image, original.size);
	if (angle_model_open((AngleBytes){image, original.size},
						 ANGLE_PACKED_CHECK_HEADER, NULL, arena, &model,
						 &err) == ANGLE_OK)
		embed(model, arena);
	free(image);
	angle_arena_destroy(arena);
	return 0;
}
