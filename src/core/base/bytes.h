/*
 * Views of hostile bytes, and arithmetic on sizes that came from a file. A
 * reader checks every offset here before anything points into the bytes.
 */
#ifndef ANGLE_BYTES_H
#define ANGLE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view that owns nothing. */
typedef struct AngleBytes
{
	const uint8_t *data;
	size_t size;
} AngleBytes;

/* The view of a C string, without its NUL. */
static inline AngleBytes
angle_bytes_of(const char *text)
{
	return (AngleBytes){(const uint8_t *) text, strlen(text)};
}

/* Narrows whole to [offset, offset + size); false if that leaves it. */
static inline bool
angle_slice(AngleBytes whole, uint64_t offset, uint64_t size, AngleBytes *part)
{
	if (offset > whole.size || size > whole.size - offset)
		return false;
	*part = (AngleBytes){whole.data + offset, (size_t) size};
	return true;
}

static inline bool
angle_bytes_equal(AngleBytes a, AngleBytes b)
{
	return a.size == b.size && (a.size == 0 || !memcmp(a.data, b.data, a.size));
}

/* Little-endian loads from any address. */
static inline uint16_t
angle_load_u16(const uint8_t *p)
{
	return (uint16_t) (p[0] | p[1] << 8);
}

static inline uint32_t
angle_load_u32(const uint8_t *p)
{
	return angle_load_u16(p) | (uint32_t) angle_load_u16(p + 2) << 16;
}

static inline uint64_t
angle_load_u64(const uint8_t *p)
{
	return angle_load_u32(p) | (uint64_t) angle_load_u32(p + 4) << 32;
}

#endif
