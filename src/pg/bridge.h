/*
 * Where core and PostgreSQL meet: statuses become errors, memory contexts
 * become allocators, pending interrupts become the cancel callback.
 */
#ifndef ANGLE_BRIDGE_H
#define ANGLE_BRIDGE_H

#include "core/base/arena.h"
#include "core/base/status.h"

/* Raises err as a PostgreSQL error unless status is ANGLE_OK. ANGLE_CANCELLED
 * runs the pending interrupt, which raises its own. Call it only when nothing
 * outside memory contexts would leak. */
void angle_check(AngleStatus status, const AngleError *err);

/* A UTF-8 string of core, such as a message, in the server's encoding for
 * people to read, palloc'd; what that encoding lacks becomes question marks. */
char *angle_readable(const char *utf8);

/* An allocator over context (a MemoryContext) that returns NULL instead of
 * raising when there is no memory. */
AngleAllocator angle_context_allocator(MemoryContext context);

/* An arena over context; raises an error when there is no memory. */
AngleArena *angle_context_arena(MemoryContext context);

/* Whether an interrupt is pending that ends the query: the cancel callback of
 * core. It reads flags only, so any thread may call it. context is unused. */
bool angle_interrupt_pending(void *context);

#endif
