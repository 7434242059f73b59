#include <stdint.h>

#include "core/model/checksum.h"
#include "core/model/packed.h"
#include "core/model/packed_format.h"
#include "test.h"

static const AnglePrompt prompt = {"query", "find: ", ""};

static const uint8_t bytes[5] = {1, 2, 3, 4, 5};
static const float floats[6] = {1, 2, 3, 4, 5, 6};
static const int32_t integers[2] = {-7, 1 << 30};
static const int8_t panel[16 * 64] = {1, -1, 127};

/* In an order that is not that of the names. */
static const AnglePackedArray arrays[] = {
	{"weight", ANGLE_PACKED_F32, 2, 3, {(const uint8_t *) floats, 24}},
	{"panel", ANGLE_PACKED_I8_PANEL, 3, 5, {(const uint8_t *) panel, 1024}},
	{"empty", ANGLE_PACKED_BYTES, 0, 1, {NULL, 0}},
	{"tokenizer", ANGLE_PACKED_BYTES, 5, 1, {bytes, 5}},
	{"ids", ANGLE_PACKED_I32, 2, 1, {(const uint8_t *) integers, 8}},
	{"rows", ANGLE_PACKED_I8, 1, 5, {bytes, 5}},
};

#define ARRAY_COUNT (sizeof(arrays) / sizeof(arrays[0]))

static AnglePackedFile
plan_of(const AnglePackedArray *list, size_t count)
{
	return (AnglePackedFile){
		.config =
			{
				.layers = 1,
				.hidden = 8,
				.heads = 2,
				.intermediate = 16,
				.vocab = 10,
				.positions = 16,
				.type_vocab = 2,
				.norm_eps = 1e-5f,
				.activation = ANGLE_ACTIVATION_GELU,
				.max_tokens = 16,
				.pooling = ANGLE_POOLING_MEAN,
				.dimensions = 8,
				.prompt_count = 1,
				.prompts = &prompt,
				.default_prompt = -1,
			},
		.count = count,
		.arrays = list,
	};
}

/* A packed file in memory, aligned as a mapping is. */
typedef struct Image
{
	AngleArena *arena;
	uint8_t *data;
	size_t size;
} Image;

/* Writes the plan to a file and reads it into memory. */
static bool
make_image(Image *image, const AnglePackedFile *plan)
{
	AnglePackedWriter *writer;
	FILE *stream = tmpfile();
	AngleStatus status;

	image->arena = angle_arena_create(NULL);
	status = angle_packed_start(stream, plan, image->arena, &writer, NULL);
	for (size_t i = 0; i < plan->count && status == ANGLE_OK; i++)
		status = angle_packed_append(writer, plan->arrays[i].data, NULL);
	if (status == ANGLE_OK)
		status = angle_packed_finish(writer, NULL);
	fseek(stream, 0, SEEK_END);
	image->size = (size_t) ftell(stream);
	image->data = angle_arena_alloc(image->arena, image->size + 1, 1);
	rewind(stream);
	CHECK_INT(fread(image->data, 1, image->size, stream), image->size);
	fclose(stream);
	CHECK_INT(status, ANGLE_OK);
	return status == ANGLE_OK;
}

/* Makes the checksums of the header and of the directory right again. */
static void
seal(Image *image)
{
	uint64_t data = angle_load_u64(image->data + HEADER_DATA);
	uint64_t sums[2];

	if (data >= ANGLE_PACKED_HEADER_SIZE && data <= image->size)
	{
		sums[0] = angle_checksum(
			(AngleBytes){image->data + ANGLE_PACKED_HEADER_SIZE,
						 (size_t) data - ANGLE_PACKED_HEADER_SIZE});
		for (int i = 0; i < 8; i++)
			image->data[HEADER_METADATA_CHECK + i] =
				(uint8_t) (sums[0] >> (8 * i));
	}
	sums[1] = angle_checksum((AngleBytes){image->data, HEADER_CHECK});
	for (int i = 0; i < 8; i++)
		image->data[HEADER_CHECK + i] = (uint8_t) (sums[1] >> (8 * i));
}

