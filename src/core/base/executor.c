#include "core/base/executor.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

typedef struct Helper
{
	AngleExecutor *executor;
	pthread_t thread;
	int worker;
} Helper;

struct AngleExecutor
{
	int workers;
	Helper *helpers;	   /* (workers − 1) */
	int64_t alone_until;   /* microseconds(); no team is offered before */
	int64_t together_took; /* microseconds, the last team */

	pthread_mutex_t lock; /* guards writing the fields up to task */
	pthread_cond_t start; /* a new round, or the end */
	pthread_cond_t done;  /* busy has become 0 */
	atomic_uint round;
	atomic_int busy; /* helpers still inside the current round */
	bool stopping;

	/* written before a round starts, read by all during it */
	AngleTask task;
	void *context;
	bool together; /* the task is for each worker once */
	size_t tasks;
	atomic_size_t next; /* first index that nobody has taken */
};

static int64_t
microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
take_tasks(AngleExecutor *executor, int worker)
{
	size_t index;

	if (executor->together)
	{
		executor->task(executor->context, (size_t) worker, worker);
		return;
	}
	while ((index = atomic_fetch_add(&executor->next, 1)) < executor->tasks)
		executor->task(executor->context, index, worker);
}

/* Spins that take about as long as waking a thread does: a tenth of a
 * millisecond where a pause is 140 cycles. */
#define SPINS 2000

