#include "test.h"

#include <float.h>

#include "core/base/rng.h"
#include "core/vector/elements.h"
#include "core/vector/parse.h"

static float elements[ANGLE_VECTOR_MAX_DIMENSIONS];

/* Parses text; dimensions of it, or −1. */
static int
parse(const char *text)
{
	AngleBytes blame;
	int dim;

	if (angle_vector_parse(angle_bytes_of(text), elements, &dim, &blame) !=
		ANGLE_VECTOR_PARSED)
		return -1;
	return dim;
}

static void
check_failure(const char *text, AngleVectorSyntax expected, const char *blamed)
{
	AngleBytes blame = {NULL, 0};
	int dim;
	int syntax =
		(int) angle_vector_parse(angle_bytes_of(text), elements, &dim, &blame);

	if (syntax != (int) expected || blame.size != strlen(blamed) ||
		memcmp(blame.data, blamed, blame.size) != 0)
		test_fail(__FILE__, __LINE__, "\"%s\" gives %d at \"%.*s\"", text,
				  syntax, (int) blame.size, (const char *) blame.data);
}

/* The bits must be those of strtof in the C locale. */
static void
check_number(const char *number)
{
	char text[2048];
	float expected = strtof(number, NULL);

	snprintf(text, sizeof(text), "[%s]", number);
	if (parse(text) != 1 || memcmp(&elements[0], &expected, sizeof(float)) != 0)
		test_fail(__FILE__, __LINE__, "%s is read as %.9g", number,
				  (double) elements[0]);
}

TEST(vector_parse_accepts_every_way_to_write_numbers)
{
	static const float expected[] = {1, 2.5F, -3e-4F, 0.5F, 4, -0.0F, 70, 0};

	REQUIRE(parse(" \t[1, +2.5,\n-3e-4\r,.5 , 4.,-0,7E+1\v,\f0.000e99 ]  ") ==
			8);
	CHECK(memcmp(elements, expected, sizeof(expected)) == 0);
	CHECK_INT(parse("[1]"), 1);
}

TEST(vector_parse_names_each_mistake)
{
	check_failure("", ANGLE_VECTOR_NO_BRACKET, "");
	check_failure("1,2", ANGLE_VECTOR_NO_BRACKET, "1");
	check_failure(" {1,2}", ANGLE_VECTOR_NO_BRACKET, "{1");
	check_failure("[1,x,2]", ANGLE_VECTOR_NO_NUMBER, "x");
	check_failure("[1,,2]", ANGLE_VECTOR_NO_NUMBER, ",");
	check_failure("[1,]", ANGLE_VECTOR_NO_NUMBER, "]");
	check_failure("[,1]", ANGLE_VECTOR_NO_NUMBER, ",");
	check_failure("[-]", ANGLE_VECTOR_NO_NUMBER, "-");
	check_failure("[+-1]", ANGLE_VECTOR_NO_NUMBER, "+-1");
	check_failure("[.]", ANGLE_VECTOR_NO_NUMBER, ".");
	check_failure("[.e1]", ANGLE_VECTOR_NO_NUMBER, ".e1");
	check_failure("[1e]", ANGLE_VECTOR_NO_NUMBER, "1e");
	check_failure("[1e+ 2]", ANGLE_VECTOR_NO_NUMBER, "1e+");
	check_failure("[0x10]", ANGLE_VECTOR_NO_SEPARATOR, "x10");
	check_failure("[1 2]", ANGLE_VECTOR_NO_SEPARATOR, "2");
	check_failure("[1;2]", ANGLE_VECTOR_NO_SEPARATOR, ";2");
	check_failure("[1.2.3]", ANGLE_VECTOR_NO_SEPARATOR, ".3");
	check_failure("[", ANGLE_VECTOR_UNFINISHED, "");
	check_failure("[1", ANGLE_VECTOR_UNFINISHED, "");
	check_failure("[1, ", ANGLE_VECTOR_UNFINISHED, "");
	check_failure("[1]]", ANGLE_VECTOR_TRAILING_JUNK, "]");
	check_failure("[1] x y", ANGLE_VECTOR_TRAILING_JUNK, "x y");
	check_failure("[]", ANGLE_VECTOR_EMPTY, "]");
	check_failure("[ ]", ANGLE_VECTOR_EMPTY, "]");
	check_failure("[1,NaN]", ANGLE_VECTOR_NOT_FINITE, "NaN");
	check_failure("[-inf]", ANGLE_VECTOR_NOT_FINITE, "-inf");
	check_failure("[+Infinity]", ANGLE_VECTOR_NOT_FINITE, "+Infinity");
	check_failure("[1e39]", ANGLE_VECTOR_OUT_OF_RANGE, "1e39");
	check_failure("[0,-1e-46,2]", ANGLE_VECTOR_OUT_OF_RANGE, "-1e-46");
}

