/* Rounding without a call. */
#ifndef ANGLE_ROUNDER_H
#define ANGLE_ROUNDER_H

/* Adding it to a float of less than 2^22 rounds that to an integer, to even as
 * nearbyintf() does; the integer is then in the low bits of the sum, and what is left
 * when it is taken away again: 1.5 × 2^23. */
#define ANGLE_ROUNDER 12582912.0f

#endif
