#include "trainer/torch_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

#include "trainer/pickle.h"

/* Tensors may share storages, but the file must not stand for much more than
 * it holds. */
#define MAX_EXPANSION 16

struct AngleTorchFile
{
	const char *path;
	zip_t *zip;
	const char *prefix; /* of the names of all records, "archive/" */
	size_t count;
	AngleTensor *tensors;		 /* (count) */
	AnglePickledTensor *pickled; /* (count) */
	zip_uint64_t *records;		 /* (count), index of the storage's record */
	uint8_t *storage;			 /* of the record that was read last, or NULL */
	zip_uint64_t storage_record;
};

/* ---- records of the archive --------------------------------------------- */

static AngleStatus
fail_zip(AngleError *err, zip_error_t *error)
{
	angle_fail(err, ANGLE_CORRUPT, "not a readable zip archive: %s",
			   zip_error_strerror(error));
	return ANGLE_CORRUPT;
}

static AngleStatus
open_zip(AngleBytes bytes, zip_t **zip, AngleError *err)
{
	zip_error_t error;
	zip_source_t *source;
	AngleStatus status = ANGLE_OK;

	zip_error_init(&error);
	source = zip_source_buffer_create(bytes.data, bytes.size, 0, &error);
	*zip = source == NULL ? NULL
						  : zip_open_from_source(source, ZIP_RDONLY, &error);
	if (*zip == NULL)
	{
		zip_source_free(source);
		status = fail_zip(err, &error);
	}
	zip_error_fini(&error);
	return status;
}

/* Finds a record below the archive's prefix; ANGLE_NOT_FOUND fills no err. */
static AngleStatus
find_record(const AngleTorchFile *file, const char *folder, const char *name,
			zip_stat_t *stat)
{
	char path[1024];
	zip_int64_t index;

	if (snprintf(path, sizeof(path), "%s%s%s", file->prefix, folder, name) >=
		(int) sizeof(path))
		return ANGLE_NOT_FOUND;
	index = zip_name_locate(file->zip, path, 0);
	if (index < 0 ||
		zip_stat_index(file->zip, (zip_uint64_t) index, 0, stat) != 0)
		return ANGLE_NOT_FOUND;
	return ANGLE_OK;
}

/* torch.save() never compresses, so that a record is no larger than the file
 * and reading one cannot exhaust the memory. */
static AngleStatus
check_record(const zip_stat_t *stat, AngleError *err)
{
	if ((stat->valid & ZIP_STAT_SIZE) == 0 ||
		(stat->valid & ZIP_STAT_COMP_SIZE) == 0 ||
		stat->comp_method != ZIP_CM_STORE ||
		stat->encryption_method != ZIP_EM_NONE || stat->size != stat->comp_size)
		return angle_fail(err, ANGLE_CORRUPT,
						  "record \"%.200s\" is compressed or encrypted",
						  stat->name);
	return ANGLE_OK;
}

/* Reads a whole record, and with its end also its checksum. */
static AngleStatus
read_record(zip_t *zip, const zip_stat_t *stat, uint8_t *out, AngleError *err)
{
	zip_file_t *record = zip_fopen_index(zip, stat->index, 0);
	zip_uint64_t done = 0;
	zip_int64_t got = -1;
	uint8_t end;

	while (record != NULL && done < stat->size &&
		   (got = zip_fread(record, out + done, stat->size - done)) > 0)
		done += (zip_uint64_t) got;
	if (record != NULL && done == stat->size)
		got = zip_fread(record, &end, 1);
	if (record != NULL)
		zip_fclose(record);
	if (done < stat->size || got != 0)
		return angle_fail(err, ANGLE_CORRUPT,
						  "record \"%.200s\" is truncated or damaged",
						  stat->name);
	return ANGLE_OK;
}

/* ---- what kind of file it is -------------------------------------------- */

/* The formats that torch.save() wrote before 1.6 start with a pickled number
 * or are a tar archive. */
static AngleStatus
check_format(AngleBytes bytes, AngleError *err)
{
	static const uint8_t legacy[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc};

	if (bytes.size >= 4 && memcmp(bytes.data, "PK\003\004", 4) == 0)
		return ANGLE_OK;
	if ((bytes.size >= sizeof(legacy) &&
		 memcmp(bytes.data, legacy, sizeof(legacy)) == 0) ||
		(bytes.size > 262 && memcmp(bytes.data + 257, "ustar", 5) == 0))
	{
		angle_fail(err, ANGLE_UNSUPPORTED,
				   "the format of PyTorch before 1.6 is not supported");
		angle_hint(err, "Load the file with a newer PyTorch and save it with "
						"torch.save() or as safetensors.");
		return ANGLE_UNSUPPORTED;
	}
	if (bytes.size > 23 &&
		memcmp(bytes.data, "version https://git-lfs", 23) == 0)
	{
		angle_fail(err, ANGLE_CORRUPT, "a Git LFS pointer, not the file");
		angle_hint(err, "Fetch the file itself with \"git lfs pull\".");
		return ANGLE_CORRUPT;
	}
	return angle_fail(err, ANGLE_CORRUPT, "not a file of torch.save()");
}

