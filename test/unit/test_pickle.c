/* The pickles of torch.save() are read in test/cli; here are those that it
 * does not write. */
#include "test.h"

#include "trainer/pickle.h"

static AnglePickledTensor *tensors;
static size_t count;
static AngleError err;

#define READ(arena, code) read_pickle(arena, code, sizeof(code) - 1)

static AngleStatus
read_pickle(AngleArena *arena, const char *code, size_t size)
{
	return angle_pickle_read((AngleBytes){(const uint8_t *) code, size}, arena,
							 &tensors, &count, &err);
}

/* A storage "0" of 6 floats, on the stack. */
#define STORAGE                                        \
	"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" \
	"0X\3\0\0\0cpuK\6tQ"
#define TENSOR "ctorch._utils\n_rebuild_tensor_v2\n("
#define NAME(c) "X\1\0\0\0" c

TEST(pickle_reads_a_tensor)
{
	AngleArena *arena = angle_arena_create(NULL);

	/* {"w": tensor of shape (2, 2), strides (3, 1), from element 1} */
	REQUIRE(READ(arena, "\x80\2}" NAME("w") TENSOR STORAGE
				 "K\1K\2K\2\x86K\3K\1\x86\x89NtRs.") == ANGLE_OK);
	REQUIRE(count == 1);
	CHECK_STR(tensors[0].name, "w");
	CHECK_STR(tensors[0].storage, "0");
	CHECK_INT(tensors[0].dtype, ANGLE_DTYPE_F32);
	CHECK_INT(tensors[0].storage_elements, 6);
	CHECK_INT(tensors[0].offset, 1);
	CHECK_INT(tensors[0].rank, 2);
	CHECK_INT(tensors[0].shape[1], 2);
	CHECK_INT(tensors[0].strides[0], 3);
	angle_arena_destroy(arena);
}

TEST(pickle_sorts_by_name_and_refuses_a_name_twice)
{
	AngleArena *arena = angle_arena_create(NULL);

	/* the tensor is kept in the memo as 7 and set as b, then a */
	REQUIRE(READ(arena, "\x80\2}(" NAME("b") TENSOR STORAGE
				 "K\0K\6\x85K\1\x85\x89NtRq\7" NAME("a") "h\7u.") == ANGLE_OK);
	REQUIRE(count == 2);
	CHECK_STR(tensors[0].name, "a");
	CHECK_STR(tensors[1].name, "b");
	CHECK_INT(READ(arena, "\x80\2}(" NAME("a") TENSOR STORAGE
				   "K\0K\6\x85K\1\x85\x89NtRq\7" NAME("a") "h\7u."),
			  ANGLE_CORRUPT);
	CHECK(strstr(err.message, "\"a\" occurs twice") != NULL);
	angle_arena_destroy(arena);
}

TEST(pickle_names_the_global_that_it_refuses)
{
	AngleArena *arena = angle_arena_create(NULL);

	CHECK_INT(READ(arena, "\x80\2cposix\nsystem\nX\2\0\0\0id\x85R."),
			  ANGLE_UNSUPPORTED);
	CHECK(strstr(err.message, "\"posix.system\"") != NULL);
	CHECK_INT(READ(arena, "\x80\4\x8c\10builtins\x8c\4eval\x93."),
			  ANGLE_UNSUPPORTED);
	CHECK(strstr(err.message, "\"builtins.eval\"") != NULL);
	CHECK(strstr(err.message, "byte 18") != NULL);
	/* a name that only begins like one of the list */
	CHECK_INT(READ(arena, "\x80\2ctorch\nFloatStorageX\n."), ANGLE_UNSUPPORTED);
	angle_arena_destroy(arena);
}

/* The tensor's offset, shape and strides in place of SHAPE. */
static AngleStatus
read_shape(AngleArena *arena, const char *shape, size_t size)
{
	static const char head[] = "\x80\2}" NAME("w") TENSOR STORAGE;
	static const char tail[] = "\x89NtRs.";
	char code[512];

	memcpy(code, head, sizeof(head) - 1);
	memcpy(code + sizeof(head) - 1, shape, size);
	memcpy(code + sizeof(head) - 1 + size, tail, sizeof(tail) - 1);
	return read_pickle(arena, code, sizeof(head) + sizeof(tail) - 2 + size);
}

#define SHAPE(arena, shape) read_shape(arena, shape, sizeof(shape) - 1)
#define BIG "\x8a\10\377\377\377\377\377\377\377\177" /* 2^63 − 1 */

