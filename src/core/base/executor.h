/*
 * Helper threads for work that splits into independent tasks.
 *
 * The helpers are created with every signal blocked, so that a host's signal
 * handlers run on the host's own thread only, and they touch nothing but the
 * tasks that they are given.
 */
#ifndef ANGLE_EXECUTOR_H
#define ANGLE_EXECUTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/status.h"

typedef struct AngleExecutor AngleExecutor;

/* One task: index in [0, tasks), worker in [0, workers). Two tasks that run at
 * the same time have different workers, so scratch memory can go by worker. */
typedef void (*AngleTask)(void *context, size_t index, int worker);

/* Starts workers − 1 threads (the caller is the last worker); workers ≥ 1.
 * Memory comes from arena, which must outlive the executor. */
ANGLE_MUST_CHECK AngleStatus angle_executor_start(int workers,
												  AngleArena *arena,
												  AngleExecutor **executor,
												  AngleError *err);

/* Runs task for every index and returns when all have ended. The caller takes
 * part. Executors are not re-entrant. executor may be NULL: then all tasks run
 * in the calling thread. */
void angle_executor_run(AngleExecutor *executor, size_t tasks, AngleTask task,
						void *context);

/* Runs task once on each worker, with its number as the index, on all of them at
 * the same time, so that they may wait for each other, and returns when all have
 * ended. With NULL it runs once. */
void angle_executor_run_together(AngleExecutor *executor, AngleTask task,
								 void *context);

/* Whether to let workers run together: not for a while after a team that has waited
 * too much, and not with NULL or one worker. */
bool angle_executor_offers_team(const AngleExecutor *executor);

/* Those who ran together last have waited so many microseconds for one another
 * (AngleBarrier). Where that is a good part of the time that they took, the
 * processors have too much else to do. */
void angle_executor_note_waits(AngleExecutor *executor, int64_t waited);

/* Where those that run together wait for each other; all zero but for members,
 * and used for any number of times. */
typedef struct AngleBarrier
{
	int members;
	atomic_int arrived;
	atomic_uint round;
	atomic_llong waited; /* microseconds, in all, behind a short loop */
} AngleBarrier;

/* Returns once all members have come here; what they wrote before is seen by
 * all. It spins, for the microseconds that the parts of a product differ by. */
void angle_barrier_wait(AngleBarrier *barrier);

/* The number of workers, the caller included; 1 for NULL. */
int angle_executor_workers(const AngleExecutor *executor);

/* Ends the threads; NULL is allowed. */
void angle_executor_stop(AngleExecutor *executor);

#endif
