#include <stdint.h>

#include "core/model/checkpoint.h"
#include "core/model/safetensors.h"
#include "folder.h"
#include "test.h"

/* A safetensors image: header, then data_size bytes 0, 1, 2, …. */
static AngleBytes
image_of(AngleArena *arena, const char *header, size_t data_size)
{
	size_t size = strlen(header);
	uint8_t *image = angle_arena_alloc(arena, 8 + size + data_size, 1);

	for (int i = 0; i < 8; i++)
		image[i] = (uint8_t) (size >> (8 * i));
	memcpy(image + 8, header, size);
	for (size_t i = 0; i < data_size; i++)
		image[8 + size + i] = (uint8_t) i;
	return (AngleBytes){image, 8 + size + data_size};
}

#define GOOD_HEADER                                                       \
	"{\"__metadata__\":{\"format\":\"pt\"},"                              \
	"\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"  \
	"\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[24,32]},"    \
	"\"c\":{\"dtype\":\"F16\",\"shape\":[0,9],\"data_offsets\":[32,32]}," \
	"\"d\":{\"dtype\":\"BOOL\",\"shape\":[1,1,1,1],"                      \
	"\"data_offsets\":[32,33]}}  "

TEST(safetensors_reads_tensors_in_order_of_names)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleBytes image = image_of(arena, GOOD_HEADER, 33);
	AngleTensorList list;
	const AngleTensor *b;

	REQUIRE(angle_safetensors_read(image, "f", arena, &list, NULL) == ANGLE_OK);
	REQUIRE(list.count == 4);
	CHECK_STR(list.tensors[0].name, "a");
	CHECK_STR(list.tensors[3].name, "d");
	CHECK_INT(list.tensors[0].rank, 0);
	CHECK_INT(angle_tensor_elements(&list.tensors[0]), 1);
	CHECK_INT(angle_tensor_elements(&list.tensors[2]), 0);
	b = angle_tensors_find(&list, "b");
	REQUIRE(b == &list.tensors[1]);
	CHECK_INT(b->dtype, ANGLE_DTYPE_F32);
	CHECK(b->rank == 2 && b->shape[0] == 2 && b->shape[1] == 3);
	CHECK(b->data.size == 24 && b->data.data == image.data + image.size - 33);
	CHECK(angle_tensors_find(&list, "e") == NULL);
	angle_arena_destroy(arena);
}

TEST(safetensors_refuses_every_truncation)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleBytes image = image_of(arena, GOOD_HEADER, 33);
	AngleTensorList list;

	for (size_t size = 0; size < image.size; size++)
	{
		/* a copy of its own, so that a sanitizer sees reads beyond it */
		uint8_t *copy = malloc(size + 1);
		AngleBytes part = {copy, size};

		memcpy(copy, image.data, size);
		CHECK_INT(angle_safetensors_read(part, "f", arena, &list, NULL),
				  ANGLE_CORRUPT);
		free(copy);
	}
	angle_arena_destroy(arena);
}

#define TENSOR(dtype, shape, offsets)                  \
	"{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape \
	",\"data_offsets\":" offsets "}}"

