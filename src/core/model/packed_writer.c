#include <errno.h>
#include <stdlib.h>

#include "core/model/checksum.h"
#include "core/model/packed.h"
#include "core/model/packed_format.h"

/* An announced array. */
typedef struct Entry
{
	const AnglePackedArray *array;
	uint64_t name; /* offset in the names */
	uint64_t data; /* offset in the file */
	size_t bytes;
} Entry;

struct AnglePackedWriter
{
	FILE *stream;
	size_t count;
	Entry *entries; /* (count), in the announced order */
	size_t next;	/* index of the entry whose data comes next */
	uint64_t position;
	AngleChecksum *checksum; /* of the data so far */
	uint8_t header[ANGLE_PACKED_HEADER_SIZE];
};

static void
store_u32(uint8_t *p, uint64_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t) (value >> (8 * i));
}

static void
store_u64(uint8_t *p, uint64_t value)
{
	store_u32(p, value);
	store_u32(p + 4, value >> 32);
}

static uint64_t
align(uint64_t offset)
{
	return (offset + ANGLE_ALIGNMENT - 1) / ANGLE_ALIGNMENT * ANGLE_ALIGNMENT;
}

static AngleStatus
write_bytes(AnglePackedWriter *writer, AngleBytes bytes, AngleError *err)
{
	if (bytes.size > 0 &&
		fwrite(bytes.data, 1, bytes.size, writer->stream) != bytes.size)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not write the packed model: %s",
						  strerror(errno));
	writer->position += bytes.size;
	return ANGLE_OK;
}

/* ---- metadata ----------------------------------------------------------- */

static int
compare_entries(const void *left, const void *right)
{
	const Entry *a = left;
	const Entry *b = right;

	return strcmp(a->array->name, b->array->name);
}

/* Fills the entries but for their names' and data's offsets. */
static AngleStatus
make_entries(AnglePackedWriter *writer, const AnglePackedArray *arrays,
			 AngleError *err)
{
	for (size_t i = 0; i < writer->count; i++)
	{
		Entry *entry = &writer->entries[i];
		size_t size = strlen(arrays[i].name);

		entry->array = &arrays[i];
		if (size == 0 || size > ANGLE_PACKED_MAX_NAME)
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "array name \"%.64s\" must have from 1 to %d "
							  "bytes",
							  arrays[i].name, ANGLE_PACKED_MAX_NAME);
		if (!angle_packed_bytes(arrays[i].type, arrays[i].rows,
								arrays[i].columns, &entry->bytes))
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "array \"%s\" is too large or of an unknown type",
							  arrays[i].name);
	}
	return ANGLE_OK;
}

/* Gives every array its place from start on; returns the file's size. */
static uint64_t
place_data(AnglePackedWriter *writer, uint64_t start)
{
	for (size_t i = 0; i < writer->count; i++)
	{
		writer->entries[i].data = start;
		start = align(start + writer->entries[i].bytes);
	}
	return start;
}

static void
store_entry(uint8_t *p, const Entry *entry)
{
	store_u32(p + ENTRY_NAME, entry->name);
	store_u32(p + ENTRY_NAME_SIZE, strlen(entry->array->name));
	store_u32(p + ENTRY_TYPE, (uint64_t) entry->array->type);
	store_u32(p + ENTRY_ROWS, entry->array->rows);
	store_u32(p + ENTRY_COLUMNS, entry->array->columns);
	store_u64(p + ENTRY_DATA, entry->data);
	store_u64(p + ENTRY_DATA_SIZE, entry->bytes);
}

/* Writes the directory, sorted by name, and the names behind it. */
static AngleStatus
store_directory(const AnglePackedWriter *writer, AngleArena *arena,
				uint8_t *directory, char *names, AngleError *err)
{
	Entry *sorted = angle_arena_alloc(arena, writer->count, sizeof(Entry));
	uint64_t used = 0;

	if (sorted == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < writer->count; i++)
		sorted[i] = writer->entries[i];
	qsort(sorted, writer->count, sizeof(Entry), compare_entries);
	for (size_t i = 0; i < writer->count; i++)
	{
		const char *name = sorted[i].array->name;

		if (i > 0 && strcmp(sorted[i - 1].array->name, name) == 0)
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "array \"%s\" is there twice", name);
		sorted[i].name = used;
		store_entry(directory + i * ANGLE_PACKED_ENTRY_SIZE, &sorted[i]);
		memcpy(names + used, name, strlen(name) + 1);
		used += strlen(name) + 1;
	}
	return ANGLE_OK;
}