TEST(vector_parse_counts_to_the_limit)
{
	static char text[2 * ANGLE_VECTOR_MAX_DIMENSIONS + 8];
	AngleBytes blame;
	int dim;

	memset(text, ',', sizeof(text));
	for (int i = 0; i < ANGLE_VECTOR_MAX_DIMENSIONS; i++)
		text[2 * i + 1] = '1';
	text[0] = '[';
	strcpy(text + 2 * ANGLE_VECTOR_MAX_DIMENSIONS, "]");
	CHECK_INT(parse(text), ANGLE_VECTOR_MAX_DIMENSIONS);
	strcpy(text + 2 * ANGLE_VECTOR_MAX_DIMENSIONS, ",2]");
	CHECK_INT(angle_vector_parse(angle_bytes_of(text), elements, &dim, &blame),
			  ANGLE_VECTOR_TOO_LONG);
}

TEST(vector_parse_treats_a_nul_as_junk)
{
	AngleBytes text = {(const uint8_t *) "[1\0]", 4};
	AngleBytes blame;
	int dim;

	CHECK_INT(angle_vector_parse(text, elements, &dim, &blame),
			  ANGLE_VECTOR_NO_SEPARATOR);
}

TEST(vector_parse_rounds_the_hard_cases)
{
	/* the middle between 1 and the next float, just above and just below;
	 * the same with the difference behind all digits that are kept */
	check_number("1.000000059604644775390625");
	check_number("1.000000059604644775390626");
	check_number("1.000000059604644775390624");
	check_number("16777217");
	check_number(
		"16777217.0000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000000000000000000000000000000000"
		"000000000000000000000000000000000000000000000000000001");
	/* around the ends of the range */
	check_number("3.4028234663852886e38");
	check_number("3.40282356779733661637539395458142568447e38");
	check_number("1.17549435e-38");
	check_number("1.1754942e-38");
	check_number("1e-45");
	check_number("7.1e-46");
	check_number("-1.4012984643e-45");
	check_number(
		"0.000000000000000000000000000000000000000000000000000000001e57");
	check_number(
		"100000000000000000000000000000000000000000000000000000000e-56");
	check_number("9007199254740993e-3");
}

/* What float output writes, %.9g, comes back bit for bit, and so does any
 * other number of digits as strtof reads it. */
TEST(vector_parse_agrees_with_strtof_on_random_floats)
{
	AngleRng rng;

	angle_rng_seed(&rng, 3);
	for (int i = 0; i < 200000; i++)
	{
		uint32_t bits = (uint32_t) angle_rng_next(&rng);
		char number[64];
		float value;

		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value) || value == 0)
			continue;
		snprintf(number, sizeof(number), "%.*g", 1 + (int) (bits % 25),
				 (double) value);
		if (!isinf(strtof(number, NULL)) && strtof(number, NULL) != 0)
			check_number(number);
		snprintf(number, sizeof(number), "%.9g", (double) value);
		check_number(number);
		CHECK(memcmp(elements, &value, sizeof(value)) == 0);
	}
}

TEST(elements_arithmetic_reports_its_range)
{
	const float u[] = {1, -2, 3, FLT_MAX, 1e-30F};
	const float v[] = {2, 2, 0, FLT_MAX, 1e-30F};
	float out[5];

	CHECK_INT(angle_elements_add(out, u, v, 3), ANGLE_ELEMENTS_IN_RANGE);
	CHECK(out[0] == 3 && out[1] == 0 && out[2] == 3);
	CHECK_INT(angle_elements_subtract(out, u, v, 5), ANGLE_ELEMENTS_IN_RANGE);
	CHECK(out[0] == -1 && out[1] == -4 && out[3] == 0);
	CHECK_INT(angle_elements_multiply(out, u, v, 3), ANGLE_ELEMENTS_IN_RANGE);
	CHECK(out[0] == 2 && out[1] == -4 && out[2] == 0);
	CHECK_INT(angle_elements_add(out, u, v, 4), ANGLE_ELEMENTS_OVERFLOW);
	CHECK_INT(angle_elements_multiply(out, u + 4, v + 4, 1),
			  ANGLE_ELEMENTS_UNDERFLOW);
	CHECK_INT(angle_elements_multiply(out, u, v, 5), ANGLE_ELEMENTS_OVERFLOW);
	CHECK_INT(angle_elements_divide(out, u, 0.5, 3), ANGLE_ELEMENTS_IN_RANGE);
	CHECK(out[0] == 2 && out[1] == -4 && out[2] == 6);
	CHECK_INT(angle_elements_divide(out, u, 0.5, 4), ANGLE_ELEMENTS_OVERFLOW);
}

