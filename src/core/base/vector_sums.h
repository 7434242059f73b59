/* Sums over the elements of a vector, in double. */
#ifndef ANGLE_VECTOR_SUMS_H
#define ANGLE_VECTOR_SUMS_H

/* ‖x‖² of x (dims). */
double angle_norm_squared(const float *x, int dims);

/* The sum of x's elements (dims). */
double angle_sum(const float *x, int dims);

#endif
