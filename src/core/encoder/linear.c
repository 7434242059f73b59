#include "core/encoder/linear.h"

#include "core/tensor/panel.h"

/* Adds one block of inputs to the sums that start holds. */
static void
add_block(const AngleLinear *linear, const AngleQuantize *quantize,
		  size_t first, const float *start, size_t start_stride, float *out)
{
	const AngleTensorKernels *kernels = angle_tensor_kernels();
	size_t padded = angle_padded(linear->outputs);
	size_t block = first / ANGLE_QUANTIZATION_BLOCK;

	kernels->quantize(quantize);
	kernels->qgemm(&(AngleQgemm){
		.rows = quantize->rows,
		.inputs = angle_panel_inputs(quantize->width),
		.outputs = linear->outputs,
		.q = quantize->q,
		.q_stride = quantize->q_stride,
		.x_scale = quantize->scale,
		.x_zero = quantize->zero,
		.weight = linear->levels + first * padded,
		.scale = linear->scale + block * padded,
		.sum = linear->sum + block * padded,
		.start = start,
		.start_stride = start_stride,
		.out = out,
	});
}

static void
forward_int8(const AngleLinear *linear, size_t rows, const float *x,
			 size_t x_stride, const AngleLinearScratch *scratch, float *out)
{
	for (size_t first = 0; first < linear->inputs;
		 first += ANGLE_QUANTIZATION_BLOCK)
	{
		size_t left = linear->inputs - first;
		AngleQuantize quantize = {
			.rows = rows,
			.width = left < ANGLE_QUANTIZATION_BLOCK ? left
													 : ANGLE_QUANTIZATION_BLOCK,
			.x = x + first,
			.x_stride = x_stride,
			.q = scratch->q,
			.q_stride = ANGLE_QUANTIZATION_BLOCK,
			.scale = scratch->scale,
			.zero = scratch->zero,
		};

		if (first == 0)
			add_block(linear, &quantize, first, linear->bias, 0, out);
		else
			add_block(linear, &quantize, first, out,
					  angle_padded(linear->outputs), out);
	}
}

void
angle_linear_forward(const AngleLinear *linear, size_t rows, const float *x,
					 size_t x_stride, const AngleLinearScratch *scratch,
					 float *out)
{
	if (linear->levels != NULL)
	{
		forward_int8(linear, rows, x, x_stride, scratch, out);
		return;
	}
	angle_tensor_kernels()->gemm(&(AngleGemm){
		.rows = rows,
		.inputs = linear->inputs,
		.outputs = linear->outputs,
		.x = x,
		.x_stride = x_stride,
		.weight = linear->panels,
		.bias = linear->bias,
		.out = out,
	});
}

void
angle_activate(AngleActivation activation, float *x, size_t n)
{
	const AngleTensorKernels *kernels = angle_tensor_kernels();

	switch (activation)
	{
		case ANGLE_ACTIVATION_IDENTITY:
			break;
		case ANGLE_ACTIVATION_GELU:
			kernels->gelu(x, n);
			break;
		case ANGLE_ACTIVATION_GELU_TANH:
			kernels->gelu_tanh(x, n);
			break;
		case ANGLE_ACTIVATION_RELU:
			kernels->relu(x, n);
			break;
		case ANGLE_ACTIVATION_TANH:
			kernels->tanh(x, n);
			break;
	}
}
