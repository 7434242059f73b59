/* Files that are compressed. */
#include "test.h"

#include <lzma.h>
#include <unistd.h>
#include <zstd.h>

#include "folder.h"
#include "trainer/input_file.h"

#define SIZE ((size_t) 300000)

static AngleError err;

static void
fill_with_noise(uint8_t *bytes)
{
	uint32_t state = 1;

	for (size_t i = 0; i < SIZE; i++)
	{
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t) ((state >> 28) + 'a');
	}
}

/* Both compress two parts, one behind the other. */
static size_t
compress_xz(const uint8_t *bytes, uint8_t *out)
{
	size_t used = 0;

	for (size_t part = 0; part < 2; part++)
		CHECK(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL,
									  bytes + part * (SIZE / 2), SIZE / 2, out,
									  &used, 2 * SIZE) == LZMA_OK);
	return used;
}

static size_t
compress_zstd(const uint8_t *bytes, uint8_t *out)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t used = 0;

	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	for (size_t part = 0; part < 2; part++)
		used += ZSTD_compress2(zstd, out + used, 2 * SIZE - used,
							   bytes + part * (SIZE / 2), SIZE / 2);
	ZSTD_freeCCtx(zstd);
	return used;
}

/* Reads a file of these bytes, a prime number at a time. */
static AngleStatus
read_back(const uint8_t *content, size_t size, uint8_t *out, size_t *total)
{
	AngleInputFile *input = NULL;
	AngleStatus status = ANGLE_OK;
	char path[300];
	Folder folder;
	size_t got = 1;

	*total = 0;
	if (!folder_make(&folder))
		return ANGLE_IO_ERROR;
	folder_write(&folder, "file", content, size);
	snprintf(path, sizeof(path), "%s/file", folder.path);
	CHECK_INT(angle_input_open(path, NULL, &input, &err), ANGLE_OK);
	while (status == ANGLE_OK && got > 0)
	{
		got = 0;
		status = angle_input_read(input, out + *total, 7919, &got, &err);
		*total += got;
	}
	if (status == ANGLE_OK)
		CHECK_INT(angle_input_done(input), size);
	angle_input_close(input);
	folder_remove(&folder);
	return status;
}

static void
check_compressed(size_t (*compress)(const uint8_t *bytes, uint8_t *out))
{
	uint8_t *bytes = malloc(SIZE);
	uint8_t *packed = malloc(2 * SIZE);
	uint8_t *out = malloc(SIZE + 8000);
	size_t size;
	size_t total;

	fill_with_noise(bytes);
	size = compress(bytes, packed);
	CHECK_INT(read_back(packed, size, out, &total), ANGLE_OK);
	CHECK_INT(total, SIZE);
	CHECK(memcmp(bytes, out, SIZE) == 0);
	CHECK_INT(read_back(packed, size - 1, out, &total), ANGLE_CORRUPT);
	CHECK(strstr(err.message, "could not decompress file") != NULL);
	CHECK_INT(read_back(packed, size / 4, out, &total), ANGLE_CORRUPT);
	packed[size / 3] ^= 0x55;
	CHECK_INT(read_back(packed, size, out, &total), ANGLE_CORRUPT);
	free(bytes);
	free(packed);
	free(out);
}

TEST(input_file_decompresses_xz)
{
	check_compressed(compress_xz);
}

TEST(input_file_decompresses_zstd)
{
	check_compressed(compress_zstd);
}

TEST(input_file_reads_plain_bytes)
{
	uint8_t out[8000];
	size_t total;

	CHECK_INT(read_back((const uint8_t *) "", 0, out, &total), ANGLE_OK);
	CHECK_INT(total, 0);
	/* the start of a magic number alone is none */
	CHECK_INT(read_back((const uint8_t *) "\xFD"
										  "7z",
						3, out, &total),
			  ANGLE_OK);
	CHECK_INT(total, 3);
	CHECK(memcmp(out,
				 "\xFD"
				 "7z",
				 3) == 0);
}
