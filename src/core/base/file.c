#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
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

/* As mmap(), at a multiple of ANGLE_LARGE_PAGE. */
static void *
map_aligned(int fd, size_t size)
{
	size_t reserved = size + ANGLE_LARGE_PAGE;
	char *start = mmap(NULL, reserved, PROT_NONE,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t skipped;
	size_t page = (size_t) sysconf(_SC_PAGESIZE);
	size_t used = (size + page - 1) / page * page;
	void *data;

	if (start == MAP_FAILED)
		return MAP_FAILED;
	skipped = -(uintptr_t) start % ANGLE_LARGE_PAGE;
	data =
		mmap(start + skipped, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	if (data == MAP_FAILED)
	{
		munmap(start, reserved);
		return MAP_FAILED;
	}
	if (skipped > 0)
		munmap(start, skipped);
	munmap(start + skipped + used, reserved - skipped - used);
	/* advice: where it is refused, small pages do */
	(void) madvise(data, size, MADV_HUGEPAGE);
	return data;
}

static void *
map_whole(int fd, size_t size)
{
	if (size < ANGLE_LARGE_PAGE)
		return mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	return map_aligned(fd, size);
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
	data = map_whole(fd, (size_t) st.st_size);
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
