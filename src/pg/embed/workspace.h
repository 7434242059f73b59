/*
 * What embedding calls of one backend share: scratch memory that is kept
 * between calls up to a bound, and helper threads.
 */
#ifndef ANGLE_WORKSPACE_H
#define ANGLE_WORKSPACE_H

#include "core/base/arena.h"
#include "core/base/executor.h"

/* Scratch memory for one run of core: the arena is valid until the release,
 * which the caller must reach, so nothing between the two may raise. */
AngleArena *angle_workspace_acquire(void);
void angle_workspace_release(AngleArena *arena);

/* Gives memory that has been freed back to the system, after a run over many
 * texts or a long one: the C library keeps some of it otherwise, for each thread
 * that ran. */
#define ANGLE_LONG_TEXT_BYTES 65536
void angle_workspace_trim(void);

/* The threads that angle.threads asks for, or NULL for the calling one alone.
 * They are started when first needed and stopped when the setting changes or
 * the backend ends. */
AngleExecutor *angle_workspace_executor(void);

#endif
