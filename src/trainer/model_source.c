#include "trainer/model_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "trainer/export.h"
#include "trainer/output.h"

bool
angle_source_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- export ------------------------------------------------------------- */

/* The last two components of a directory's path, under which core knows models
 * whose files do not say all; NULL if there are none. */
static const char *
model_name(const char *directory, AngleArena *arena)
{
	char path[PATH_MAX];
	const char *name;

	if (realpath(directory, path) == NULL)
		return NULL;
	name = strrchr(path, '/');
	while (name != NULL && name > path && name[-1] != '/')
		name--;
	return name == NULL ? NULL : angle_arena_strdup(arena, name, strlen(name));
}

static AngleStatus
pack_exported(const char *directory, const AnglePackOptions *options,
			  const char *scratch, FILE *stream, AngleArena *arena,
			  AngleError *err)
{
	AngleExport export = {
		.source = directory, .target = scratch, .cancel = options->cancel};
	AnglePackOptions named = *options;

	ANGLE_TRY(angle_export_run(&export, arena, err));
	if (named.hub.model_name == NULL)
		named.hub.model_name = model_name(directory, arena);
	return angle_pack_directory(scratch, &named, stream, arena, err);
}

AngleStatus
angle_source_pack(const char *directory, const AnglePackOptions *options,
				  const char *scratch, FILE *stream, AngleArena *arena,
				  AngleError *err)
{
	AngleStatus status;

	if (!angle_export_needed(directory))
		return angle_pack_directory(directory, options, stream, arena, err);
	if (mkdir(scratch, 0700) != 0)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not create directory \"%s\": %s", scratch,
						  strerror(errno));
	status = pack_exported(directory, options, scratch, stream, arena, err);
	angle_remove_directory(scratch);
	return status;
}

/* ---- mapping ------------------------------------------------------------ */

static AngleStatus
map_stream(FILE *stream, AngleBytes *image, AngleError *err)
{
	off_t size;
	void *data = MAP_FAILED;

	if (fflush(stream) == 0 && fseeko(stream, 0, SEEK_END) == 0 &&
		(size = ftello(stream)) > 0)
		data =
			mmap(NULL, (size_t) size, PROT_READ, MAP_SHARED, fileno(stream), 0);
	if (data == MAP_FAILED)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not map the packed model: %s",
						  strerror(errno));
	*image = (AngleBytes){data, (size_t) size};
	return ANGLE_OK;
}

static const char *
temporary_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder != NULL && folder[0] != '\0' ? folder : "/tmp";
}

/* Packs into a file of the folder for temporary files that has no name any
 * more; it lasts as long as the mapping. */
static AngleStatus
pack_unnamed(const char *directory, const AnglePackOptions *options,
			 AngleArena *arena, AngleBytes *image, AngleError *err)
{
	const char *folder = temporary_folder();
	char scratch[PATH_MAX];
	char name[PATH_MAX - sizeof(".dir")];
	AngleStatus status;
	FILE *stream;
	int fd;

	if (snprintf(name, sizeof(name), "%s/angle-XXXXXX", folder) >=
		(int) sizeof(name))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the name of the folder for temporary files is too "
						  "long");
	fd = mkostemp(name, O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopen(fd, "w+b");
	if (stream == NULL)
	{
		angle_fail(err, ANGLE_IO_ERROR, "could not create a file in \"%s\": %s",
				   folder, strerror(errno));
		angle_hint(err, "Name another folder in TMPDIR.");
		return ANGLE_IO_ERROR;
	}
	unlink(name);
	snprintf(scratch, sizeof(scratch), "%s.dir", name);
	status = angle_source_pack(directory, options, scratch, stream, arena, err);
	if (status == ANGLE_OK)
		status = map_stream(stream, image, err);
	fclose(stream);
	return status;
}

AngleStatus
angle_source_map(const char *path, const AnglePackOptions *options,
				 AngleArena *arena, AngleBytes *image, AngleError *err)
{
	if (!angle_source_is_directory(path))
		return angle_file_map(path, image, err);
	return pack_unnamed(path, options, arena, image, err);
}
