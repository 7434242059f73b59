/* From a hub directory to a packed model file. */
#ifndef ANGLE_PACK_H
#define ANGLE_PACK_H

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/cancel.h"
#include "core/base/status.h"
#include "core/model/hub.h"

typedef struct AnglePackOptions
{
	AngleHubOptions hub;
	AngleQuantization quantization;
	/* called after each array with the bytes written and to write; or NULL */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	void *progress_context;
	const AngleCancel *cancel; /* NULL: cannot be cancelled */
} AnglePackOptions;

/* Reads, validates and packs the model in directory into stream, which must be
 * empty and seekable. Errors name the file and the tensor; ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus
angle_pack_directory(const char *directory, const AnglePackOptions *options,
					 FILE *stream, AngleArena *arena, AngleError *err);

#endif