static AngleStatus
open_image(const Image *image, AnglePackedCheck check, AngleError *err)
{
	AngleArena *arena = angle_arena_create(NULL);
	AnglePackedFile file;
	AngleStatus status = angle_packed_open(
		(AngleBytes){image->data, image->size}, check, NULL, arena, &file, err);

	angle_arena_destroy(arena);
	return status;
}

TEST(packed_file_is_read_back)
{
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	AnglePackedFile file;
	Image image;

	REQUIRE(make_image(&image, &plan));
	REQUIRE(angle_packed_open((AngleBytes){image.data, image.size},
							  ANGLE_PACKED_CHECK_CONTENT, NULL, image.arena,
							  &file, NULL) == ANGLE_OK);
	CHECK_INT(file.count, ARRAY_COUNT);
	CHECK_INT(file.config.hidden, 8);
	CHECK_STR(file.config.prompts[0].prefix, "find: ");
	for (size_t i = 0; i < ARRAY_COUNT; i++)
	{
		AngleBytes data;

		REQUIRE(angle_packed_find(&file, &arrays[i], &data, NULL) == ANGLE_OK);
		CHECK(angle_bytes_equal(data, arrays[i].data));
		CHECK_INT((uintptr_t) data.data % ANGLE_ALIGNMENT, 0);
	}
	angle_arena_destroy(image.arena);
}

static bool
stop_at_once(void *context)
{
	(void) context;
	return true;
}

TEST(packed_check_of_the_content_can_be_cancelled)
{
	const AngleCancel cancel = {stop_at_once, NULL};
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	AnglePackedFile file;
	Image image;

	REQUIRE(make_image(&image, &plan));
	CHECK_INT(angle_packed_open((AngleBytes){image.data, image.size},
								ANGLE_PACKED_CHECK_CONTENT, &cancel,
								image.arena, &file, NULL),
			  ANGLE_CANCELLED);
	angle_arena_destroy(image.arena);
}

TEST(packed_find_names_what_is_missing_or_wrong)
{
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	AnglePackedArray wanted = arrays[0];
	AnglePackedFile file;
	AngleBytes data;
	AngleError err;
	Image image;

	REQUIRE(make_image(&image, &plan));
	REQUIRE(angle_packed_open((AngleBytes){image.data, image.size},
							  ANGLE_PACKED_CHECK_HEADER, NULL, image.arena,
							  &file, NULL) == ANGLE_OK);
	wanted.name = "bias";
	CHECK_INT(angle_packed_find(&file, &wanted, &data, &err), ANGLE_CORRUPT);
	CHECK(strstr(err.message, "\"bias\" is missing") != NULL);
	wanted = arrays[0];
	wanted.rows = 3;
	CHECK_INT(angle_packed_find(&file, &wanted, &data, &err), ANGLE_CORRUPT);
	CHECK(strstr(err.message, "(2, 3), but must have") != NULL);
	wanted = arrays[0];
	wanted.type = ANGLE_PACKED_I32;
	CHECK_INT(angle_packed_find(&file, &wanted, &data, &err), ANGLE_CORRUPT);
	angle_arena_destroy(image.arena);
}

TEST(packed_file_without_arrays_is_valid)
{
	AnglePackedFile plan = plan_of(NULL, 0);
	AngleBytes data;
	Image image;

	REQUIRE(make_image(&image, &plan));
	CHECK_INT(open_image(&image, ANGLE_PACKED_CHECK_CONTENT, NULL), ANGLE_OK);
	CHECK_INT(angle_packed_find(&plan, &arrays[0], &data, NULL), ANGLE_CORRUPT);
	angle_arena_destroy(image.arena);
}

