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

/* A page of the processor's next larger size. The page cache can keep a file in such
 * pages if it is written, or read, in aligned pieces of at least this size; a
 * mapping whose address is a multiple of it then needs an entry in the page table,
 * and one in the TLB, for each of them and not for each 4 KB. */
#define ANGLE_LARGE_PAGE ((size_t) 2 << 20)

/* Maps the regular file at path; an empty file gives size 0 and data NULL. The
 * kernel is asked for large pages where the file fills any.
 * A file that shrinks while it is mapped raises SIGBUS on access: the files
 * that the server maps are replaced by rename and never written in place.
 * Errors: ANGLE_NOT_FOUND, ANGLE_NOT_PERMITTED, ANGLE_IO_ERROR. */
ANGLE_MUST_CHECK AngleStatus angle_file_map(const char *path, AngleBytes *bytes,
											AngleError *err);

/* Ends the mapping and clears the view. */
void angle_file_unmap(AngleBytes *bytes);

#endif