static void
pause_processor(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Waits for the round behind seen, but for a moment only: who has worked together
 * with others often has to again soon. */
static void
expect_round(AngleExecutor *executor, unsigned seen)
{
	for (int i = 0; i < SPINS && atomic_load(&executor->round) == seen; i++)
		pause_processor();
}

/* The last helper wakes the caller. */
static void
finish_round(AngleExecutor *executor)
{
	if (atomic_fetch_sub(&executor->busy, 1) > 1)
		return;
	pthread_mutex_lock(&executor->lock);
	pthread_cond_signal(&executor->done);
	pthread_mutex_unlock(&executor->lock);
}

static void *
helper_main(void *argument)
{
	Helper *helper = argument;
	AngleExecutor *executor = helper->executor;
	unsigned seen = 0;

	for (;;)
	{
		bool stopping;

		pthread_mutex_lock(&executor->lock);
		while (atomic_load(&executor->round) == seen && !executor->stopping)
			pthread_cond_wait(&executor->start, &executor->lock);
		stopping = executor->stopping;
		seen = atomic_load(&executor->round);
		pthread_mutex_unlock(&executor->lock);
		if (stopping)
			return NULL;
		take_tasks(executor, helper->worker);
		finish_round(executor);
		expect_round(executor, seen);
	}
}

/* Starts one helper with all signals blocked; returns an errno value. */
static int
start_helper(Helper *helper)
{
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&helper->thread, NULL, helper_main, helper);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

AngleStatus
angle_executor_start(int workers, AngleArena *arena, AngleExecutor **result,
					 AngleError *err)
{
	AngleExecutor *executor;

	assert(workers >= 1);
	executor = angle_arena_zalloc(arena, 1, sizeof(*executor));
	if (executor == NULL)
		return angle_no_memory(err);
	executor->helpers =
		angle_arena_zalloc(arena, (size_t) workers, sizeof(Helper));
	if (executor->helpers == NULL)
		return angle_no_memory(err);
	pthread_mutex_init(&executor->lock, NULL);
	pthread_cond_init(&executor->start, NULL);
	pthread_cond_init(&executor->done, NULL);
	executor->workers = 1;
	while (executor->workers < workers)
	{
		Helper *helper = &executor->helpers[executor->workers - 1];
		int rc;

		*helper = (Helper){.executor = executor, .worker = executor->workers};
		rc = start_helper(helper);
		if (rc != 0)
		{
			angle_executor_stop(executor);
			return angle_fail(err, ANGLE_IO_ERROR,
							  "could not start a thread: %s", strerror(rc));
		}
		executor->workers++;
	}
	*result = executor;
	return ANGLE_OK;
}

/* One round of what the executor's fields say, the caller taking part. */
static void
run_round(AngleExecutor *executor)
{
	pthread_mutex_lock(&executor->lock);
	atomic_store(&executor->busy, executor->workers - 1);
	atomic_fetch_add(&executor->round, 1);
	pthread_cond_broadcast(&executor->start);
	pthread_mutex_unlock(&executor->lock);

	take_tasks(executor, 0);

	for (int i = 0; i < SPINS && atomic_load(&executor->busy) > 0; i++)
		pause_processor();
	pthread_mutex_lock(&executor->lock);
	while (atomic_load(&executor->busy) > 0)
		pthread_cond_wait(&executor->done, &executor->lock);
	pthread_mutex_unlock(&executor->lock);
}

void
angle_executor_run(AngleExecutor *executor, size_t tasks, AngleTask task,
				   void *context)
{
	if (executor == NULL || executor->workers == 1 || tasks <= 1)
	{
		for (size_t i = 0; i < tasks; i++)
			task(context, i, 0);
		return;
	}
	executor->task = task;
	executor->context = context;
	executor->together = false;
	executor->tasks = tasks;
	atomic_store(&executor->next, 0);
	run_round(executor);
}

void
angle_executor_run_together(AngleExecutor *executor, AngleTask task,
							void *context)
{
	int64_t start;

	if (executor == NULL || executor->workers == 1)
	{
		task(context, 0, 0);
		return;
	}
	executor->task = task;
	executor->context = context;
	executor->together = true;
	start = microseconds();
	run_round(executor);
	executor->together_took = microseconds() - start;
}

bool
angle_executor_offers_team(const AngleExecutor *executor)
{
	return executor != NULL && executor->workers > 1 &&
		   (executor->alone_until == 0 ||
			microseconds() >= executor->alone_until);
}

/* No team is tried for so many times what the last one has waited, so that on a busy
 * machine trying costs a tenth of the time; but not for longer than this, for a
 * first question waits for the model to be read. */
#define ALONE_FACTOR 10
#define ALONE_MICROSECONDS 100000

/* To wake a processor takes some tenths of a millisecond. */
#define TOLERATED_MICROSECONDS 500

void
angle_executor_note_waits(AngleExecutor *executor, int64_t waited)
{
	int64_t alone = ALONE_FACTOR * waited;

	if (executor == NULL || waited <= TOLERATED_MICROSECONDS ||
		waited <= executor->together_took / 4)
		return;
	if (alone > ALONE_MICROSECONDS)
		alone = ALONE_MICROSECONDS;
	executor->alone_until = microseconds() + alone;
}

/* The one that is late may be waiting for this very processor. */
static void
await_late(AngleBarrier *barrier, unsigned round)
{
	int64_t start = microseconds();

	while (atomic_load(&barrier->round) == round)
		sched_yield();
	atomic_fetch_add(&barrier->waited, microseconds() - start);
}

void
angle_barrier_wait(AngleBarrier *barrier)
{
	unsigned round;

	if (barrier->members == 1)
		return;
	round = atomic_load(&barrier->round);
	if (atomic_fetch_add(&barrier->arrived, 1) + 1 == barrier->members)
	{
		atomic_store(&barrier->arrived, 0);
		atomic_fetch_add(&barrier->round, 1);
		return;
	}
	for (int i = 0; i < SPINS; i++)
	{
		if (atomic_load(&barrier->round) != round)
			return;
		pause_processor();
	}
	await_late(barrier, round);
}

int
angle_executor_workers(const AngleExecutor *executor)
{
	return executor == NULL ? 1 : executor->workers;
}

void
angle_executor_stop(AngleExecutor *executor)
{
	if (executor == NULL)
		return;
	pthread_mutex_lock(&executor->lock);
	executor->stopping = true;
	pthread_cond_broadcast(&executor->start);
	pthread_mutex_unlock(&executor->lock);
	for (int i = 0; i < executor->workers - 1; i++)
		pthread_join(executor->helpers[i].thread, NULL);
	pthread_cond_destroy(&executor->done);
	pthread_cond_destroy(&executor->start);
	pthread_mutex_destroy(&executor->lock);
}
