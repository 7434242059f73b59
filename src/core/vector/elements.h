/* Arithmetic and order over the elements of vectors. n counts elements; out may
 * be one of the inputs. */
#ifndef ANGLE_ELEMENTS_H
#define ANGLE_ELEMENTS_H

#include <stddef.h>
#include <stdint.h>

typedef enum AngleElementsRange
{
	ANGLE_ELEMENTS_IN_RANGE,
	ANGLE_ELEMENTS_OVERFLOW, /* a result is not finite */
	ANGLE_ELEMENTS_UNDERFLOW /* a product of two non-zeros is zero */
} AngleElementsRange;

/* Element by element; out is filled in either case. Overflow counts more than
 * underflow. */
AngleElementsRange
angle_elements_add(float *out, const float *u, const float *v, size_t n);
AngleElementsRange
angle_elements_subtract(float *out, const float *u, const float *v, size_t n);
AngleElementsRange
angle_elements_multiply(float *out, const float *u, const float *v, size_t n);

/* out = u / divisor, computed in double. */
AngleElementsRange
angle_elements_divide(float *out, const float *u, double divisor, size_t n);

/* The same of doubles: the end of a mean or a sum. */
AngleElementsRange
angle_elements_narrow(float *out, const double *sums, double divisor, size_t n);

/* Each number as the float nearest to it. */
void angle_elements_from_int32(float *out, const int32_t *numbers, size_t n);

/* The same of doubles. A number that is infinite or NaN is none of overflow; one
 * that is not zero and becomes zero is underflow. */
AngleElementsRange
angle_elements_from_double(float *out, const double *numbers, size_t n);

/* Between memory and the big-endian floats of messages, in either direction;
 * neither needs an alignment. */
void angle_elements_swap(void *out, const void *in, size_t n);

/* sums += v */
void angle_elements_accumulate(double *sums, const float *v, size_t n);

/* Lexicographic, the shorter of two that agree first: below, equal to or above
 * zero. Elements are compared as numbers: −0 equals 0. */
int
angle_elements_compare(const float *u, size_t u_n, const float *v, size_t v_n);

/* Copies u with every −0 made 0: equal vectors get equal bytes. */
void angle_elements_canonicalise(float *out, const float *u, size_t n);

/* The first element that is NaN or infinite, or n. */
size_t angle_elements_find_non_finite(const float *u, size_t n);

#endif
