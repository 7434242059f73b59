/* Gradients against central differences in double. */
#ifndef ANGLE_TEST_GRADIENT_H
#define ANGLE_TEST_GRADIENT_H

#include <stddef.h>

typedef double (*GradientFunction)(void *context);

/* ‖g − n‖ / ‖n‖ for the analytic gradient g of function with respect to the
 * numbers x (n), and its numeric one n by central differences, (f(x + h) − f(x −
 * h)) / 2h with h = 1e-5: the error of that is of the order of 1e-10. */
double gradient_error(GradientFunction function, void *context, double *x,
					  const double *analytic, size_t n);

#endif
