/* Copies of model directories in which all weights are safetensors. */
#ifndef ANGLE_EXPORT_H
#define ANGLE_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

typedef struct AngleExport
{
	const char *source;
	const char *target; /* an empty directory */
	const AngleCancel *cancel;
	/* called after each tensor with its bytes; or NULL */
	void (*progress)(void *context, uint64_t bytes);
	void *progress_context;
	/* called for each tensor of the folder source with its name in the file: the
	 * values to write in its place, as floats in as many elements; NULL: its own.
	 * A config.json that names another type of number names floats then. Or NULL:
	 * all stay as they are */
	const float *(*replacement)(void *context, const char *source,
								const char *name, size_t elements);
	void *replacement_context;
} AngleExport;

/* Whether weights of the model in directory are in the format of torch.save(),
 * so that it must be exported before core can read it. */
bool angle_export_needed(const char *directory);

/* Bytes of all weights of a model directory, as they will be written. */
ANGLE_MUST_CHECK AngleStatus angle_export_size(const char *directory,
											   AngleArena *arena,
											   uint64_t *bytes,
											   AngleError *err);

/* Writes the model to target, with the element types that it has, one
 * model.safetensors for each folder with weights, and copies its JSON,
 * vocabulary, licence and description. What is written is on the disk.
 * Errors: those of the readers, ANGLE_IO_ERROR, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_export_run(const AngleExport *export,
											  AngleArena *arena,
											  AngleError *err);

#endif