TEST(packed_damage_of_any_bit_is_found)
{
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	Image image;
	int accepted = 0;

	REQUIRE(make_image(&image, &plan));
	for (size_t i = 0; i < image.size; i++)
	{
		for (int bit = 0; bit < 8; bit++)
		{
			image.data[i] ^= (uint8_t) (1 << bit);
			accepted += open_image(&image, ANGLE_PACKED_CHECK_CONTENT, NULL) ==
						ANGLE_OK;
			image.data[i] ^= (uint8_t) (1 << bit);
		}
	}
	CHECK_INT(accepted, 0);
	angle_arena_destroy(image.arena);
}

TEST(packed_damage_of_the_data_is_left_to_the_content_check)
{
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	AngleError err;
	Image image;

	REQUIRE(make_image(&image, &plan));
	image.data[image.size - 1] ^= 1;
	CHECK_INT(open_image(&image, ANGLE_PACKED_CHECK_HEADER, NULL), ANGLE_OK);
	CHECK_INT(open_image(&image, ANGLE_PACKED_CHECK_CONTENT, &err),
			  ANGLE_CORRUPT);
	CHECK(strstr(err.message, "data's checksum is wrong, of bytes ") != NULL);
	CHECK(strtoull(strrchr(err.message, ' '), NULL, 10) == image.size);
	angle_arena_destroy(image.arena);
}

TEST(packed_file_of_another_length_is_refused)
{
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	Image image;
	size_t whole;

	REQUIRE(make_image(&image, &plan));
	whole = image.size;
	image.data[whole] = 0;
	for (image.size = 0; image.size <= whole + 1; image.size++)
	{
		/* memory of its own, so that a sanitizer sees reads beyond it */
		Image part = {NULL, aligned_alloc(64, (image.size + 64) / 64 * 64),
					  image.size};

		memcpy(part.data, image.data, image.size);
		CHECK_INT(open_image(&part, ANGLE_PACKED_CHECK_HEADER, NULL),
				  image.size == whole ? ANGLE_OK : ANGLE_CORRUPT);
		free(part.data);
	}
	angle_arena_destroy(image.arena);
}

/* Every byte before the data takes values that hostile writers like, with
 * checksums that are right: refused, or read without a wrong access. */
TEST(packed_hostile_metadata_is_survived)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	AngleBytes data;
	Image good;
	Image image;

	REQUIRE(make_image(&good, &plan));
	REQUIRE(make_image(&image, &plan));
	for (size_t i = 0; i < angle_load_u64(good.data + HEADER_DATA); i++)
	{
		for (size_t j = 0; j < sizeof(values); j++)
		{
			AngleArena *arena = angle_arena_create(NULL);
			AnglePackedFile file;

			image.data[i] = values[j];
			seal(&image);
			if (angle_packed_open((AngleBytes){image.data, image.size},
								  ANGLE_PACKED_CHECK_HEADER, NULL, arena, &file,
								  NULL) == ANGLE_OK)
			{
				for (size_t k = 0; k < file.count; k++)
				{
					CHECK(angle_packed_find(&file, &file.arrays[k], &data,
											NULL) == ANGLE_OK);
					CHECK(data.data >= image.data &&
						  data.data + data.size <= image.data + image.size);
				}
			}
			memcpy(image.data, good.data, image.size);
			angle_arena_destroy(arena);
		}
	}
	angle_arena_destroy(good.arena);
	angle_arena_destroy(image.arena);
}

/* Changes one byte, seals, and expects this status and message. */
static void
check_change(size_t offset, uint8_t value, AngleStatus status,
			 const char *named)
{
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	AngleError err = {.message = ""};
	Image image;

	REQUIRE(make_image(&image, &plan));
	image.data[offset] = value;
	seal(&image);
	CHECK_INT(open_image(&image, ANGLE_PACKED_CHECK_HEADER, &err), status);
	if (strstr(err.message, named) == NULL)
		test_fail(__FILE__, __LINE__, "\"%s\" does not name %s", err.message,
				  named);
	angle_arena_destroy(image.arena);
}

