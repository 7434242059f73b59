/* Paths, and whole files that are mapped read-only and shared through the page
 * cache. */
#ifndef ANGLE_FILE_H
#define ANGLE_FILE_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"

/* "folder/name" in arena, or the other alone if one of them is empty. */
ANGLE_MUST_CHECK AngleStatus angle_path_join(AngleArena *arena,
											 const char *folder,
											 const char *name,
											 const char **path,
											 AngleError *err);

/* Maps the regular file at path; an empty file gives size 0 and data NULL.
 * A file that shrinks while it is mapped raises SIGBUS on access: the files
 * that the server maps are replaced by rename and never written in place.
 * Errors: ANGLE_NOT_FOUND, ANGLE_NOT_PERMITTED, ANGLE_IO_ERROR. */
ANGLE_MUST_CHECK AngleStatus angle_file_map(const char *path, AngleBytes *bytes,
											AngleError *err);

/* Ends the mapping and clears the view. */
void angle_file_unmap(AngleBytes *bytes);

#endif
