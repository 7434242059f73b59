/*
 * A seeded orthogonal map of any dimension, as good as a random one for codes
 * that look at the signs and sizes of coordinates, at O(D log D).
 *
 * Four rounds of random signs and a Hadamard transform of 2^k coordinates, the
 * first of them and the last of them in turn, where 2^k is the largest power of
 * two that is not above D. Where that leaves coordinates out, every second
 * round ends with a reflection of each pair (xᵢ, x₍ᵢ₊D/2₎), which is a step of
 * Kac's walk; after every round it would hand what one transform leaves out to
 * where the next one does. D stays D: 768 does not become 1024.
 *
 * The same (D, seed) gives the same map and, additions and multiplications
 * being rounded one by one, the same bits on every machine. The map is not
 * exactly orthogonal, for it is made of floats: its result lies within
 * ANGLE_ROTATION_ERROR ‖x‖ of R x for an orthogonal R.
 */
#ifndef ANGLE_ROTATION_H
#define ANGLE_ROTATION_H

#include <stddef.h>
#include <stdint.h>

#define ANGLE_ROTATION_DIMS_MAX 16000

/* 4 rounds of at most 13 + 3 roundings, each 2^-24 of the norm at most; in truth
 * they cancel, and 2^-21 has not been seen. */
#define ANGLE_ROTATION_ERROR 0x1p-18

typedef struct AngleRotation AngleRotation;

/* Bytes of the map's state: 16 for each dimension, and a few more. */
size_t angle_rotation_size(int dims);

/* Fills memory, angle_rotation_size() bytes aligned to 8, which the caller owns
 * and releases; returns it. dims is in 1 … ANGLE_ROTATION_DIMS_MAX. */
AngleRotation *angle_rotation_init(void *memory, int dims, uint64_t seed);

/* x ← R x, in place; x is (dims) and finite. */
void angle_rotation_apply(const AngleRotation *rotation, float *x);

#endif
