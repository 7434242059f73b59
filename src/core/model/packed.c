#include "core/model/packed.h"

#include <stdlib.h>

#include "core/model/checksum.h"
#include "core/model/packed_format.h"

/* The parts of an image, once the header is known to be sound. */
typedef struct Parts
{
	AngleBytes image;
	AngleBytes config;
	AngleBytes directory;
	AngleBytes names;
	AngleBytes metadata; /* all of these, from the header's end to the data */
	AngleBytes data;
	size_t count;
} Parts;

static AngleStatus
fail_corrupt(AngleError *err, const char *problem)
{
	angle_fail(err, ANGLE_CORRUPT, "packed model: %s", problem);
	angle_hint(err, "Make the file again from the model's directory.");
	return ANGLE_CORRUPT;
}

/* Of a part of the file, which it finds by itself. */
static AngleStatus
fail_checksum(AngleError *err, const char *part, const Parts *parts,
			  AngleBytes bytes)
{
	size_t start = (size_t) (bytes.data - parts->image.data);

	angle_fail(err, ANGLE_CORRUPT,
			   "packed model: the %s's checksum is wrong, of bytes %zu to %zu",
			   part, start, start + bytes.size);
	angle_hint(err, "Make the file again from the model's directory.");
	return ANGLE_CORRUPT;
}

static bool
is_known_type(uint32_t type)
{
	return type >= ANGLE_PACKED_BYTES && type <= ANGLE_PACKED_F32_PANEL;
}

bool
angle_packed_bytes(AnglePackedType type, uint32_t rows, uint32_t columns,
				   size_t *bytes)
{
	uint64_t high = rows;
	uint64_t wide = columns;
	uint64_t size = 1;

	if (type == ANGLE_PACKED_F32 || type == ANGLE_PACKED_I32 ||
		type == ANGLE_PACKED_F32_PANEL)
		size = 4;
	if (type == ANGLE_PACKED_I8_PANEL || type == ANGLE_PACKED_F32_PANEL)
		high = (high + 15) / 16 * 16;
	if (type == ANGLE_PACKED_I8_PANEL)
		wide = (wide + 63) / 64 * 64;
	return is_known_type((uint32_t) type) &&
		   !__builtin_mul_overflow(high, wide, &high) &&
		   !__builtin_mul_overflow(high, size, bytes);
}

/* ---- header ------------------------------------------------------------- */

static bool
is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* Checks what must be known before any other field means anything. */
static AngleStatus
check_header(AngleBytes image, AngleError *err)
{
	const uint8_t *header = image.data;
	uint32_t version;

	if (image.size < ANGLE_PACKED_HEADER_SIZE ||
		memcmp(header, ANGLE_PACKED_MAGIC, ANGLE_PACKED_MAGIC_SIZE) != 0)
		return fail_corrupt(err, "the file is not a packed model");
	version = angle_load_u32(header + HEADER_VERSION);
	if (version != ANGLE_PACKED_VERSION)
	{
		angle_fail(err, ANGLE_UNSUPPORTED,
				   "packed model: format version %u is not supported", version);
		angle_hint(err,
				   "This program reads version %d. Make the file again with "
				   "\"angle convert\", from the model's directory.",
				   ANGLE_PACKED_VERSION);
		return ANGLE_UNSUPPORTED;
	}
	if (angle_load_u64(header + HEADER_CHECK) !=
		angle_checksum((AngleBytes){header, HEADER_CHECK}))
		return fail_corrupt(err, "the header's checksum is wrong");
	if (angle_load_u32(header + HEADER_FLAGS) != 0 ||
		angle_load_u32(header + HEADER_SIZE) != ANGLE_PACKED_HEADER_SIZE ||
		!is_zero(header + HEADER_RESERVED,
				 HEADER_METADATA_CHECK - HEADER_RESERVED))
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "packed model: unknown flags in the header");
	return ANGLE_OK;
}

