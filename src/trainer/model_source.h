/* A model to work with, from a packed file or a model directory. */
#ifndef ANGLE_MODEL_SOURCE_H
#define ANGLE_MODEL_SOURCE_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/encoder/pack.h"

/* Packs the model in directory into stream. Weights of torch.save() go through
 * scratch, a directory that is created and removed again.
 * Errors: those of angle_pack_directory() and angle_export_run(). */
ANGLE_MUST_CHECK AngleStatus angle_source_pack(const char *directory,
											   const AnglePackOptions *options,
											   const char *scratch,
											   FILE *stream, AngleArena *arena,
											   AngleError *err);

/* Maps the packed file at path, or what packing the directory at path with
 * options gives, through a file in TMPDIR that nothing else sees. Give it to
 * angle_file_unmap(). */
ANGLE_MUST_CHECK AngleStatus angle_source_map(const char *path,
											  const AnglePackOptions *options,
											  AngleArena *arena,
											  AngleBytes *image,
											  AngleError *err);

/* Whether path is a directory. */
bool angle_source_is_directory(const char *path);

#endif
