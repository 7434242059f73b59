#include "core/model/safetensors.h"

#include <stdlib.h>

#include "core/base/json.h"

/* Eight bytes with the length of a JSON header, the header, and the data,
 * without gaps, in the order of their offsets. */
#define PREFIX_SIZE 8
#define METADATA "__metadata__"

/* Where the file's bytes are while its header is read. */
typedef struct Image
{
	const char *path;
	AngleBytes whole;
	AngleBytes data; /* what follows the header */
	AngleArena *arena;
} Image;

static AngleStatus
fail_tensor(const Image *image, const char *name, AngleStatus status,
			const char *problem, AngleError *err)
{
	return angle_fail(err, status, "file \"%s\": tensor \"%.128s\" %s",
					  image->path, name, problem);
}

/* The same of a problem with where the tensor lies; place is in image->data. */
static AngleStatus
fail_place(const Image *image, const AngleTensor *tensor, const uint8_t *place,
		   const char *problem, AngleError *err)
{
	return angle_fail(err, ANGLE_CORRUPT,
					  "file \"%s\": tensor \"%.128s\", at byte %zu of %zu, %s",
					  image->path, tensor->name,
					  (size_t) (place - image->whole.data), image->whole.size,
					  problem);
}

static AngleStatus
read_dtype(const Image *image, const json_t *entry, AngleTensor *tensor,
		   AngleError *err)
{
	const char *name = json_string_value(json_object_get(entry, "dtype"));

	if (name == NULL)
		return fail_tensor(image, tensor->name, ANGLE_CORRUPT, "has no dtype",
						   err);
	if (!angle_dtype_from_name(name, &tensor->dtype))
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "file \"%s\": tensor \"%.128s\" has dtype \"%.32s\", "
						  "which is not supported",
						  image->path, tensor->name, name);
	return ANGLE_OK;
}

/* Reads the shape and the bytes that it needs. */
static AngleStatus
read_shape(const Image *image, const json_t *entry, AngleTensor *tensor,
		   uint64_t *bytes, AngleError *err)
{
	const json_t *shape = json_object_get(entry, "shape");
	size_t rank = json_array_size(shape);

	if (!json_is_array(shape))
		return fail_tensor(image, tensor->name, ANGLE_CORRUPT, "has no shape",
						   err);
	if (rank > ANGLE_MAX_RANK)
		return fail_tensor(image, tensor->name, ANGLE_UNSUPPORTED,
						   "has too many dimensions", err);
	tensor->rank = (int) rank;
	*bytes = angle_dtype_size(tensor->dtype);
	for (size_t i = 0; i < rank; i++)
	{
		const json_t *extent = json_array_get(shape, i);

		tensor->shape[i] = json_integer_value(extent);
		if (!json_is_integer(extent) || tensor->shape[i] < 0)
			return fail_tensor(image, tensor->name, ANGLE_CORRUPT,
							   "has a shape that is not of natural numbers",
							   err);
		if (__builtin_mul_overflow(*bytes, (uint64_t) tensor->shape[i], bytes))
			return fail_tensor(image, tensor->name, ANGLE_CORRUPT,
							   "has a shape that overflows", err);
	}
	return ANGLE_OK;
}

/* Points tensor at its data, which must have exactly this many bytes. */
static AngleStatus
read_offsets(const Image *image, const json_t *entry, uint64_t bytes,
			 AngleTensor *tensor, AngleError *err)
{
	const json_t *offsets = json_object_get(entry, "data_offsets");
	const json_t *first = json_array_get(offsets, 0);
	const json_t *last = json_array_get(offsets, 1);
	json_int_t start = json_integer_value(first);
	json_int_t stop = json_integer_value(last);

	if (json_array_size(offsets) != 2 || !json_is_integer(first) ||
		!json_is_integer(last) || start < 0 || stop < start)
		return fail_tensor(image, tensor->name, ANGLE_CORRUPT,
						   "has no valid data_offsets", err);
	if ((uint64_t) (stop - start) != bytes)
		return fail_tensor(image, tensor->name, ANGLE_CORRUPT,
						   "has data_offsets that contradict its shape", err);
	if ((uint64_t) start > image->data.size)
		return fail_tensor(image, tensor->name, ANGLE_CORRUPT,
						   "begins beyond the end of the file", err);
	if (!angle_slice(image->data, (uint64_t) start, bytes, &tensor->data))
		return fail_place(image, tensor, image->data.data + start,
						  "goes beyond the end of the file", err);
	return ANGLE_OK;
}

static AngleStatus
read_tensor(const Image *image, const char *name, const json_t *entry,
			AngleTensor *tensor, AngleError *err)
{
	uint64_t bytes = 0;

	*tensor = (AngleTensor){.name = name};
	ANGLE_TRY(read_dtype(image, entry, tensor, err));
	ANGLE_TRY(read_shape(image, entry, tensor, &bytes, err));
	ANGLE_TRY(read_offsets(image, entry, bytes, tensor, err));
	tensor->name = angle_arena_strdup(image->arena, name, strlen(name));
	return tensor->name != NULL ? ANGLE_OK : angle_no_memory(err);
}

static int
compare_starts(const void *left, const void *right)
{
	const AngleTensor *a = left;
	const AngleTensor *b = right;

	if (a->data.data != b->data.data)
		return a->data.data < b->data.data ? -1 : 1;
	/* an empty tensor comes before the one that starts where it does */
	return (a->data.size > b->data.size) - (a->data.size < b->data.size);
}

/* The tensors must cover the data once: a byte that two of them share, or that
 * none has, means that the header is not that of this file. */
