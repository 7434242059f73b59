/* Runs the registered tests in the order of their names:
 *     unit [--list] [PART]…
 * runs those whose name contains one of the PARTs, or all. */
#include "test.h"

#include <stdarg.h>

static TestCase *tests;
static int failures;			/* in the running test */
static const char *skip_reason; /* of the running test, or NULL */

void
test_register(TestCase *test)
{
	TestCase **link = &tests;

	while (*link != NULL && strcmp((*link)->name, test->name) < 0)
		link = &(*link)->next;
	test->next = *link;
	*link = test;
}

void
test_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	if (++failures > 20)
		return;
	printf("# %s:%d: ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void
test_skip(const char *reason)
{
	skip_reason = reason;
}

const char *
test_dir(void)
{
	const char *dir = getenv("ANGLE_TEST_DIR");

	return dir != NULL ? dir : "test";
}

char *
test_read(const char *relative_path, size_t *size)
{
	char path[4096];
	char *data = NULL;
	long length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", test_dir(), relative_path);
	file = fopen(path, "rb");
	if (file == NULL)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0 &&
		(data = malloc((size_t) length + 1)) != NULL)
	{
		rewind(file);
		*size = fread(data, 1, (size_t) length, file);
		data[*size] = '\0';
	}
	fclose(file);
	return data;
}

static bool
selected(const TestCase *test, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		if (strstr(test->name, argv[i]) != NULL)
			return true;
	}
	return argc == 1;
}

static void
report(int number, const TestCase *test)
{
	printf("%sok %d - %s", failures > 0 ? "not " : "", number, test->name);
	if (skip_reason != NULL && failures == 0)
		printf(" # SKIP %s", skip_reason);
	printf("\n");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
	int number = 0;
	int failed = 0;

	for (TestCase *test = tests; test != NULL; test = test->next)
	{
		if (list)
			printf("%s\n", test->name);
		if (list || !selected(test, argc, argv))
			continue;
		failures = 0;
		skip_reason = NULL;
		test->run();
		report(++number, test);
		failed += failures > 0;
	}
	if (!list)
		printf("1..%d\n", number);
	return failed > 0 || (number == 0 && !list);
}