TEST(safetensors_refuses_hostile_headers)
{
	static const struct
	{
		const char *header;
		size_t data_size;
		AngleStatus status;
		const char *named;
	} cases[] = {
		{"", 0, ANGLE_CORRUPT, "header"},
		{"[]", 0, ANGLE_CORRUPT, "object"},
		{"{", 0, ANGLE_CORRUPT, "header"},
		{"{\"t\":3}", 0, ANGLE_CORRUPT, "\"t\""},
		{"{\"\\ud800\":1}", 0, ANGLE_CORRUPT, "header"},
		{TENSOR("F32", "[1]", "[0,4]"), 5, ANGLE_CORRUPT, "1 bytes after"},
		{TENSOR("F32", "[1]", "[0,4]"), 3, ANGLE_CORRUPT,
		 "at byte 62 of 65, goes beyond the end"},
		{TENSOR("F32", "[1]", "[4,8]"), 3, ANGLE_CORRUPT,
		 "begins beyond the end"},
		{TENSOR("F32", "[1]", "[1,5]"), 5, ANGLE_CORRUPT, "gap"},
		{TENSOR("F32", "[2]", "[0,4]"), 4, ANGLE_CORRUPT, "contradict"},
		{TENSOR("F32", "[1]", "[4,0]"), 4, ANGLE_CORRUPT, "data_offsets"},
		{TENSOR("F32", "[1]", "[-4,0]"), 4, ANGLE_CORRUPT, "data_offsets"},
		{TENSOR("F32", "[1]", "[0,4.0]"), 4, ANGLE_CORRUPT, "data_offsets"},
		{TENSOR("F32", "[1]", "[0,4,4]"), 4, ANGLE_CORRUPT, "data_offsets"},
		{TENSOR("F32", "[1]", "null"), 4, ANGLE_CORRUPT, "data_offsets"},
		{TENSOR("F32", "[1]", "[0,9223372036854775807]"), 4, ANGLE_CORRUPT,
		 "contradict"},
		{TENSOR("F32", "[1]", "[0,9223372036854775808]"), 4, ANGLE_CORRUPT,
		 "header"},
		{TENSOR("F32", "[-1]", "[0,4]"), 4, ANGLE_CORRUPT, "shape"},
		{TENSOR("F32", "[\"1\"]", "[0,4]"), 4, ANGLE_CORRUPT, "shape"},
		{TENSOR("F32", "1", "[0,4]"), 4, ANGLE_CORRUPT, "shape"},
		{TENSOR("F32", "[4611686018427387904]", "[0,0]"), 0, ANGLE_CORRUPT,
		 "overflows"},
		{TENSOR("U8", "[4294967296,4294967296]", "[0,0]"), 0, ANGLE_CORRUPT,
		 "overflows"},
		{TENSOR("F32", "[1,1,1,1,1]", "[0,4]"), 4, ANGLE_UNSUPPORTED,
		 "dimensions"},
		{TENSOR("F8_E4M3", "[1]", "[0,1]"), 1, ANGLE_UNSUPPORTED, "F8_E4M3"},
		{"{\"t\":{\"dtype\":4,\"shape\":[],\"data_offsets\":[0,0]}}", 0,
		 ANGLE_CORRUPT, "dtype"},
		{"{\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
		 "\"u\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
		 3, ANGLE_CORRUPT, "overlaps"},
		{"{\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
		 "\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
		 4, ANGLE_CORRUPT, "duplicate"},
	};
	AngleArena *arena = angle_arena_create(NULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		AngleBytes image = image_of(arena, cases[i].header, cases[i].data_size);
		AngleTensorList list;
		AngleError err = {.message = ""};

		if (angle_safetensors_read(image, "f", arena, &list, &err) !=
			cases[i].status)
			test_fail(__FILE__, __LINE__, "%s: status %d", cases[i].header,
					  (int) err.status);
		else if (strstr(err.message, cases[i].named) == NULL ||
				 strstr(err.message, "\"f\"") == NULL)
			test_fail(__FILE__, __LINE__, "%s: \"%s\"", cases[i].header,
					  err.message);
	}
	angle_arena_destroy(arena);
}

TEST(safetensors_refuses_absurd_header_lengths)
{
	static const uint64_t lengths[] = {
		100000001,		(uint64_t) 1 << 32, UINT64_MAX,
		UINT64_MAX - 7, (uint64_t) 1 << 63, 25,
		100000000,
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleTensorList list;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		uint8_t image[32];

		memset(image, ' ', sizeof(image));
		for (int j = 0; j < 8; j++)
			image[j] = (uint8_t) (lengths[i] >> (8 * j));
		CHECK_INT(angle_safetensors_read((AngleBytes){image, 32}, "f", arena,
										 &list, NULL),
				  ANGLE_CORRUPT);
	}
	angle_arena_destroy(arena);
}

