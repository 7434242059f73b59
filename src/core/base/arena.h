/*
 * The only allocator of core. An arena takes blocks from the caller's
 * allocator and gives them back all at once; nothing is freed alone.
 */
#ifndef ANGLE_ARENA_H
#define ANGLE_ARENA_H

#include <stddef.h>

#include "core/base/status.h"

/* Where an arena gets its blocks. alloc returns NULL when there is no memory;
 * neither function may jump out. */
typedef struct AngleAllocator
{
	void *(*alloc)(void *context, size_t size);
	void (*release)(void *context, void *pointer);
	void *context;
} AngleAllocator;

typedef struct AngleArena AngleArena;

/* Every allocation is aligned to this: a cache line and an AVX-512 register. */
#define ANGLE_ALIGNMENT 64

/* Makes an empty arena; allocator is copied, NULL means malloc and free.
 * Returns NULL when there is no memory. */
AngleArena *angle_arena_create(const AngleAllocator *allocator);

/* Gives back everything, the arena included; NULL is allowed. */
void angle_arena_destroy(AngleArena *arena);

/* Takes bytes from *offset on of memory that is aligned, so that what follows is, too: for
 * several arrays in one allocation. base may be NULL to count only; then the result is. */
static inline void *
angle_carve(void *base, size_t *offset, size_t bytes)
{
	size_t at = *offset;

	*offset +=
		(bytes + ANGLE_ALIGNMENT - 1) / ANGLE_ALIGNMENT * ANGLE_ALIGNMENT;
	return base != NULL ? (char *) base + at : NULL;
}

/* Forgets every allocation and keeps the largest block for the next ones. */
void angle_arena_reset(AngleArena *arena);

/* count × size bytes, not cleared; NULL on overflow or lack of memory. */
void *angle_arena_alloc(AngleArena *arena, size_t count, size_t size);

/* The same, cleared to zero. */
void *angle_arena_zalloc(AngleArena *arena, size_t count, size_t size);

/* A NUL-terminated copy of length bytes; NULL when there is no memory. text may
 * be NULL if length is 0. */
char *angle_arena_strdup(AngleArena *arena, const char *text, size_t length);

/* The allocator that the arena was created with: for another arena that ends
 * earlier. Valid as long as the arena. */
const AngleAllocator *angle_arena_allocator(const AngleArena *arena);

/* Bytes taken from the allocator so far. */
size_t angle_arena_size(const AngleArena *arena);

/* Reports the lack of memory in the one way that all of core uses. */
AngleStatus angle_no_memory(AngleError *err);

#endif
