#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/xact.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "pg/bridge.h"
#include "pg/embed/workspace.h"
#include "pg/settings.h"

/* Scratch memory up to this size is kept between calls, so that short ones need
 * no malloc; of more, nothing is kept. */
#define KEPT_SCRATCH_BYTES (4 * 1024 * 1024)

static AngleArena *scratch = NULL;
static MemoryContext scratch_context = NULL;

/* The helper threads with the memory context that holds them. */
static AngleExecutor *executor = NULL;
static MemoryContext executor_context = NULL;

AngleArena *
angle_workspace_acquire(void)
{
	if (scratch_context == NULL)
		scratch_context = AllocSetContextCreate(
			TopMemoryContext, "angle scratch", ALLOCSET_SMALL_SIZES);
	if (scratch == NULL)
		scratch = angle_context_arena(scratch_context);
	return scratch;
}

void
angle_workspace_release(AngleArena *arena)
{
	Assert(arena == scratch);
	angle_arena_reset(scratch);
	if (angle_arena_size(scratch) <= KEPT_SCRATCH_BYTES)
		return;
	angle_arena_destroy(scratch);
	scratch = NULL;
}

void
angle_workspace_trim(void)
{
#ifdef __GLIBC__
	(void) malloc_trim(0);
#endif
}

static void
stop_executor(void)
{
	angle_executor_stop(executor);
	executor = NULL;
	if (executor_context != NULL)
		MemoryContextDelete(executor_context);
	executor_context = NULL;
}

/* Runs while no task does: errors are raised, and a backend ends, only on the
 * main thread and outside of core. */
static void
stop_executor_at_exit(int code, Datum argument)
{
	stop_executor();
}

static void
start_executor(int workers)
{
	static bool exit_hooked = false;
	AngleStatus status;
	AngleError err;

	if (!exit_hooked)
	{
		on_proc_exit(stop_executor_at_exit, 0);
		exit_hooked = true;
	}
	executor_context = AllocSetContextCreate(TopMemoryContext, "angle threads",
											 ALLOCSET_SMALL_SIZES);
	status = angle_executor_start(
		workers, angle_context_arena(executor_context), &executor, &err);
	if (status != ANGLE_OK)
		stop_executor();
	angle_check(status, &err);
}

AngleExecutor *
angle_workspace_executor(void)
{
	/* a parallel plan has spread its rows over processes already */
	if (IsInParallelMode())
		return NULL;
	if (angle_executor_workers(executor) != angle_threads)
	{
		stop_executor();
		if (angle_threads > 1)
			start_executor(angle_threads);
	}
	return executor;
}
