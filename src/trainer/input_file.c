#include "trainer/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define CHUNK ((size_t) 64 << 10)

/* xz -9 takes 65 MiB, zstd --ultra --long=27 takes 128. */
#define MAX_MEMORY ((uint64_t) 256 << 20)
#define MAX_WINDOW_LOG 27

#define MAX_MAGIC 6

typedef enum Compression
{
	NOT_COMPRESSED,
	XZ,
	ZSTD,
} Compression;

typedef struct Magic
{
	Compression compression;
	size_t size;
	uint8_t bytes[MAX_MAGIC];
} Magic;

/* Neither is the start of a text in UTF-8. */
static const Magic magics[] = {
	{XZ, 6, {0xFD, '7', 'z', 'X', 'Z', 0}},
	{ZSTD, 4, {0x28, 0xB5, 0x2F, 0xFD}},
};

#define MAGIC_COUNT (sizeof(magics) / sizeof(magics[0]))

struct AngleInputFile
{
	const char *name;
	const AngleCancel *cancel;
	int fd;
	bool started; /* compression is known */
	bool ended;	  /* nothing is left in the file */
	bool whole;	  /* what was decompressed may end here */
	Compression compression;
	uint64_t done;
	size_t start; /* of what is not yet used of chunk */
	size_t stop;
	lzma_stream xz;
	ZSTD_DStream *zstd;
	uint8_t chunk[CHUNK]; /* of the file */
};

const char *
angle_input_name(const AngleInputFile *input)
{
	return input->name;
}

uint64_t
angle_input_done(const AngleInputFile *input)
{
	return input->done;
}

static AngleStatus
fail_read(const char *name, AngleError *err)
{
	return angle_fail(err, errno == ENOENT ? ANGLE_NOT_FOUND : ANGLE_IO_ERROR,
					  "could not read file \"%s\": %s", name, strerror(errno));
}

AngleStatus
angle_input_open(const char *path, const AngleCancel *cancel,
				 AngleInputFile **result, AngleError *err)
{
	AngleInputFile *input;
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_read(path, err);
	input = calloc(1, sizeof(*input));
	if (input == NULL)
	{
		if (!standard)
			close(fd);
		return angle_no_memory(err);
	}
	input->name = standard ? "standard input" : path;
	input->cancel = cancel;
	input->fd = fd;
	*result = input;
	return ANGLE_OK;
}

void
angle_input_close(AngleInputFile *input)
{
	if (input == NULL)
		return;
	if (input->fd != STDIN_FILENO)
		close(input->fd);
	lzma_end(&input->xz);
	ZSTD_freeDStream(input->zstd);
	free(input);
}

/* ---- the file itself ---------------------------------------------------- */

static AngleStatus
read_file(AngleInputFile *input, uint8_t *buffer, size_t size, size_t *got,
		  AngleError *err)
{
	ssize_t count;

	do
	{
		if (angle_cancelled(input->cancel))
			return angle_fail_cancelled(err);
		count = read(input->fd, buffer, size);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return fail_read(input->name, err);
	input->ended = count == 0;
	input->done += (uint64_t) count;
	*got = (size_t) count;
	return ANGLE_OK;
}

static AngleStatus
fill_chunk(AngleInputFile *input, AngleError *err)
{
	size_t got = 0;

	if (input->start == input->stop)
		input->start = input->stop = 0;
	if (!input->ended)
		ANGLE_TRY(read_file(input, input->chunk + input->stop,
							CHUNK - input->stop, &got, err));
	input->stop += got;
	return ANGLE_OK;
}

/* ---- what compression it is --------------------------------------------- */

/* Whether the bytes so far leave it open that the file starts with magic. */
static bool
may_be(const AngleInputFile *input, const Magic *magic)
{
	size_t size = input->stop < magic->size ? input->stop : magic->size;

	return memcmp(input->chunk, magic->bytes, size) == 0;
}

static AngleStatus
start_decoder(AngleInputFile *input, AngleError *err)
{
	if (input->compression == XZ &&
		lzma_stream_decoder(&input->xz, MAX_MEMORY, LZMA_CONCATENATED) !=
			LZMA_OK)
		return angle_no_memory(err);
	if (input->compression == ZSTD)
	{
		input->zstd = ZSTD_createDStream();
		if (input->zstd == NULL)
			return angle_no_memory(err);
		ZSTD_DCtx_setParameter(input->zstd, ZSTD_d_windowLogMax,
							   MAX_WINDOW_LOG);
	}
	return ANGLE_OK;
}

/* A pipe may give less than a magic number at once. */
static AngleStatus
detect(AngleInputFile *input, AngleError *err)
{
	bool open = true;

	while (open && !input->ended)
	{
		ANGLE_TRY(fill_chunk(input, err));
		open = false;
		for (size_t i = 0; i < MAGIC_COUNT; i++)
			open |= input->stop < magics[i].size && may_be(input, &magics[i]);
	}
	for (size_t i = 0; i < MAGIC_COUNT; i++)
	{
		if (input->stop >= magics[i].size && may_be(input, &magics[i]))
			input->compression = magics[i].compression;
	}
	input->started = true;
	return start_decoder(input, err);
}

/* ---- decoders ----------------------------------------------------------- */

static AngleStatus
fail_damaged(const AngleInputFile *input, const char *reason, AngleError *err)
{
	return angle_fail(err, ANGLE_CORRUPT,
					  "could not decompress file \"%s\": %s", input->name,
					  reason);
}

static AngleStatus
fail_xz(const AngleInputFile *input, lzma_ret rc, AngleError *err)
{
	if (rc == LZMA_MEM_ERROR)
		return angle_no_memory(err);
	if (rc == LZMA_MEMLIMIT_ERROR)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "could not decompress file \"%s\": it takes more "
						  "than %llu MiB of memory",
						  input->name, (unsigned long long) (MAX_MEMORY >> 20));
	if (rc == LZMA_BUF_ERROR)
		return fail_damaged(input, "it ends early", err);
	if (rc == LZMA_OPTIONS_ERROR)
		return fail_damaged(input, "it uses a filter that is not supported",
							err);
	return fail_damaged(input, "it is damaged", err);
}