TEST(safetensors_refuses_headers_that_no_model_has)
{
	size_t size = ((size_t) 16 << 20) + 1;
	AngleArena *arena = angle_arena_create(NULL);
	uint8_t *image = angle_arena_alloc(arena, 8 + size, 1);
	AngleTensorList list;
	AngleError err;

	REQUIRE(image != NULL);
	memset(image, ' ', 8 + size);
	for (int j = 0; j < 8; j++)
		image[j] = (uint8_t) (size >> (8 * j));
	memcpy(image + 8, "{}", 2);
	CHECK_INT(angle_safetensors_read((AngleBytes){image, 8 + size}, "f", arena,
									 &list, &err),
			  ANGLE_TOO_LARGE);
	CHECK_STR(err.message, "header of safetensors: file \"f\" has 16777217 "
						   "bytes of JSON, more than 16777216");
	angle_arena_destroy(arena);
}

/* ---- conversion --------------------------------------------------------- */

static AngleTensor
vector_of(AngleDtype dtype, const void *data, size_t count)
{
	return (AngleTensor){
		.name = "w",
		.dtype = dtype,
		.rank = 1,
		.shape = {(int64_t) count},
		.data = {data, count * angle_dtype_size(dtype)},
	};
}

/* The value of a half by its definition. */
static float
half_value(unsigned half)
{
	int exponent = half >> 10 & 0x1f;
	int fraction = half & 0x3ff;
	double value = exponent == 0 ? ldexp(fraction, -24)
								 : ldexp(1024 + fraction, exponent - 25);

	return (float) (half & 0x8000 ? -value : value);
}

TEST(tensor_converts_every_half_exactly)
{
	static uint8_t data[2 * 65536];
	static float out[65536];
	AngleTensor tensor = vector_of(ANGLE_DTYPE_F16, data, 65536);
	int wrong = 0;

	/* infinities and NaNs are refused, so their places hold zeros */
	for (unsigned i = 0; i < 65536; i++)
	{
		unsigned half = (i & 0x7c00) == 0x7c00 ? 0 : i;

		data[2 * i] = (uint8_t) half;
		data[2 * i + 1] = (uint8_t) (half >> 8);
	}
	REQUIRE(angle_tensor_to_float(&tensor, out, NULL) == ANGLE_OK);
	for (unsigned i = 0; i < 65536; i++)
	{
		float expected = (i & 0x7c00) == 0x7c00 ? 0 : half_value(i);

		wrong += memcmp(&out[i], &expected, sizeof(float)) != 0;
	}
	CHECK_INT(wrong, 0);
}

TEST(tensor_converts_the_other_floats)
{
	static const uint8_t bf16[] = {0x80, 0x3f, 0x49, 0xc0, 0x01, 0x00};
	static const uint8_t f32[] = {0, 0, 0x80, 0x3f, 1, 0, 0, 0x80};
	static const double f64[] = {1.0 / 3, -2.5};
	AngleTensor tensor = vector_of(ANGLE_DTYPE_BF16, bf16, 3);
	float out[3];

	REQUIRE(angle_tensor_to_float(&tensor, out, NULL) == ANGLE_OK);
	CHECK(out[0] == 1.0f && out[1] == -3.140625f && out[2] == 0x1p-133f);
	tensor = vector_of(ANGLE_DTYPE_F32, f32, 2);
	REQUIRE(angle_tensor_to_float(&tensor, out, NULL) == ANGLE_OK);
	CHECK(out[0] == 1.0f && out[1] == -0x1p-149f);
	tensor = vector_of(ANGLE_DTYPE_F64, f64, 2);
	REQUIRE(angle_tensor_to_float(&tensor, out, NULL) == ANGLE_OK);
	CHECK(out[0] == (float) (1.0 / 3) && out[1] == -2.5f);
}

