#include "test.h"

#include <stdint.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "core/vector/format.h"
#include "trainer/float_text.h"
#include "trainer/line_reader.h"
#include "trainer/vector_writer.h"

static const char *
text_of(float value)
{
	static char text[ANGLE_FLOAT_TEXT_SIZE];

	CHECK_INT(angle_float_text(value, text), strlen(text));
	return text;
}

/* What PostgreSQL 15 prints for these values of type real. */
TEST(float_text_is_that_of_postgresql)
{
	CHECK_STR(text_of(0.0f), "0");
	CHECK_STR(text_of(-0.0f), "-0");
	CHECK_STR(text_of(1.0f), "1");
	CHECK_STR(text_of(-2.5f), "-2.5");
	CHECK_STR(text_of(0.1f), "0.1");
	CHECK_STR(text_of(100.0f), "100");
	CHECK_STR(text_of(123456.0f), "123456");
	CHECK_STR(text_of(1234567.0f), "1.234567e+06");
	CHECK_STR(text_of(1e6f), "1e+06");
	CHECK_STR(text_of(0.0001f), "0.0001");
	CHECK_STR(text_of(0.00001f), "1e-05");
	CHECK_STR(text_of(-0.00012345679f), "-0.00012345679");
	CHECK_STR(text_of(3.4028235e38f), "3.4028235e+38");
	CHECK_STR(text_of(1e-45f), "1e-45");
	CHECK_STR(text_of(16777216.0f), "1.6777216e+07");
	CHECK_STR(text_of(0.33333334f), "0.33333334");
}

TEST(float_text_reads_back_to_the_bit)
{
	AngleRng rng;
	int wrong = 0;

	angle_rng_seed(&rng, 7);
	for (int i = 0; i < 200000; i++)
	{
		uint32_t bits = (uint32_t) angle_rng_next(&rng);
		float value;
		float back;

		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		back = strtof(text_of(value), NULL);
		wrong += memcmp(&value, &back, sizeof(value)) != 0;
	}
	CHECK_INT(wrong, 0);
}

/* Writes two vectors of two dimensions and reads the bytes of the file. */
static size_t
write_two(AngleVectorFormat format, uint8_t *bytes, size_t size)
{
	static const float vectors[] = {1, -0.5f, 3e-7f, 100};
	AngleVectorWriter writer;
	FILE *stream = tmpfile();
	size_t got;

	CHECK(angle_vectors_start(&writer, stream, format, 2, NULL) == ANGLE_OK);
	CHECK(angle_vectors_write(&writer, vectors, 1, NULL) == ANGLE_OK);
	CHECK(angle_vectors_write(&writer, vectors + 2, 1, NULL) == ANGLE_OK);
	CHECK(angle_vectors_finish(&writer, NULL) == ANGLE_OK);
	rewind(stream);
	got = fread(bytes, 1, size, stream);
	fclose(stream);
	return got;
}

TEST(vectors_as_text)
{
	char text[100] = "";

	write_two(ANGLE_VECTORS_TEXT, (uint8_t *) text, sizeof(text) - 1);
	CHECK_STR(text, "[1,-0.5]\n[3e-07,100]\n");
}

