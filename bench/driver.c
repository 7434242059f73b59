#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver.h"

double
driver_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static void
require_memory(const void *pointer)
{
	if (pointer != NULL)
		return;
	fprintf(stderr, "out of memory\n");
	exit(1);
}

static void
add(DriverBatch *batch, const char *text)
{
	if (batch->count == batch->capacity)
	{
		batch->capacity = batch->capacity * 2 + 64;
		batch->texts =
			realloc(batch->texts, batch->capacity * sizeof(*batch->texts));
		require_memory(batch->texts);
	}
	batch->texts[batch->count] = strdup(text);
	require_memory(batch->texts[batch->count]);
	batch->count++;
}

static void
clear(DriverBatch *batch)
{
	while (batch->count > 0)
		free(batch->texts[--batch->count]);
}

static void
time_embed(const Driver *driver, const DriverBatch *batch)
{
	double start = driver_microseconds();

	driver->embed(driver->state, batch);
	printf("%.2f\n", driver_microseconds() - start);
}

static void
obey(const Driver *driver, DriverBatch *batch, const char *line)
{
	if (line[0] == '+')
		add(batch, line + 1);
	else if (line[0] == '-')
		clear(batch);
	else if (line[0] == '=')
		time_embed(driver, batch);
	else if (line[0] == '?')
		driver->print(driver->state, batch);
	else if (driver->command != NULL)
		driver->command(driver->state, batch, line);
	else
	{
		fprintf(stderr, "unknown command \"%s\"\n", line);
		exit(2);
	}
}

void
driver_run(const Driver *driver)
{
	DriverBatch batch = {0};
	char *line = NULL;
	size_t capacity = 0;

	while (getline(&line, &capacity, stdin) > 0)
	{
		line[strcspn(line, "\n")] = '\0';
		obey(driver, &batch, line);
		fflush(stdout);
	}
	clear(&batch);
	free(batch.texts);
	free(line);
}