TEST(packed_reader_refuses_what_it_does_not_know)
{
	AnglePackedFile plan = plan_of(arrays, ARRAY_COUNT);
	size_t directory;
	size_t names;
	Image image;

	REQUIRE(make_image(&image, &plan));
	directory = angle_load_u64(image.data + HEADER_DIRECTORY);
	names = angle_load_u64(image.data + HEADER_NAMES);
	angle_arena_destroy(image.arena);
	check_change(HEADER_VERSION, 1, ANGLE_UNSUPPORTED, "version 1");
	check_change(HEADER_FLAGS, 1, ANGLE_UNSUPPORTED, "flags");
	check_change(HEADER_SIZE, 64, ANGLE_UNSUPPORTED, "flags");
	check_change(HEADER_RESERVED + 31, 1, ANGLE_UNSUPPORTED, "flags");
	check_change(HEADER_MAGIC, 'A', ANGLE_CORRUPT, "not a packed model");
	check_change(HEADER_FILE_SIZE, 1, ANGLE_CORRUPT, "bytes");
	check_change(HEADER_ARRAYS + 3, 1, ANGLE_CORRUPT, "offsets");
	check_change(HEADER_NAMES + 7, 0xff, ANGLE_CORRUPT, "offsets");
	check_change(HEADER_CONFIG_SIZE + 7, 0xff, ANGLE_CORRUPT, "offsets");
	check_change(HEADER_DIRECTORY + 7, 0xff, ANGLE_CORRUPT, "offsets");
	/* the first entry is that of "empty" */
	check_change(directory + ENTRY_TYPE, 0, ANGLE_UNSUPPORTED, "\"empty\"");
	check_change(directory + ENTRY_TYPE, 7, ANGLE_UNSUPPORTED, "\"empty\"");
	check_change(directory + ENTRY_RESERVED, 1, ANGLE_UNSUPPORTED, "\"empty\"");
	check_change(directory + ENTRY_ROWS, 1, ANGLE_CORRUPT, "\"empty\"");
	check_change(directory + ENTRY_DATA, 1, ANGLE_CORRUPT, "\"empty\"");
	check_change(directory + ENTRY_DATA + 7, 0x80, ANGLE_CORRUPT, "\"empty\"");
	check_change(directory + ENTRY_NAME + 3, 0x80, ANGLE_CORRUPT, "name");
	check_change(directory + ENTRY_NAME_SIZE, 4, ANGLE_CORRUPT, "name");
	check_change(directory + ENTRY_NAME_SIZE, 0, ANGLE_CORRUPT, "name");
	check_change(names, 'z', ANGLE_CORRUPT, "order");
	/* the third entry, "panel", takes the name of the second, "ids" */
	check_change(directory + 2 * ANGLE_PACKED_ENTRY_SIZE + ENTRY_NAME, 6,
				 ANGLE_CORRUPT, "name");
}

TEST(packed_bytes_follow_type_and_shape)
{
	size_t size;

	CHECK(angle_packed_bytes(ANGLE_PACKED_BYTES, 7, 1, &size) && size == 7);
	CHECK(angle_packed_bytes(ANGLE_PACKED_F32, 3, 5, &size) && size == 60);
	CHECK(angle_packed_bytes(ANGLE_PACKED_I32, 3, 1, &size) && size == 12);
	CHECK(angle_packed_bytes(ANGLE_PACKED_I8, 3, 5, &size) && size == 15);
	CHECK(angle_packed_bytes(ANGLE_PACKED_I8_PANEL, 1, 1, &size) &&
		  size == 16 * 64);
	CHECK(angle_packed_bytes(ANGLE_PACKED_I8_PANEL, 17, 65, &size) &&
		  size == 32 * 128);
	CHECK(angle_packed_bytes(ANGLE_PACKED_F32_PANEL, 17, 5, &size) &&
		  size == 32 * 5 * 4);
	CHECK(angle_packed_bytes(ANGLE_PACKED_I8_PANEL, 384, 1536, &size) &&
		  size == 384 * 1536);
	CHECK(!angle_packed_bytes(ANGLE_PACKED_F32, UINT32_MAX, UINT32_MAX, &size));
	CHECK(!angle_packed_bytes(ANGLE_PACKED_I8_PANEL, UINT32_MAX, UINT32_MAX,
							  &size));
	CHECK(!angle_packed_bytes((AnglePackedType) 9, 1, 1, &size));
}