static AngleStatus
check_coverage(const Image *image, AngleTensor *tensors, size_t count,
			   AngleError *err)
{
	const uint8_t *end = image->data.data;

	qsort(tensors, count, sizeof(*tensors), compare_starts);
	for (size_t i = 0; i < count; i++)
	{
		if (tensors[i].data.data != end)
			return fail_place(image, &tensors[i], tensors[i].data.data,
							  tensors[i].data.data < end
								  ? "overlaps another tensor"
								  : "follows a gap in the data",
							  err);
		end += tensors[i].data.size;
	}
	if (end != image->data.data + image->data.size)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" has %zu bytes after its last tensor",
						  image->path,
						  (size_t) (image->data.data + image->data.size - end));
	return ANGLE_OK;
}

static AngleStatus
read_entries(const Image *image, const json_t *root, AngleTensorList *list,
			 AngleError *err)
{
	size_t count = 0;
	const char *name;
	json_t *entry;

	list->tensors = angle_arena_alloc(image->arena, json_object_size(root),
									  sizeof(AngleTensor));
	if (list->tensors == NULL)
		return angle_no_memory(err);
	json_object_foreach((json_t *) root, name, entry)
	{
		if (strcmp(name, METADATA) == 0)
			continue;
		ANGLE_TRY(read_tensor(image, name, entry, &list->tensors[count], err));
		count++;
	}
	ANGLE_TRY(check_coverage(image, list->tensors, count, err));
	list->count = count;
	angle_tensors_sort(list);
	return ANGLE_OK;
}

/* Splits the file into the text of its header and its data. */
static AngleStatus
split(AngleBytes bytes, const char *path, AngleBytes *header, AngleBytes *data,
	  AngleError *err)
{
	uint64_t size;

	if (bytes.size < PREFIX_SIZE)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" is too short for a safetensors file",
						  path);
	size = angle_load_u64(bytes.data);
	if (!angle_slice(bytes, PREFIX_SIZE, size, header) ||
		!angle_slice(bytes, PREFIX_SIZE + size, bytes.size - PREFIX_SIZE - size,
					 data))
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" is truncated: it ends in its header",
						  path);
	return ANGLE_OK;
}

AngleStatus
angle_safetensors_read(AngleBytes bytes, const char *path, AngleArena *arena,
					   AngleTensorList *list, AngleError *err)
{
	Image image = {.path = path, .whole = bytes, .arena = arena};
	AngleBytes header = {NULL, 0};
	AngleStatus status;
	json_t *root;

	*list = (AngleTensorList){.path = path};
	ANGLE_TRY(split(bytes, path, &header, &image.data, err));
	status = angle_json_parse(header, path, JSON_OBJECT, 0, &root, err);
	if (status != ANGLE_OK)
	{
		angle_prefix(err, "header of safetensors");
		return status;
	}
	status = read_entries(&image, root, list, err);
	json_decref(root);
	return status;
}

/* ---- writing ------------------------------------------------------------ */

static json_t *
tensor_json(const AngleTensor *tensor, uint64_t offset)
{
	json_t *shape = json_array();

	for (int i = 0; i < tensor->rank; i++)
		json_array_append_new(shape, json_integer(tensor->shape[i]));
	return json_pack("{s:s, s:o, s:[I, I]}", "dtype",
					 angle_dtype_name(tensor->dtype), "shape", shape,
					 "data_offsets", (json_int_t) offset,
					 (json_int_t) (offset + tensor->data.size));
}

static AngleStatus
add_tensor(json_t *root, const AngleTensor *tensor, uint64_t *offset,
		   AngleError *err)
{
	size_t bytes =
		angle_tensor_elements(tensor) * angle_dtype_size(tensor->dtype);

	if (tensor->data.size != bytes)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "tensor \"%.128s\" has %zu bytes, but its shape "
						  "needs %zu",
						  tensor->name, tensor->data.size, bytes);
	if (json_object_get(root, tensor->name) != NULL)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "tensor \"%.128s\" is there twice", tensor->name);
	if (json_object_set_new(root, tensor->name, tensor_json(tensor, *offset)) !=
		0)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "tensor \"%.128s\" has a name that is not UTF-8",
						  tensor->name);
	*offset += bytes;
	return ANGLE_OK;
}

/* The length, the text, and spaces up to a multiple of eight. */
static AngleStatus
dump_header(const json_t *root, AngleArena *arena, AngleBytes *header,
			AngleError *err)
{
	const size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER;
	size_t size = json_dumpb(root, NULL, 0, flags);
	size_t padded = (size + 7) / 8 * 8;
	uint8_t *bytes = angle_arena_alloc(arena, PREFIX_SIZE + padded, 1);

	if (size == 0 || bytes == NULL)
		return angle_no_memory(err);
	for (int i = 0; i < PREFIX_SIZE; i++)
		bytes[i] = (uint8_t) (padded >> (8 * i));
	json_dumpb(root, (char *) bytes + PREFIX_SIZE, size, flags);
	memset(bytes + PREFIX_SIZE + size, ' ', padded - size);
	*header = (AngleBytes){bytes, PREFIX_SIZE + padded};
	return ANGLE_OK;
}

AngleStatus
angle_safetensors_header(const AngleTensor *tensors, size_t count,
						 AngleArena *arena, AngleBytes *header, AngleError *err)
{
	json_t *root = json_pack("{s:{s:s}}", METADATA, "format", "pt");
	AngleStatus status = root != NULL ? ANGLE_OK : angle_no_memory(err);
	uint64_t offset = 0;

	for (size_t i = 0; i < count && status == ANGLE_OK; i++)
		status = add_tensor(root, &tensors[i], &offset, err);
	if (status == ANGLE_OK)
		status = dump_header(root, arena, header, err);
	json_decref(root);
	return status;
}