static AngleStatus
step_xz(AngleInputFile *input, uint8_t *buffer, size_t size, size_t *got,
		AngleError *err)
{
	lzma_stream *xz = &input->xz;
	lzma_ret rc;

	xz->next_in = input->chunk + input->start;
	xz->avail_in = input->stop - input->start;
	xz->next_out = buffer;
	xz->avail_out = size;
	rc = lzma_code(xz, input->ended ? LZMA_FINISH : LZMA_RUN);
	input->start = input->stop - xz->avail_in;
	*got = size - xz->avail_out;
	if (rc == LZMA_STREAM_END)
		input->whole = true;
	else if (rc != LZMA_OK && (rc != LZMA_BUF_ERROR || input->ended))
		return fail_xz(input, rc, err);
	return ANGLE_OK;
}

static AngleStatus
step_zstd(AngleInputFile *input, uint8_t *buffer, size_t size, size_t *got,
		  AngleError *err)
{
	ZSTD_inBuffer in = {input->chunk, input->stop, input->start};
	ZSTD_outBuffer out = {buffer, size, 0};
	size_t rc = ZSTD_decompressStream(input->zstd, &out, &in);
	bool idle = in.pos == input->start && out.pos == 0;

	if (ZSTD_isError(rc))
		return fail_damaged(input, ZSTD_getErrorName(rc), err);
	/* at the end of a frame a call without input asks for the next one */
	if (!idle)
		input->whole = rc == 0;
	input->start = in.pos;
	*got = out.pos;
	if (idle && input->ended && !input->whole)
		return fail_damaged(input, "it ends early", err);
	return ANGLE_OK;
}

static bool
is_drained(const AngleInputFile *input)
{
	return input->whole && input->ended && input->start == input->stop;
}

static AngleStatus
read_decoded(AngleInputFile *input, uint8_t *buffer, size_t size, size_t *got,
			 AngleError *err)
{
	*got = 0;
	while (*got == 0 && !is_drained(input))
	{
		if (input->start == input->stop)
			ANGLE_TRY(fill_chunk(input, err));
		if (input->compression == XZ)
			ANGLE_TRY(step_xz(input, buffer, size, got, err));
		else
			ANGLE_TRY(step_zstd(input, buffer, size, got, err));
	}
	return ANGLE_OK;
}

/* ---- reading ------------------------------------------------------------ */

AngleStatus
angle_input_read(AngleInputFile *input, uint8_t *buffer, size_t size,
				 size_t *got, AngleError *err)
{
	if (!input->started)
		ANGLE_TRY(detect(input, err));
	if (input->compression != NOT_COMPRESSED)
		return read_decoded(input, buffer, size, got, err);
	*got = input->stop - input->start;
	if (*got == 0 && !input->ended)
		return read_file(input, buffer, size, got, err);
	*got = *got < size ? *got : size;
	memcpy(buffer, input->chunk + input->start, *got);
	input->start += *got;
	return ANGLE_OK;
}