/* The prefix is what stands before "data.pkl". */
static AngleStatus
find_prefix(AngleTorchFile *file, AngleArena *arena, AngleError *err)
{
	zip_int64_t entries = zip_get_num_entries(file->zip, 0);

	for (zip_int64_t i = 0; i < entries; i++)
	{
		const char *name = zip_get_name(file->zip, (zip_uint64_t) i, 0);
		const char *slash = name != NULL ? strchr(name, '/') : NULL;

		if (slash == NULL || strcmp(slash, "/data.pkl") != 0)
			continue;
		file->prefix =
			angle_arena_strdup(arena, name, (size_t) (slash + 1 - name));
		return file->prefix == NULL ? angle_no_memory(err) : ANGLE_OK;
	}
	return angle_fail(err, ANGLE_CORRUPT, "there is no record \"data.pkl\"");
}

static AngleStatus
check_variant(const AngleTorchFile *file, AngleError *err)
{
	zip_stat_t stat;
	uint8_t order[16];

	if (find_record(file, "", "constants.pkl", &stat) == ANGLE_OK)
	{
		angle_fail(err, ANGLE_UNSUPPORTED,
				   "a TorchScript program, not a dictionary of tensors");
		angle_hint(err, "Save model.state_dict() with torch.save().");
		return ANGLE_UNSUPPORTED;
	}
	if (find_record(file, "", "byteorder", &stat) != ANGLE_OK)
		return ANGLE_OK;
	ANGLE_TRY(check_record(&stat, err));
	if (stat.size > sizeof(order))
		return angle_fail(err, ANGLE_CORRUPT, "record \"byteorder\" is wrong");
	ANGLE_TRY(read_record(file->zip, &stat, order, err));
	if (!angle_bytes_equal((AngleBytes){order, stat.size},
						   angle_bytes_of("little")))
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "the byte order is not little-endian");
	return ANGLE_OK;
}

/* ---- tensors ------------------------------------------------------------ */

