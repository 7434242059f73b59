#include "core/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_SIZE ((size_t) 16 * 1024)

/* Blocks form a list, newest first; allocations come from the newest. */
typedef struct Block
{
	struct Block *next;
	size_t size; /* of the whole block */
	size_t used; /* offset of the first free byte */
} Block;

struct AngleArena
{
	AngleAllocator allocator;
	Block *blocks;
	size_t size;
};

static void *
libc_alloc(void *context, size_t size)
{
	(void) context;
	return malloc(size);
}

static void
libc_release(void *context, void *pointer)
{
	(void) context;
	free(pointer);
}

AngleArena *
angle_arena_create(const AngleAllocator *allocator)
{
	static const AngleAllocator libc = {libc_alloc, libc_release, NULL};
	AngleArena *arena;

	if (allocator == NULL)
		allocator = &libc;
	arena = allocator->alloc(allocator->context, sizeof(*arena));
	if (arena != NULL)
		*arena = (AngleArena){.allocator = *allocator};
	return arena;
}

static void
release_blocks(AngleArena *arena, Block *block)
{
	while (block != NULL)
	{
		Block *next = block->next;

		arena->size -= block->size;
		arena->allocator.release(arena->allocator.context, block);
		block = next;
	}
}

void
angle_arena_destroy(AngleArena *arena)
{
	if (arena == NULL)
		return;
	release_blocks(arena, arena->blocks);
	arena->allocator.release(arena->allocator.context, arena);
}

void
angle_arena_reset(AngleArena *arena)
{
	Block **largest = &arena->blocks;
	Block *keep;

	if (arena->blocks == NULL)
		return;
	for (Block **link = &arena->blocks; *link != NULL; link = &(*link)->next)
	{
		if ((*link)->size > (*largest)->size)
			largest = link;
	}
	keep = *largest;
	*largest = keep->next;
	release_blocks(arena, arena->blocks);
	keep->next = NULL;
	keep->used = sizeof(Block);
	arena->blocks = keep;
}

/* Offset in block of the next aligned address. */
static size_t
aligned_offset(const Block *block)
{
	uintptr_t address = (uintptr_t) block + block->used;

	return block->used + (-address & (ANGLE_ALIGNMENT - 1));
}

static Block *
add_block(AngleArena *arena, size_t need)
{
	size_t size = arena->blocks ? 2 * arena->blocks->size : FIRST_BLOCK_SIZE;
	Block *block;

	/* doubling keeps the list short; the cap keeps the waste bounded */
	if (size > (size_t) 8 << 20)
		size = (size_t) 8 << 20;
	if (size < need)
		size = need;
	block = arena->allocator.alloc(arena->allocator.context, size);
	if (block == NULL)
		return NULL;
	*block = (Block){arena->blocks, size, sizeof(Block)};
	arena->blocks = block;
	arena->size += size;
	return block;
}

void *
angle_arena_alloc(AngleArena *arena, size_t count, size_t size)
{
	Block *block = arena->blocks;
	size_t bytes;
	size_t offset;

	if (__builtin_mul_overflow(count, size, &bytes) ||
		bytes > SIZE_MAX - sizeof(Block) - ANGLE_ALIGNMENT)
		return NULL;
	if (block == NULL || aligned_offset(block) > block->size ||
		block->size - aligned_offset(block) < bytes)
		block = add_block(arena, bytes + sizeof(Block) + ANGLE_ALIGNMENT);
	if (block == NULL)
		return NULL;
	offset = aligned_offset(block);
	block->used = offset + bytes;
	return (char *) block + offset;
}

void *
angle_arena_zalloc(AngleArena *arena, size_t count, size_t size)
{
	void *pointer = angle_arena_alloc(arena, count, size);

	if (pointer != NULL)
		memset(pointer, 0, count * size);
	return pointer;
}

char *
angle_arena_strdup(AngleArena *arena, const char *text, size_t length)
{
	char *copy =
		length < SIZE_MAX ? angle_arena_alloc(arena, 1, length + 1) : NULL;

	if (copy != NULL)
	{
		if (length > 0)
			memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}

const AngleAllocator *
angle_arena_allocator(const AngleArena *arena)
{
	return &arena->allocator;
}

size_t
angle_arena_size(const AngleArena *arena)
{
	return arena->size;
}

AngleStatus
angle_no_memory(AngleError *err)
{
	return angle_fail(err, ANGLE_NO_MEMORY, "out of memory");
}
