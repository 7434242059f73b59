/*
 * A file that torch.save() wrote: a zip archive with a pickle that describes
 * tensors ("NAME/data.pkl") and one record for each storage ("NAME/data/KEY").
 */
#ifndef ANGLE_TORCH_FILE_H
#define ANGLE_TORCH_FILE_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/model/tensor.h"

typedef struct AngleTorchFile AngleTorchFile;

/* Reads the description of the tensors. bytes and arena must outlive the file;
 * path is for messages. Close it with angle_torch_close().
 * Errors: those of angle_pickle_read(); ANGLE_CORRUPT (not a zip archive, a
 * record missing, compressed or of the wrong size); ANGLE_UNSUPPORTED (files
 * of PyTorch before 1.6, TorchScript, big-endian). */
ANGLE_MUST_CHECK AngleStatus angle_torch_open(AngleBytes bytes,
											  const char *path,
											  AngleArena *arena,
											  AngleTorchFile **file,
											  AngleError *err);

/* The tensors, sorted by name. data.size is right and data.data is NULL. */
const AngleTensor *
angle_torch_tensors(const AngleTorchFile *file, size_t *count);

/* Copies one tensor, row-major, to out: tensors[index].data.size bytes. Keeps
 * one storage in memory, so that tensors that share it are read at once.
 * Errors: ANGLE_CORRUPT (checksum), ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_torch_read(AngleTorchFile *file,
											  size_t index, uint8_t *out,
											  AngleError *err);

/* Gives back what the arena does not hold; NULL is allowed. */
void angle_torch_close(AngleTorchFile *file);

#endif
