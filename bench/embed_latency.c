/* What the C call costs:
 *     embed-latency MODEL.angle
 * embeds each line of stdin and answers with the microseconds that took, so
 * that a script can put the peers in between. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/file.h"
#include "core/encoder/embedder.h"

static double
microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

/* Ends the program when status is not OK. */
static void
require(AngleStatus status, const AngleError *err)
{
	if (status == ANGLE_OK)
		return;
	fprintf(stderr, "embed-latency: %s\n", err->message);
	exit(1);
}

static double
embed(const AngleModel *model, AngleBytes text, AngleArena *scratch, float *out)
{
	AngleEmbedRequest request = {.texts = &text, .count = 1};
	AngleError err = {0};
	double start = microseconds();

	require(angle_embed_texts(model, &request, scratch, out, &err), &err);
	angle_arena_reset(scratch);
	return microseconds() - start;
}

int
main(int argc, char **argv)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleArena *scratch = angle_arena_create(NULL);
	AngleModel *model;
	AngleBytes image;
	AngleError err = {0};
	float *out;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;

	if (argc != 2 || arena == NULL || scratch == NULL)
	{
		fprintf(stderr, "usage: embed-latency MODEL.angle < TEXTS\n");
		return 2;
	}
	require(angle_file_map(argv[1], &image, &err), &err);
	require(angle_model_open(image, ANGLE_PACKED_CHECK_CONTENT, NULL, arena,
							 &model, &err),
			&err);
	out = angle_arena_alloc(
		arena, (size_t) angle_model_config(model)->dimensions, sizeof(*out));
	if (out == NULL)
		require(angle_no_memory(&err), &err);
	while ((length = getline(&line, &capacity, stdin)) > 0)
	{
		AngleBytes text = {(const uint8_t *) line, (size_t) length - 1};

		printf("%.2f\n", embed(model, text, scratch, out));
		fflush(stdout);
	}
	return 0;
}
