/* Temporary folders for tests that read directories. */
#ifndef ANGLE_TEST_FOLDER_H
#define ANGLE_TEST_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Folder
{
	char path[256];
} Folder;

/* Makes an empty folder; false (and a failed check) if that cannot be. */
bool folder_make(Folder *folder);

/* Writes a file below it, and the folders on the way. */
void folder_write(const Folder *folder, const char *path, const void *content,
				  size_t size);

/* The same with a string. */
void folder_text(const Folder *folder, const char *path, const char *text);

/* Removes it with all that is in it. */
void folder_remove(const Folder *folder);

#endif