static void
store_header(uint8_t *header, size_t count, const uint64_t offsets[5],
			 uint64_t file_size)
{
	memcpy(header + HEADER_MAGIC, ANGLE_PACKED_MAGIC, ANGLE_PACKED_MAGIC_SIZE);
	store_u32(header + HEADER_VERSION, ANGLE_PACKED_VERSION);
	store_u32(header + HEADER_SIZE, ANGLE_PACKED_HEADER_SIZE);
	store_u32(header + HEADER_ARRAYS, count);
	store_u64(header + HEADER_FILE_SIZE, file_size);
	for (int i = 0; i < 5; i++)
		store_u64(header + HEADER_CONFIG_SIZE + 8 * i, offsets[i]);
}

static AngleStatus
write_metadata(AnglePackedWriter *writer, AngleBytes config, AngleArena *arena,
			   AngleError *err)
{
	uint64_t directory = align(ANGLE_PACKED_HEADER_SIZE + config.size);
	uint64_t names = directory + writer->count * ANGLE_PACKED_ENTRY_SIZE;
	uint64_t names_size = 0;
	uint64_t data;
	uint8_t *image;

	for (size_t i = 0; i < writer->count; i++)
		names_size += strlen(writer->entries[i].array->name) + 1;
	data = align(names + names_size);
	image = angle_arena_zalloc(arena, data, 1);
	if (image == NULL)
		return angle_no_memory(err);
	memcpy(image + ANGLE_PACKED_HEADER_SIZE, config.data, config.size);
	store_header(
		writer->header, writer->count,
		(const uint64_t[]){config.size, directory, names, names_size, data},
		place_data(writer, data));
	ANGLE_TRY(store_directory(writer, arena, image + directory,
							  (char *) image + names, err));
	store_u64(
		writer->header + HEADER_METADATA_CHECK,
		angle_checksum((AngleBytes){image + ANGLE_PACKED_HEADER_SIZE,
									(size_t) data - ANGLE_PACKED_HEADER_SIZE}));
	/* the header stays zero until the file is complete */
	return write_bytes(writer, (AngleBytes){image, (size_t) data}, err);
}

/* ---- the writer --------------------------------------------------------- */

AngleStatus
angle_packed_start(FILE *stream, const AnglePackedFile *plan, AngleArena *arena,
				   AnglePackedWriter **result, AngleError *err)
{
	AnglePackedWriter *writer = angle_arena_zalloc(arena, 1, sizeof(*writer));
	AngleBytes json;

	if (writer == NULL)
		return angle_no_memory(err);
	if (plan->count > ANGLE_PACKED_MAX_ARRAYS)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "a packed model of %zu arrays, more than %d",
						  plan->count, ANGLE_PACKED_MAX_ARRAYS);
	writer->stream = stream;
	writer->count = plan->count;
	writer->entries = angle_arena_zalloc(arena, plan->count, sizeof(Entry));
	writer->checksum = angle_checksum_start(arena);
	if (writer->entries == NULL || writer->checksum == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_config_write(&plan->config, arena, &json, err));
	ANGLE_TRY(make_entries(writer, plan->arrays, err));
	ANGLE_TRY(write_metadata(writer, json, arena, err));
	*result = writer;
	return ANGLE_OK;
}

AngleStatus
angle_packed_append(AnglePackedWriter *writer, AngleBytes data, AngleError *err)
{
	static const uint8_t zeros[ANGLE_ALIGNMENT];
	const Entry *entry = &writer->entries[writer->next];
	AngleBytes padding = {zeros, (size_t) (align(data.size) - data.size)};

	if (writer->next == writer->count)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "more arrays than the %zu announced", writer->count);
	if (data.size != entry->bytes)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "array \"%s\" has %zu bytes, but %zu were announced",
						  entry->array->name, data.size, entry->bytes);
	angle_checksum_add(writer->checksum, data);
	angle_checksum_add(writer->checksum, padding);
	writer->next++;
	ANGLE_TRY(write_bytes(writer, data, err));
	return write_bytes(writer, padding, err);
}

AngleStatus
angle_packed_finish(AnglePackedWriter *writer, AngleError *err)
{
	uint8_t *header = writer->header;

	if (writer->next != writer->count)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "%zu arrays were announced, but %zu appended",
						  writer->count, writer->next);
	store_u64(header + HEADER_DATA_CHECK,
			  angle_checksum_value(writer->checksum));
	store_u64(header + HEADER_CHECK,
			  angle_checksum((AngleBytes){header, HEADER_CHECK}));
	if (fseek(writer->stream, 0, SEEK_SET) != 0 ||
		fwrite(header, 1, ANGLE_PACKED_HEADER_SIZE, writer->stream) !=
			ANGLE_PACKED_HEADER_SIZE ||
		fflush(writer->stream) != 0)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not write the packed model: %s",
						  strerror(errno));
	return ANGLE_OK;
}
