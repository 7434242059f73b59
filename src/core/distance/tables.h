/* The tables that sums.c defines, one for each instruction set. Private to
 * this folder. */
#ifndef ANGLE_TABLES_H
#define ANGLE_TABLES_H

#include "core/distance/sums.h"

extern const AngleDistanceKernels angle_distance_kernels_baseline;
#if defined(__x86_64__)
extern const AngleDistanceKernels angle_distance_kernels_avx2;
extern const AngleDistanceKernels angle_distance_kernels_avx512;
#endif

#endif