TEST(packed_writer_refuses_wrong_plans)
{
	AnglePackedArray wrong[2] = {arrays[0], arrays[0]};
	AnglePackedFile plan = plan_of(wrong, 2);
	AngleArena *arena = angle_arena_create(NULL);
	AnglePackedWriter *writer;
	FILE *stream = tmpfile();
	char endless[300];

	CHECK_INT(angle_packed_start(stream, &plan, arena, &writer, NULL),
			  ANGLE_INVALID_ARGUMENT);
	wrong[0].name = "";
	CHECK_INT(angle_packed_start(stream, &plan, arena, &writer, NULL),
			  ANGLE_INVALID_ARGUMENT);
	memset(endless, 'x', sizeof(endless));
	endless[256] = '\0';
	wrong[0].name = endless;
	CHECK_INT(angle_packed_start(stream, &plan, arena, &writer, NULL),
			  ANGLE_INVALID_ARGUMENT);
	wrong[0].name = "x";
	wrong[0].rows = wrong[0].columns = UINT32_MAX;
	CHECK_INT(angle_packed_start(stream, &plan, arena, &writer, NULL),
			  ANGLE_INVALID_ARGUMENT);
	plan.config.heads = 3;
	CHECK_INT(angle_packed_start(stream, &plan, arena, &writer, NULL),
			  ANGLE_CORRUPT);
	fclose(stream);
	angle_arena_destroy(arena);
}

TEST(packed_writer_wants_what_was_announced)
{
	AnglePackedFile plan = plan_of(arrays, 1);
	AngleArena *arena = angle_arena_create(NULL);
	AngleBytes few = {arrays[0].data.data, 20};
	AnglePackedWriter *writer;
	FILE *stream = tmpfile();
	AngleError err;

	REQUIRE(angle_packed_start(stream, &plan, arena, &writer, NULL) ==
			ANGLE_OK);
	CHECK_INT(angle_packed_append(writer, few, &err), ANGLE_INVALID_ARGUMENT);
	CHECK(strstr(err.message, "\"weight\" has 20 bytes") != NULL);
	CHECK_INT(angle_packed_finish(writer, NULL), ANGLE_INVALID_ARGUMENT);
	CHECK_INT(angle_packed_append(writer, arrays[0].data, NULL), ANGLE_OK);
	CHECK_INT(angle_packed_append(writer, arrays[0].data, NULL),
			  ANGLE_INVALID_ARGUMENT);
	CHECK_INT(angle_packed_finish(writer, NULL), ANGLE_OK);
	fclose(stream);
	angle_arena_destroy(arena);
}

TEST(packed_writer_reports_a_full_disk)
{
	AnglePackedFile plan = plan_of(arrays, 1);
	AngleArena *arena = angle_arena_create(NULL);
	AnglePackedWriter *writer;
	FILE *stream = fopen("/dev/full", "wb");
	AngleStatus status;
	AngleError err;

	REQUIRE(stream != NULL);
	status = angle_packed_start(stream, &plan, arena, &writer, &err);
	if (status == ANGLE_OK)
		status = angle_packed_append(writer, arrays[0].data, &err);
	if (status == ANGLE_OK)
		status = angle_packed_finish(writer, &err);
	CHECK_INT(status, ANGLE_IO_ERROR);
	fclose(stream);
	angle_arena_destroy(arena);
}
