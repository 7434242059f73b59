/*
 * A file or directory that appears under its name only when it is complete:
 * it is written under a temporary name beside it.
 */
#ifndef ANGLE_OUTPUT_H
#define ANGLE_OUTPUT_H

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/status.h"

typedef enum AngleOutputKind
{
	ANGLE_OUTPUT_FILE,
	ANGLE_OUTPUT_DIRECTORY,
} AngleOutputKind;

typedef enum AngleOverwrite
{
	ANGLE_OVERWRITE_REFUSE,
	ANGLE_OVERWRITE_ALLOW, /* a file, or a directory with a config.json */
} AngleOverwrite;

typedef struct AngleOutput
{
	AngleOutputKind kind;
	AngleOverwrite overwrite;
	const char *path;
	const char *temporary;
	FILE *stream; /* of ANGLE_OUTPUT_FILE; seekable */
} AngleOutput;

/* Checks that path may be written and creates the temporary file or directory.
 * End it with one of the next two.
 * Errors: ANGLE_INVALID_ARGUMENT (path exists), ANGLE_IO_ERROR. */
ANGLE_MUST_CHECK AngleStatus angle_output_begin(
	const char *path, AngleOutputKind kind, AngleOverwrite overwrite,
	AngleArena *arena, AngleOutput *output, AngleError *err);

/* Brings everything to the disk and gives it its name. After an error nothing
 * is left of the output. */
ANGLE_MUST_CHECK AngleStatus angle_output_commit(AngleOutput *output,
												 AngleError *err);

/* Puts the output's name before the error of whoever wrote to output->stream, if
 * the stream has failed. */
void angle_output_name_failure(const AngleOutput *output, AngleError *err);

/* Removes what has been written. */
void angle_output_discard(AngleOutput *output);

/* Removes a directory and everything in it. */
void angle_remove_directory(const char *path);

/* Flushes a stream and brings its file to the disk; path is for messages. */
ANGLE_MUST_CHECK AngleStatus angle_sync_stream(FILE *stream, const char *path,
											   AngleError *err);

#endif
