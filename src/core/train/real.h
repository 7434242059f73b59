/*
 * The numbers of the backward kernels. They are compiled for floats, once for
 * each instruction set, and once more for doubles, ANGLE_DOUBLE, which the tests
 * hold against central differences: it is the same source that trains.
 */
#ifndef ANGLE_REAL_H
#define ANGLE_REAL_H

#ifdef ANGLE_DOUBLE
typedef double AngleReal;
#else
typedef float AngleReal;
#endif

#endif
