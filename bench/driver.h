/*
 * What the drivers of bench/embed have in common: they hold a batch of texts,
 * obey commands, one on each line of standard input, and answer each of them on
 * standard output.
 *
 *     +TEXT  adds a text to the batch; no answer
 *     -      empties the batch; no answer
 *     =      embeds the batch: the microseconds that took
 *     ?      embeds the batch: its embeddings, a line of numbers for each text
 */
#ifndef ANGLE_BENCH_DRIVER_H
#define ANGLE_BENCH_DRIVER_H

#include <stddef.h>

typedef struct DriverBatch
{
	char **texts; /* (count) */
	size_t count;
	size_t capacity;
} DriverBatch;

/* What distinguishes one driver from the other; state is theirs. Both end the
 * program when something fails. */
typedef struct Driver
{
	void *state;
	void (*embed)(void *state, const DriverBatch *batch);
	void (*print)(void *state, const DriverBatch *batch);
	/* any other command; NULL: there is none */
	void (*command)(void *state, const DriverBatch *batch, const char *line);
} Driver;

/* Obeys until standard input ends. */
void driver_run(const Driver *driver);

double driver_microseconds(void);

#endif