static AngleStatus
read_pickle(AngleTorchFile *file, AngleArena *arena, AngleError *err)
{
	zip_stat_t stat;
	uint8_t *pickle;

	if (find_record(file, "", "data.pkl", &stat) != ANGLE_OK)
		return angle_fail(err, ANGLE_CORRUPT, "there is no pickle");
	ANGLE_TRY(check_record(&stat, err));
	if (stat.size > ANGLE_MAX_PICKLE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "a pickle of %zu bytes exceeds the limit of %zu",
						  (size_t) stat.size, ANGLE_MAX_PICKLE);
	pickle = angle_arena_alloc(arena, stat.size, 1);
	if (pickle == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(read_record(file->zip, &stat, pickle, err));
	return angle_pickle_read((AngleBytes){pickle, stat.size}, arena,
							 &file->pickled, &file->count, err);
}

/* Finds the storage of one tensor and describes the tensor. */
static AngleStatus
describe_tensor(AngleTorchFile *file, size_t index, AngleError *err)
{
	const AnglePickledTensor *pickled = &file->pickled[index];
	size_t element = angle_dtype_size(pickled->dtype);
	AngleTensor *tensor = &file->tensors[index];
	zip_stat_t stat;

	if (find_record(file, "data/", pickled->storage, &stat) != ANGLE_OK)
		return angle_fail(err, ANGLE_CORRUPT,
						  "tensor \"%.100s\": its record \"data/%.50s\" is "
						  "missing",
						  pickled->name, pickled->storage);
	ANGLE_TRY(check_record(&stat, err));
	if ((uint64_t) pickled->storage_elements > stat.size / element)
		return angle_fail(err, ANGLE_CORRUPT,
						  "tensor \"%.100s\": its record \"data/%.50s\" is "
						  "shorter than the tensor",
						  pickled->name, pickled->storage);
	file->records[index] = stat.index;
	*tensor = (AngleTensor){
		.name = pickled->name, .dtype = pickled->dtype, .rank = pickled->rank};
	memcpy(tensor->shape, pickled->shape, sizeof(tensor->shape));
	/* no product overflows: the pickle's reader checked it against the
	 * storage, whose bytes are in the file */
	tensor->data.size = angle_tensor_elements(tensor) * element;
	return ANGLE_OK;
}

static AngleStatus
describe_tensors(AngleTorchFile *file, uint64_t file_size, AngleArena *arena,
				 AngleError *err)
{
	uint64_t total = 0;

	file->tensors = angle_arena_zalloc(arena, file->count, sizeof(AngleTensor));
	file->records =
		angle_arena_zalloc(arena, file->count, sizeof(*file->records));
	if (file->tensors == NULL || file->records == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < file->count; i++)
	{
		ANGLE_TRY(describe_tensor(file, i, err));
		total += file->tensors[i].data.size;
		if (total > MAX_EXPANSION * file_size)
			return angle_fail(err, ANGLE_TOO_LARGE,
							  "the tensors take more than %d times the size "
							  "of the file",
							  MAX_EXPANSION);
	}
	return ANGLE_OK;
}

static AngleStatus
open_file(AngleTorchFile *file, AngleBytes bytes, AngleArena *arena,
		  AngleError *err)
{
	ANGLE_TRY(check_format(bytes, err));
	ANGLE_TRY(open_zip(bytes, &file->zip, err));
	ANGLE_TRY(find_prefix(file, arena, err));
	ANGLE_TRY(check_variant(file, err));
	ANGLE_TRY(read_pickle(file, arena, err));
	return describe_tensors(file, bytes.size, arena, err);
}

AngleStatus
angle_torch_open(AngleBytes bytes, const char *path, AngleArena *arena,
				 AngleTorchFile **result, AngleError *err)
{
	AngleTorchFile *file = angle_arena_zalloc(arena, 1, sizeof(*file));
	AngleStatus status;

	if (file == NULL)
		return angle_no_memory(err);
	file->path = path;
	status = open_file(file, bytes, arena, err);
	if (status != ANGLE_OK)
	{
		angle_prefix(err, "file \"%s\"", path);
		angle_torch_close(file);
		return status;
	}
	*result = file;
	return ANGLE_OK;
}

const AngleTensor *
angle_torch_tensors(const AngleTorchFile *file, size_t *count)
{
	*count = file->count;
	return file->tensors;
}

/* Brings the record of one storage to memory, unless it is there. */
static AngleStatus
load_storage(AngleTorchFile *file, zip_uint64_t record, AngleError *err)
{
	zip_stat_t stat;
	AngleStatus status;

	if (file->storage != NULL && file->storage_record == record)
		return ANGLE_OK;
	free(file->storage);
	file->storage = NULL;
	if (zip_stat_index(file->zip, record, 0, &stat) != 0)
		return angle_fail(err, ANGLE_CORRUPT, "a record cannot be read");
	file->storage = malloc(stat.size > 0 ? stat.size : 1);
	if (file->storage == NULL)
		return angle_no_memory(err);
	file->storage_record = record;
	status = read_record(file->zip, &stat, file->storage, err);
	if (status != ANGLE_OK)
	{
		free(file->storage);
		file->storage = NULL;
	}
	return status;
}

/* Whether the elements follow each other as in a row-major array. Strides of
 * dimensions of size 1 are never walked and may be anything. */
static bool
is_contiguous(const AnglePickledTensor *tensor)
{
	int64_t expected = 1;

	for (int i = tensor->rank - 1; i >= 0; i--)
	{
		if (tensor->shape[i] != 1 && tensor->strides[i] != expected)
			return false;
		expected *= tensor->shape[i];
	}
	return true;
}

/* Copies the elements in row-major order, whatever their strides. */
static void
gather(const AnglePickledTensor *tensor, const uint8_t *storage, size_t element,
	   uint8_t *out)
{
	int64_t at[ANGLE_MAX_RANK] = {0};
	/* unsigned, because the stride of a dimension of size 1 may be anything */
	size_t position = (size_t) tensor->offset;
	int i;

	do
	{
		memcpy(out, storage + position * element, element);
		out += element;
		for (i = tensor->rank - 1; i >= 0; i--)
		{
			position += (size_t) tensor->strides[i];
			if (++at[i] < tensor->shape[i])
				break;
			position -= (size_t) tensor->strides[i] * (size_t) tensor->shape[i];
			at[i] = 0;
		}
	} while (i >= 0);
}

AngleStatus
angle_torch_read(AngleTorchFile *file, size_t index, uint8_t *out,
				 AngleError *err)
{
	const AnglePickledTensor *tensor = &file->pickled[index];
	size_t size = file->tensors[index].data.size;
	size_t element = angle_dtype_size(tensor->dtype);
	AngleStatus status;

	if (size == 0)
		return ANGLE_OK;
	status = load_storage(file, file->records[index], err);
	if (status != ANGLE_OK)
	{
		angle_prefix(err, "file \"%s\": tensor \"%.100s\"", file->path,
					 tensor->name);
		return status;
	}
	if (is_contiguous(tensor))
		memcpy(out, file->storage + (size_t) tensor->offset * element, size);
	else
		gather(tensor, file->storage, element, out);
	return ANGLE_OK;
}

void
angle_torch_close(AngleTorchFile *file)
{
	if (file == NULL)
		return;
	free(file->storage);
	if (file->zip != NULL)
		zip_discard(file->zip);
}
