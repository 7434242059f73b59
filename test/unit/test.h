/*
 * The harness of the unit tests. A test is a function that registers itself;
 * a failed check is printed with its place and the test goes on. The runner
 * speaks TAP.
 */
#ifndef ANGLE_TEST_H
#define ANGLE_TEST_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct TestCase
{
	const char *name;
	void (*run)(void);
	struct TestCase *next;
} TestCase;

void test_register(TestCase *test);
void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the test as skipped, with the reason; return from the test after it. */
void test_skip(const char *reason);

/* The folder test/ of the source tree, or what ANGLE_TEST_DIR says. */
const char *test_dir(void);

/* Reads a whole file below test_dir(); NULL when it cannot be read. The caller
 * frees it; a NUL is added behind size bytes. */
char *test_read(const char *relative_path, size_t *size);

#define TEST(name)                                                 \
	static void test_##name(void);                                 \
	static TestCase case_##name = {#name, test_##name, NULL};      \
	__attribute__((constructor)) static void register_##name(void) \
	{                                                              \
		test_register(&case_##name);                               \
	}                                                              \
	static void test_##name(void)

#define CHECK(condition)                                     \
	do                                                       \
	{                                                        \
		if (!(condition))                                    \
			test_fail(__FILE__, __LINE__, "%s", #condition); \
	} while (0)

/* Like CHECK, but leaves the test: for what the rest of it stands on. */
#define REQUIRE(condition)                                   \
	do                                                       \
	{                                                        \
		if (!(condition))                                    \
		{                                                    \
			test_fail(__FILE__, __LINE__, "%s", #condition); \
			return;                                          \
		}                                                    \
	} while (0)

#define CHECK_INT(actual, expected)                                        \
	do                                                                     \
	{                                                                      \
		long long test_a = (long long) (actual);                           \
		long long test_e = (long long) (expected);                         \
		if (test_a != test_e)                                              \
			test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #actual, \
					  test_a, test_e);                                     \
	} while (0)

#define CHECK_NEAR(actual, expected, tolerance)                            \
	do                                                                     \
	{                                                                      \
		double test_a = (double) (actual);                                 \
		double test_e = (double) (expected);                               \
		if (!(fabs(test_a - test_e) <= (double) (tolerance)))              \
			test_fail(__FILE__, __LINE__, "%s is %.9g, not %.9g", #actual, \
					  test_a, test_e);                                     \
	} while (0)

#define CHECK_STR(actual, expected)                                            \
	do                                                                         \
	{                                                                          \
		const char *test_a = (actual);                                         \
		const char *test_e = (expected);                                       \
		if (strcmp(test_a, test_e) != 0)                                       \
			test_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #actual, \
					  test_a, test_e);                                         \
	} while (0)

#endif