TEST(elements_from_numbers_report_what_is_lost)
{
	const double numbers[] = {0.1, -3, 0, 1e39, 1e-50, (double) INFINITY, NAN};
	const int32_t integers[] = {0, -7, 16777217};
	float out[7];

	CHECK_INT(angle_elements_from_double(out, numbers, 3),
			  ANGLE_ELEMENTS_IN_RANGE);
	CHECK(out[0] == 0.1F && out[1] == -3 && out[2] == 0);
	CHECK_INT(angle_elements_from_double(out, numbers, 4),
			  ANGLE_ELEMENTS_OVERFLOW);
	CHECK_INT(angle_elements_from_double(out, numbers + 4, 1),
			  ANGLE_ELEMENTS_UNDERFLOW);
	CHECK_INT(angle_elements_from_double(out, numbers + 5, 2),
			  ANGLE_ELEMENTS_IN_RANGE);
	CHECK(isinf(out[0]) && isnan(out[1]));
	angle_elements_from_int32(out, integers, 3);
	CHECK(out[0] == 0 && out[1] == -7 && out[2] == 16777216);
}

/* At each place of a register and behind the last full one. */
TEST(elements_not_finite_are_found)
{
	static const float wrong[] = {INFINITY, -INFINITY, NAN, -NAN};

	for (size_t i = 0; i < 35; i++)
	{
		float u[35];

		for (size_t j = 0; j < 35; j++)
			u[j] = j % 2 == 0 ? FLT_MAX : -FLT_MIN / 2;
		CHECK_INT(angle_elements_find_non_finite(u, 35), 35);
		u[i] = wrong[i % 4];
		CHECK_INT(angle_elements_find_non_finite(u, 35), i);
	}
}

TEST(elements_swap_to_big_endian)
{
	uint8_t message[4 * 9 + 1] = {0};
	float u[9];
	float back[9];

	for (int i = 0; i < 9; i++)
		u[i] = 1.0F + (float) i / 16;
	angle_elements_swap(message + 1, u, 9);
	CHECK(memcmp(message, "\0\x3f\x80\0\0\x3f\x88\0\0", 9) == 0);
	angle_elements_swap(back, message + 1, 9);
	CHECK(memcmp(u, back, sizeof(u)) == 0);
}

TEST(elements_sums_go_beyond_float)
{
	const float v[] = {FLT_MAX, 1};
	double sums[] = {0, 0};
	float out[2];

	for (int i = 0; i < 4; i++)
		angle_elements_accumulate(sums, v, 2);
	CHECK_INT(angle_elements_narrow(out, sums, 4, 2), ANGLE_ELEMENTS_IN_RANGE);
	CHECK(out[0] == FLT_MAX && out[1] == 1);
	CHECK_INT(angle_elements_narrow(out, sums, 1, 2), ANGLE_ELEMENTS_OVERFLOW);
}

TEST(elements_order_is_lexicographic)
{
	const float a[] = {1, 2, 3};
	const float b[] = {1, 3};
	const float zero[] = {0, 1};
	const float minus_zero[] = {-0.0F, 1};
	float canonical[2];

	CHECK(angle_elements_compare(a, 3, b, 2) < 0);
	CHECK(angle_elements_compare(b, 2, a, 3) > 0);
	CHECK(angle_elements_compare(a, 2, a, 3) < 0);
	CHECK(angle_elements_compare(a, 3, a, 2) > 0);
	CHECK(angle_elements_compare(a, 3, a, 3) == 0);
	CHECK(angle_elements_compare(zero, 2, minus_zero, 2) == 0);
	angle_elements_canonicalise(canonical, minus_zero, 2);
	CHECK(memcmp(canonical, zero, sizeof(zero)) == 0);
}

TEST(elements_find_the_first_that_is_not_finite)
{
	float v[100] = {0};

	CHECK_INT(angle_elements_find_non_finite(v, 100), 100);
	v[99] = -INFINITY;
	CHECK_INT(angle_elements_find_non_finite(v, 100), 99);
	v[57] = NAN;
	CHECK_INT(angle_elements_find_non_finite(v, 100), 57);
}
