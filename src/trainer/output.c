#include "trainer/output.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static AngleStatus
fail_write(AngleError *err, const char *path)
{
	return angle_fail(err, ANGLE_IO_ERROR, "could not write \"%s\": %s", path,
					  strerror(errno));
}

static AngleStatus
fail_exists(AngleError *err, const char *path)
{
	angle_fail(err, ANGLE_INVALID_ARGUMENT, "\"%s\" exists already", path);
	angle_hint(err, "Choose another name, or overwrite it with --force.");
	return ANGLE_INVALID_ARGUMENT;
}

/* A directory is replaced only if it is recognisably a model, so that a slip
 * of the keyboard does not remove someone's home. */
static AngleStatus
check_replaceable(const AngleOutput *output, const struct stat *st,
				  AngleError *err)
{
	char config[4096];

	if (output->kind == ANGLE_OUTPUT_FILE && !S_ISREG(st->st_mode))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "\"%s\" is not a regular file", output->path);
	if (output->kind == ANGLE_OUTPUT_DIRECTORY && !S_ISDIR(st->st_mode))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "\"%s\" is not a directory", output->path);
	if (output->overwrite == ANGLE_OVERWRITE_REFUSE)
		return fail_exists(err, output->path);
	if (output->kind == ANGLE_OUTPUT_FILE)
		return ANGLE_OK;
	snprintf(config, sizeof(config), "%s/config.json", output->path);
	if (access(config, F_OK) != 0)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "directory \"%s\" is not a model and is not replaced",
						  output->path);
	return ANGLE_OK;
}

static AngleStatus
create_temporary(AngleOutput *output, AngleError *err)
{
	int fd;

	if (output->kind == ANGLE_OUTPUT_DIRECTORY)
		return mkdir(output->temporary, 0777) == 0
				   ? ANGLE_OK
				   : fail_write(err, output->path);
	fd = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail_write(err, output->path);
	output->stream = fdopen(fd, "w+b");
	if (output->stream == NULL)
	{
		close(fd);
		unlink(output->temporary);
		return fail_write(err, output->path);
	}
	return ANGLE_OK;
}

AngleStatus
angle_output_begin(const char *path, AngleOutputKind kind,
				   AngleOverwrite overwrite, AngleArena *arena,
				   AngleOutput *output, AngleError *err)
{
	size_t length = strlen(path);
	struct stat st;
	char name[4096];

	while (length > 1 && path[length - 1] == '/')
		length--;
	*output = (AngleOutput){.kind = kind, .overwrite = overwrite};
	output->path = angle_arena_strdup(arena, path, length);
	if (output->path == NULL)
		return angle_no_memory(err);
	if (stat(output->path, &st) == 0)
		ANGLE_TRY(check_replaceable(output, &st, err));
	if (snprintf(name, sizeof(name), "%s.tmp-%ld", output->path,
				 (long) getpid()) >= (int) sizeof(name))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT, "the name is too long");
	output->temporary = angle_arena_strdup(arena, name, strlen(name));
	if (output->temporary == NULL)
		return angle_no_memory(err);
	return create_temporary(output, err);
}

AngleStatus
angle_sync_stream(FILE *stream, const char *path, AngleError *err)
{
	if (fflush(stream) != 0 || fsync(fileno(stream)) != 0)
		return fail_write(err, path);
	return ANGLE_OK;
}

static bool
sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* The name itself is on the disk when the folder is. */
static bool
sync_parent(const char *path)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	return sync_directory(dirname(copy));
}

/* Gives the temporary its name. What has come to lie there in the meantime is
 * not replaced unless that was allowed. */
static AngleStatus
rename_output(AngleOutput *output, AngleError *err)
{
	if (output->overwrite == ANGLE_OVERWRITE_REFUSE)
	{
		if (renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->path,
					  RENAME_NOREPLACE) == 0)
			return ANGLE_OK;
		if (errno == EEXIST)
			return fail_exists(err, output->path);
		/* a file system without the flag: plain rename */
		if (errno != EINVAL)
			return fail_write(err, output->path);
	}
	else if (output->kind == ANGLE_OUTPUT_DIRECTORY &&
			 renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->path,
					   RENAME_EXCHANGE) == 0)
	{
		angle_remove_directory(output->temporary);
		return ANGLE_OK;
	}
	if (rename(output->temporary, output->path) != 0)
		return fail_write(err, output->path);
	return ANGLE_OK;
}

static AngleStatus
finish(AngleOutput *output, AngleError *err)
{
	if (output->kind == ANGLE_OUTPUT_DIRECTORY)
	{
		if (!sync_directory(output->temporary))
			return fail_write(err, output->path);
	}
	else
	{
		FILE *stream = output->stream;

		ANGLE_TRY(angle_sync_stream(stream, output->path, err));
		output->stream = NULL;
		if (fclose(stream) != 0)
			return fail_write(err, output->path);
	}
	return rename_output(output, err);
}

AngleStatus
angle_output_commit(AngleOutput *output, AngleError *err)
{
	AngleStatus status = finish(output, err);

	if (status != ANGLE_OK)
	{
		angle_output_discard(output);
		return status;
	}
	return sync_parent(output->path) ? ANGLE_OK : fail_write(err, output->path);
}

static int
remove_entry(const char *path, const struct stat *st, int type,
			 struct FTW *place)
{
	(void) st;
	(void) type;
	(void) place;
	return remove(path);
}

void
angle_remove_directory(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void
angle_output_name_failure(const AngleOutput *output, AngleError *err)
{
	if (output->stream != NULL && ferror(output->stream))
		angle_prefix(err, "file \"%s\"", output->path);
}

void
angle_output_discard(AngleOutput *output)
{
	if (output->stream != NULL)
		fclose(output->stream);
	output->stream = NULL;
	if (output->kind == ANGLE_OUTPUT_DIRECTORY)
		angle_remove_directory(output->temporary);
	else
		unlink(output->temporary);
}
