/* Weights into the panels that the products stream (see kernels.h). */
#ifndef ANGLE_PANEL_H
#define ANGLE_PANEL_H

#include <stddef.h>
#include <stdint.h>

/* Copies weight (outputs, inputs), row-major, into panels
 * (⌈outputs/16⌉, inputs, 16); what is behind the last output is zero. */
void angle_panel_pack(const float *weight, size_t outputs, size_t inputs,
					  float *panels);

/* The weights of an int8 layer, as AngleQgemm takes them. */
typedef struct AnglePanels
{
	int8_t *levels; /* (⌈N/16⌉, padded K/4, 16, 4), zero in the padding */
	float *scale;	/* (padded N) */
	int32_t *sum;	/* (padded N) */
	float *outlier; /* (⌈N/16⌉, ANGLE_OUTLIERS, 16) */
} AnglePanels;

/* Fills panels with weight (outputs, inputs), row-major: each row is rounded to
 * 8 bits, w = round(W / scale), scale = max |W| / 127, but for the inputs
 * outliers[0…ANGLE_OUTLIERS), which are kept as they are. One that is there
 * twice counts once; NULL: there are none. */
void angle_panel_quantize(const float *weight, size_t outputs, size_t inputs,
						  const int32_t *outliers, const AnglePanels *panels);

/* Rounds one row in the same way, without packing; returns its scale. */
float angle_row_quantize(const float *row, size_t n, int8_t *out);

#endif