static AngleStatus
split(AngleBytes image, Parts *parts, AngleError *err)
{
	const uint8_t *header = image.data;
	uint64_t data = angle_load_u64(header + HEADER_DATA);

	*parts = (Parts){.image = image};
	parts->count = angle_load_u32(header + HEADER_ARRAYS);
	if (angle_load_u64(header + HEADER_FILE_SIZE) != image.size)
	{
		angle_fail(
			err, ANGLE_CORRUPT,
			"packed model: the file has %zu bytes, but its header says "
			"%llu",
			image.size,
			(unsigned long long) angle_load_u64(header + HEADER_FILE_SIZE));
		angle_hint(err, "The file is truncated or was appended to.");
		return ANGLE_CORRUPT;
	}
	if (parts->count > ANGLE_PACKED_MAX_ARRAYS || data > image.size ||
		data < ANGLE_PACKED_HEADER_SIZE || data % ANGLE_ALIGNMENT != 0 ||
		!angle_slice(image, ANGLE_PACKED_HEADER_SIZE,
					 data - ANGLE_PACKED_HEADER_SIZE, &parts->metadata) ||
		!angle_slice(image, data, image.size - data, &parts->data))
		return fail_corrupt(err, "the header's offsets are wrong");
	image.size = data;
	if (!angle_slice(image, ANGLE_PACKED_HEADER_SIZE,
					 angle_load_u64(header + HEADER_CONFIG_SIZE),
					 &parts->config) ||
		!angle_slice(image, angle_load_u64(header + HEADER_DIRECTORY),
					 parts->count * ANGLE_PACKED_ENTRY_SIZE,
					 &parts->directory) ||
		!angle_slice(image, angle_load_u64(header + HEADER_NAMES),
					 angle_load_u64(header + HEADER_NAMES_SIZE), &parts->names))
		return fail_corrupt(err, "the header's offsets are wrong");
	return ANGLE_OK;
}

/* ---- directory ---------------------------------------------------------- */

/* The NUL-terminated name of an entry, or NULL. */
static const char *
entry_name(const Parts *parts, const uint8_t *entry)
{
	uint32_t size = angle_load_u32(entry + ENTRY_NAME_SIZE);
	AngleBytes name;

	if (size == 0 || size > ANGLE_PACKED_MAX_NAME ||
		!angle_slice(parts->names, angle_load_u32(entry + ENTRY_NAME),
					 (uint64_t) size + 1, &name) ||
		memchr(name.data, '\0', name.size) != name.data + size)
		return NULL;
	return (const char *) name.data;
}

static AngleStatus
read_entry(const Parts *parts, size_t index, AnglePackedArray *array,
		   AngleError *err)
{
	const uint8_t *entry =
		parts->directory.data + index * ANGLE_PACKED_ENTRY_SIZE;
	uint32_t type = angle_load_u32(entry + ENTRY_TYPE);
	uint64_t start = angle_load_u64(entry + ENTRY_DATA);
	uint64_t data_start = (uint64_t) (parts->data.data - parts->image.data);
	size_t bytes;

	*array = (AnglePackedArray){
		.name = entry_name(parts, entry),
		.type = (AnglePackedType) type,
		.rows = angle_load_u32(entry + ENTRY_ROWS),
		.columns = angle_load_u32(entry + ENTRY_COLUMNS),
	};
	if (array->name == NULL)
		return fail_corrupt(err, "the directory has a name that is not valid");
	if (!is_known_type(type) || angle_load_u32(entry + ENTRY_RESERVED) != 0)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "packed model: array \"%s\" has the unknown type %u",
						  array->name, type);
	if (!angle_packed_bytes(array->type, array->rows, array->columns, &bytes) ||
		bytes != angle_load_u64(entry + ENTRY_DATA_SIZE) ||
		start % ANGLE_ALIGNMENT != 0 || start < data_start ||
		!angle_slice(parts->image, start, bytes, &array->data))
		return angle_fail(
			err, ANGLE_CORRUPT,
			"packed model: array \"%s\" at byte %llu of %zu has a "
			"wrong size or offset",
			array->name, (unsigned long long) start, parts->image.size);
	return ANGLE_OK;
}