TEST(pickle_keeps_tensors_in_their_storage)
{
	AngleArena *arena = angle_arena_create(NULL);

	CHECK_INT(SHAPE(arena, "K\0K\6\x85K\1\x85"), ANGLE_OK);
	CHECK_INT(SHAPE(arena, "K\0))"), ANGLE_OK);				/* a scalar */
	CHECK_INT(SHAPE(arena, "K\6K\0\x85K\1\x85"), ANGLE_OK); /* empty */
	CHECK_INT(SHAPE(arena, "K\0K\1K\6\x86" BIG "K\1\x86"), ANGLE_OK);
	CHECK_INT(SHAPE(arena, "K\1K\6\x85K\1\x85"), ANGLE_CORRUPT);
	CHECK_INT(SHAPE(arena, "K\6))"), ANGLE_CORRUPT);
	CHECK_INT(SHAPE(arena, "K\0K\4\x85K\2\x85"), ANGLE_CORRUPT);
	CHECK_INT(SHAPE(arena, "K\0" BIG "\x85" BIG "\x85"), ANGLE_CORRUPT);
	CHECK_INT(SHAPE(arena, BIG "K\2\x85" BIG "\x85"), ANGLE_CORRUPT);
	CHECK_INT(SHAPE(arena, BIG "))"), ANGLE_CORRUPT);
	CHECK_INT(SHAPE(arena, "J\377\377\377\377))"), ANGLE_CORRUPT); /* −1 */
	CHECK_INT(SHAPE(arena, "K\0\x8a\1\377\x85K\1\x85"), ANGLE_CORRUPT);
	CHECK_INT(SHAPE(arena, "K\0K\6\x85K\1K\1\x86"), ANGLE_CORRUPT);
	/* one element that would stand for 200 */
	CHECK_INT(SHAPE(arena, "K\0K\310\x85K\0\x85"), ANGLE_UNSUPPORTED);
	CHECK_INT(SHAPE(arena, "K\0(K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1t"),
			  ANGLE_UNSUPPORTED);
	angle_arena_destroy(arena);
}

TEST(pickle_survives_programs_that_make_no_sense)
{
	static const struct
	{
		const char *code;
		size_t size;
	} programs[] = {
#define PROGRAM(code) {code, sizeof(code) - 1}
		PROGRAM(""),
		PROGRAM("."),
		PROGRAM("\x80"),
		PROGRAM("\x80\1."),
		PROGRAM("\x80\2N."),
		PROGRAM("\x80\2R."),
		PROGRAM("\x80\2(."),
		PROGRAM("\x80\2t."),
		PROGRAM("\x80\2u."),
		PROGRAM("\x80\2}NN."),
		PROGRAM("\x80\2}(NNu."),
		PROGRAM("\x80\2}(Nu."),
		PROGRAM("\x80\2](NNu."),
		PROGRAM("\x80\2}(0."),
		PROGRAM("\x80\2N(R."),
		PROGRAM("\x80\2NQ."),
		PROGRAM("\x80\2h\0."),
		PROGRAM("\x80\2q\0."),
		PROGRAM("\x80\2Nr\377\377\377\377."),
		PROGRAM("\x80\2X\377\377\377\377x"),
		PROGRAM("\x80\4\x8d\377\377\377\377\377\377\377\377x"),
		PROGRAM("\x80\2\x8b\377\377\377\177x"),
		PROGRAM("\x80\2ctorch"),
		PROGRAM("\x80\2ccollections\nOrderedDict\nNR."),
		PROGRAM("\x80\2ccollections\nOrderedDict\nN\x85R."),
		PROGRAM("\x80\2ctorch._utils\n_rebuild_tensor_v2\n)R."),
		PROGRAM("\x80\2}X\1\0\0\0wNs."),
		PROGRAM("\x80\2i."),
#undef PROGRAM
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
	{
		AngleArena *arena = angle_arena_create(NULL);

		if (read_pickle(arena, programs[i].code, programs[i].size) == ANGLE_OK)
			test_fail(__FILE__, __LINE__, "program %zu was accepted", i);
		CHECK(strlen(err.message) > 0);
		angle_arena_destroy(arena);
	}
}

TEST(pickle_bounds_the_memory_that_it_takes)
{
	AngleArena *arena = angle_arena_create(NULL);
	char *code = malloc(ANGLE_MAX_PICKLE + 1);

	REQUIRE(code != NULL);
	memset(code, ']', ANGLE_MAX_PICKLE + 1);
	CHECK_INT(read_pickle(arena, code, ANGLE_MAX_PICKLE + 1), ANGLE_TOO_LARGE);
	free(code);
	angle_arena_destroy(arena);
}