TEST(tensor_refuses_what_is_not_a_finite_float)
{
	static const uint8_t halves[] = {0, 0, 0, 0x7c, 0, 0xfc, 1, 0x7c};
	static const uint8_t bf16[] = {0x80, 0x7f, 0xc0, 0xff};
	static const float floats[] = {0, NAN};
	static const double doubles[] = {1e39};
	const AngleTensor wrong[] = {
		vector_of(ANGLE_DTYPE_F16, halves, 2),
		vector_of(ANGLE_DTYPE_F16, halves + 4, 1),
		vector_of(ANGLE_DTYPE_F16, halves + 6, 1),
		vector_of(ANGLE_DTYPE_BF16, bf16, 1),
		vector_of(ANGLE_DTYPE_BF16, bf16 + 2, 1),
		vector_of(ANGLE_DTYPE_F32, floats, 2),
		vector_of(ANGLE_DTYPE_F64, doubles, 1),
	};
	AngleTensor integers = vector_of(ANGLE_DTYPE_I64, doubles, 1);
	AngleError err;
	float out[2];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		CHECK_INT(angle_tensor_to_float(&wrong[i], out, &err), ANGLE_CORRUPT);
		CHECK(strstr(err.message, "\"w\"") != NULL);
	}
	CHECK_INT(angle_tensor_to_float(&integers, out, &err), ANGLE_UNSUPPORTED);
	CHECK(strstr(err.message, "I64") != NULL);
}

/* ---- writing ------------------------------------------------------------ */

TEST(safetensors_header_is_read_back)
{
	static const uint8_t data[14] = {1, 2, 3};
	const AngleTensor tensors[] = {
		{"z", ANGLE_DTYPE_F32, 2, {1, 3}, {data, 12}},
		{"quoted \"\xc3\xa4\"", ANGLE_DTYPE_U8, 1, {2}, {data + 12, 2}},
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleTensorList list;
	AngleBytes header;
	uint8_t *image;

	REQUIRE(angle_safetensors_header(tensors, 2, arena, &header, NULL) ==
			ANGLE_OK);
	CHECK_INT(header.size % 8, 0);
	image = angle_arena_alloc(arena, header.size + 14, 1);
	memcpy(image, header.data, header.size);
	memcpy(image + header.size, data, 14);
	CHECK(memmem(image, header.size, "{\"format\":\"pt\"}", 15) != NULL);
	REQUIRE(angle_safetensors_read((AngleBytes){image, header.size + 14}, "f",
								   arena, &list, NULL) == ANGLE_OK);
	REQUIRE(list.count == 2);
	CHECK_STR(list.tensors[0].name, tensors[1].name);
	CHECK_INT(list.tensors[1].shape[1], 3);
	CHECK(memcmp(list.tensors[1].data.data, data, 12) == 0);
	angle_arena_destroy(arena);
}

TEST(safetensors_header_refuses_what_no_file_can_hold)
{
	static const uint8_t data[8];
	AngleTensor tensors[] = {
		{"a", ANGLE_DTYPE_F32, 1, {1}, {data, 4}},
		{"a", ANGLE_DTYPE_F32, 1, {1}, {data, 4}},
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleBytes header;

	CHECK_INT(angle_safetensors_header(tensors, 2, arena, &header, NULL),
			  ANGLE_INVALID_ARGUMENT);
	tensors[1].name = "\xff";
	CHECK_INT(angle_safetensors_header(tensors, 2, arena, &header, NULL),
			  ANGLE_INVALID_ARGUMENT);
	tensors[1].name = "b";
	CHECK_INT(angle_safetensors_header(tensors, 2, arena, &header, NULL),
			  ANGLE_OK);
	tensors[1].data.size = 3;
	CHECK_INT(angle_safetensors_header(tensors, 2, arena, &header, NULL),
			  ANGLE_INVALID_ARGUMENT);
	angle_arena_destroy(arena);
}

/* ---- directories -------------------------------------------------------- */

#define SHARD(name)                                                      \
	"{\"" name "\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0," \
	"3]},\"shared\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[3,4]}}"

static void
write_image(const Folder *folder, const char *name, const char *header,
			size_t data_size)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleBytes image = image_of(arena, header, data_size);

	folder_write(folder, name, image.data, image.size);
	angle_arena_destroy(arena);
}

/* Opens the folder; on success leaves the number of tensors in *count. */
static AngleStatus
open_folder(const Folder *folder, size_t *count, AngleError *err)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleCheckpoint checkpoint;
	AngleStatus status =
		angle_checkpoint_open(folder->path, arena, &checkpoint, err);

	if (status == ANGLE_OK)
	{
		*count = checkpoint.list.count;
		for (size_t i = 0; i < checkpoint.list.count; i++)
			CHECK(angle_tensors_find(&checkpoint.list,
									 checkpoint.list.tensors[i].name) ==
				  &checkpoint.list.tensors[i]);
		angle_checkpoint_close(&checkpoint);
	}
	angle_arena_destroy(arena);
	return status;
}

