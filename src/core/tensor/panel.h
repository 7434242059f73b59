/* Weights into the panels that the products stream (see kernels.h). */
#ifndef ANGLE_PANEL_H
#define ANGLE_PANEL_H

#include <stddef.h>
#include <stdint.h>

/* Columns of an int8 panel: inputs rounded up to ANGLE_PANEL_DEPTH. */
size_t angle_panel_inputs(size_t inputs);

/* Blocks of ANGLE_QUANTIZATION_BLOCK inputs, the last one perhaps shorter. */
size_t angle_panel_blocks(size_t inputs);

/* Copies weight (outputs, inputs), row-major, into panels
 * (⌈outputs/16⌉, inputs, 16); what is behind the last output is zero. */
void angle_panel_pack(const float *weight, size_t outputs, size_t inputs,
					  float *panels);

/* Rounds each row of each block of inputs to 8 bits with a step of its own,
 * w = round(W / scale), scale = max |W| / 127, and packs the blocks one after
 * another: panels (⌈outputs/16⌉, panel_inputs/4, 16, 4) for each, scale and sum
 * (blocks, padded outputs); the padding is zero. */
void angle_panel_quantize(const float *weight, size_t outputs, size_t inputs,
						  int8_t *panels, float *scale, int32_t *sum);

/* Rounds one row in the same way, without packing; returns its scale. */
float angle_row_quantize(const float *row, size_t n, int8_t *out);

#endif