static AngleStatus
read_directory(const Parts *parts, AngleArena *arena, AnglePackedFile *file,
			   AngleError *err)
{
	AnglePackedArray *arrays =
		angle_arena_alloc(arena, parts->count, sizeof(*arrays));

	if (arrays == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < parts->count; i++)
	{
		ANGLE_TRY(read_entry(parts, i, &arrays[i], err));
		if (i > 0 && strcmp(arrays[i - 1].name, arrays[i].name) >= 0)
			return fail_corrupt(err, "the directory is not in order");
	}
	file->count = parts->count;
	file->arrays = arrays;
	return ANGLE_OK;
}

/* What a disk that reads 100 MB/s has read in 10 ms. */
#define CHECK_STEP ((size_t) 1024 * 1024)

/* Fails unless the data has this checksum, or when cancel stops it. */
static AngleStatus
check_data(const Parts *parts, uint64_t expected, const AngleCancel *cancel,
		   AngleArena *arena, AngleError *err)
{
	AngleBytes data = parts->data;
	AngleChecksum *checksum = angle_checksum_start(arena);

	if (checksum == NULL)
		return angle_no_memory(err);
	for (size_t at = 0; at < data.size; at += CHECK_STEP)
	{
		size_t left = data.size - at;
		AngleBytes part = {data.data + at,
						   left < CHECK_STEP ? left : CHECK_STEP};

		if (angle_cancelled(cancel))
			return angle_fail_cancelled(err);
		angle_checksum_add(checksum, part);
	}
	if (angle_checksum_value(checksum) != expected)
		return fail_checksum(err, "data", parts, data);
	return ANGLE_OK;
}

AngleStatus
angle_packed_open(AngleBytes image, AnglePackedCheck check,
				  const AngleCancel *cancel, AngleArena *arena,
				  AnglePackedFile *file, AngleError *err)
{
	Parts parts;

	*file = (AnglePackedFile){.count = 0};
	ANGLE_TRY(check_header(image, err));
	ANGLE_TRY(split(image, &parts, err));
	if (angle_load_u64(image.data + HEADER_METADATA_CHECK) !=
		angle_checksum(parts.metadata))
		return fail_checksum(err, "directory", &parts, parts.metadata);
	if (check == ANGLE_PACKED_CHECK_CONTENT)
		ANGLE_TRY(check_data(&parts,
							 angle_load_u64(image.data + HEADER_DATA_CHECK),
							 cancel, arena, err));
	ANGLE_TRY(read_directory(&parts, arena, file, err));
	return angle_config_read(parts.config, arena, &file->config, err);
}

/* ---- search ------------------------------------------------------------- */

static int
compare_name(const void *name, const void *array)
{
	return strcmp(name, ((const AnglePackedArray *) array)->name);
}

AngleStatus
angle_packed_find(const AnglePackedFile *file, const AnglePackedArray *wanted,
				  AngleBytes *data, AngleError *err)
{
	const AnglePackedArray *array = NULL;

	if (file->count > 0)
		array = bsearch(wanted->name, file->arrays, file->count, sizeof(*array),
						compare_name);
	if (array == NULL)
		return angle_fail(err, ANGLE_CORRUPT,
						  "packed model: array \"%s\" is missing",
						  wanted->name);
	if (array->type != wanted->type || array->rows != wanted->rows ||
		array->columns != wanted->columns)
		return angle_fail(err, ANGLE_CORRUPT,
						  "packed model: array \"%s\" has type %d and shape "
						  "(%u, %u), but must have type %d and shape (%u, %u)",
						  array->name, (int) array->type, array->rows,
						  array->columns, (int) wanted->type, wanted->rows,
						  wanted->columns);
	*data = array->data;
	return ANGLE_OK;
}