TEST(checkpoint_opens_one_file)
{
	Folder folder;
	size_t count = 0;

	REQUIRE(folder_make(&folder));
	write_image(&folder, "model.safetensors", GOOD_HEADER, 33);
	CHECK_INT(open_folder(&folder, &count, NULL), ANGLE_OK);
	CHECK_INT(count, 4);
	folder_remove(&folder);
}

TEST(checkpoint_opens_shards)
{
	Folder folder;
	size_t count = 0;

	REQUIRE(folder_make(&folder));
	write_image(&folder, "model-1.safetensors", SHARD("a"), 4);
	write_image(&folder, "model-2.safetensors", SHARD("b"), 4);
	folder_text(&folder, "model.safetensors.index.json",
				"{\"metadata\":{\"total_size\":8},\"weight_map\":{"
				"\"b\":\"model-2.safetensors\",\"a\":\"model-1.safetensors\","
				"\"shared\":\"model-2.safetensors\"}}");
	CHECK_INT(open_folder(&folder, &count, NULL), ANGLE_OK);
	CHECK_INT(count, 3);
	folder_remove(&folder);
}

TEST(checkpoint_names_what_an_index_gets_wrong)
{
	static const struct
	{
		const char *index;
		AngleStatus status;
		const char *named;
	} cases[] = {
		{"{\"weight_map\":{\"b\":\"model-1.safetensors\"}}", ANGLE_CORRUPT,
		 "\"b\""},
		{"{\"weight_map\":{\"b\":\"model-9.safetensors\"}}", ANGLE_NOT_FOUND,
		 "model-9.safetensors"},
		{"{\"weight_map\":{\"a\":\"../model-1.safetensors\"}}", ANGLE_CORRUPT,
		 "plain file name"},
		{"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", ANGLE_CORRUPT,
		 "plain file name"},
		{"{\"weight_map\":{\"a\":\"\"}}", ANGLE_CORRUPT, "plain file name"},
		{"{\"weight_map\":{\"a\":7}}", ANGLE_CORRUPT, "\"a\""},
		{"{\"weight_map\":[]}", ANGLE_CORRUPT, "weight_map"},
		{"{}", ANGLE_CORRUPT, "weight_map"},
		{"", ANGLE_CORRUPT, "empty"},
	};
	Folder folder;
	size_t count;

	REQUIRE(folder_make(&folder));
	write_image(&folder, "model-1.safetensors", SHARD("a"), 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		AngleError err = {.message = ""};

		folder_text(&folder, "model.safetensors.index.json", cases[i].index);
		CHECK_INT(open_folder(&folder, &count, &err), cases[i].status);
		if (strstr(err.message, cases[i].named) == NULL)
			test_fail(__FILE__, __LINE__, "%s: \"%s\"", cases[i].index,
					  err.message);
	}
	folder_remove(&folder);
}

TEST(checkpoint_points_from_a_pickle_to_convert)
{
	Folder folder;
	AngleError err;
	size_t count;

	REQUIRE(folder_make(&folder));
	CHECK_INT(open_folder(&folder, &count, &err), ANGLE_NOT_FOUND);
	CHECK_STR(err.hint, "");
	folder_text(&folder, "pytorch_model.bin", "PK");
	CHECK_INT(open_folder(&folder, &count, &err), ANGLE_NOT_FOUND);
	CHECK(strstr(err.message, "model.safetensors") != NULL);
	CHECK(strstr(err.hint, "angle convert") != NULL);
	folder_remove(&folder);
}
