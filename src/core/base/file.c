#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

AngleStatus
angle_path_join(AngleArena *arena, const char *folder, const char *name,
				const char **path, AngleError *err)
{
	size_t size = strlen(folder) + strlen(name) + 2;
	const char *slash = folder[0] != '\0' && name[0] != '\0' ? "/" : "";
	char *joined = angle_arena_alloc(arena, size, 1);

	if (joined == NULL)
		return angle_no_memory(err);
	snprintf(joined, size, "%s%s%s", folder, slash, name);
	*path = joined;
	return ANGLE_OK;
}

static AngleStatus
fail_errno(AngleError *err, const char *path)
{
	AngleStatus status = ANGLE_IO_ERROR;

	if (errno == ENOENT)
		status = ANGLE_NOT_FOUND;
	if (errno == EACCES || errno == EPERM)
		status = ANGLE_NOT_PERMITTED;
	return angle_fail(err, status, "could not read file \"%s\": %s", path,
					  strerror(errno));
}

static AngleStatus
map_descriptor(int fd, const char *path, AngleBytes *bytes, AngleError *err)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st) != 0)
		return fail_errno(err, path);
	if (!S_ISREG(st.st_mode))
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not read file \"%s\": not a regular file",
						  path);
	*bytes = (AngleBytes){NULL, 0};
	if (st.st_size == 0)
		return ANGLE_OK;
	data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return fail_errno(err, path);
	*bytes = (AngleBytes){data, (size_t) st.st_size};
	return ANGLE_OK;
}

AngleStatus
angle_file_map(const char *path, AngleBytes *bytes, AngleError *err)
{
	AngleStatus status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return fail_errno(err, path);
	status = map_descriptor(fd, path, bytes, err);
	close(fd);
	return status;
}

void
angle_file_unmap(AngleBytes *bytes)
{
	if (bytes->data != NULL)
		munmap((void *) bytes->data, bytes->size);
	*bytes = (AngleBytes){NULL, 0};
}