TEST(vectors_as_copy)
{
	static const char expected[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
								   "\0\1\0\0\0\14\0\2\0\0"
								   "\x3f\x80\0\0\xbf\0\0\0"
								   "\0\1\0\0\0\14\0\2\0\0"
								   "\x34\xa1\x0f\xb0\x42\xc8\0\0"
								   "\377\377";
	uint8_t bytes[100];

	REQUIRE(write_two(ANGLE_VECTORS_COPY, bytes, sizeof(bytes)) ==
			sizeof(expected) - 1);
	CHECK(memcmp(bytes, expected, sizeof(expected) - 1) == 0);
}

TEST(vectors_as_npy)
{
	uint8_t bytes[200];
	float values[4];

	REQUIRE(write_two(ANGLE_VECTORS_NPY, bytes, sizeof(bytes)) == 128 + 16);
	CHECK(memcmp(bytes, "\223NUMPY\1\0\166\0{'descr': '<f4', ", 27) == 0);
	bytes[127] = '\0';
	CHECK(strstr((char *) bytes + 10, "'shape': (2, 2), }") != NULL);
	memcpy(values, bytes + 128, sizeof(values));
	CHECK_NEAR(values[1], -0.5, 0);
	CHECK_NEAR(values[3], 100, 0);
}

TEST(vectors_as_npy_need_a_file_that_can_seek)
{
	AngleVectorWriter writer;
	AngleError err;
	int ends[2];
	FILE *stream;

	REQUIRE(pipe(ends) == 0);
	stream = fdopen(ends[1], "wb");
	CHECK_INT(angle_vectors_start(&writer, stream, ANGLE_VECTORS_NPY, 2, &err),
			  ANGLE_INVALID_ARGUMENT);
	CHECK(strstr(err.hint, "--output") != NULL);
	fclose(stream);
	close(ends[0]);
}

/* Reads all lines of a file with these bytes, joined with '|'. */
static void
join_lines(const char *bytes, size_t size, char *joined)
{
	char path[] = "/tmp/angle-lines-test";
	char *files[] = {path, path};
	AngleLineReader reader;
	AngleBytes line;
	bool end = false;
	FILE *file = fopen(path, "wb");

	fwrite(bytes, 1, size, file);
	fclose(file);
	angle_lines_open(&reader, files, 2, NULL);
	CHECK_INT(reader.size, 2 * size);
	for (;;)
	{
		CHECK(angle_lines_next(&reader, &line, &end, NULL) == ANGLE_OK);
		if (end)
			break;
		if (line.size > 0)
			memcpy(joined, line.data, line.size);
		joined += line.size;
		*joined++ = '|';
	}
	CHECK_INT(angle_lines_done(&reader), 2 * size);
	*joined = '\0';
	angle_lines_close(&reader);
	unlink(path);
}

TEST(lines_of_two_files)
{
	char joined[100];

	join_lines("a\n\nbc", 5, joined);
	CHECK_STR(joined, "a||bc|a||bc|");
	join_lines("a\n", 2, joined);
	CHECK_STR(joined, "a|a|");
	join_lines("\n", 1, joined);
	CHECK_STR(joined, "||");
	join_lines("", 0, joined);
	CHECK_STR(joined, "");
}

/* Against the search through printf and strtof. What the fast form leaves to
 * others is what its contract says, and little else: ties are rare. */
TEST(element_format_is_the_shortest_and_nearest)
{
	AngleRng rng;
	char expected[ANGLE_FLOAT_TEXT_SIZE];
	char text[ANGLE_ELEMENT_TEXT + 1];
	int refused = 0;

	angle_rng_seed(&rng, 20);
	for (int i = 0; i < 200000; i++)
	{
		/* 2^-13 to 1024, either sign; every other one with few bits */
		uint64_t random = angle_rng_next(&rng);
		uint32_t bits = (uint32_t) (114 + random % 23) << 23 |
						(uint32_t) (random >> 32 & 0x807FFFFF);
		size_t length;
		float x;

		if (i % 2 == 1)
			bits &= ~((1u << (random >> 8) % 23) - 1);
		memcpy(&x, &bits, sizeof(x));
		length = angle_element_format(x, text);
		text[length] = '\0';
		angle_float_text(x, expected);
		if (length > 0)
			CHECK_STR(text, expected);
		else if ((bits & 0x7FFFFF) != 0)
			refused++;
	}
	CHECK(refused < 10000);
}

TEST(element_format_leaves_the_rest)
{
	static const float others[] = {0,	  -0.0F, 1,		   0.5F,	1024, 1e-5F,
								   1e30F, NAN,	 INFINITY, -1e-40F, 5000};
	char text[ANGLE_ELEMENT_TEXT];

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		CHECK_INT(angle_element_format(others[i], text), 0);
}
