#include "core/encoder/linear.h"

#include "core/tensor/panel.h"

static void
forward_int8(const AngleLinear *linear, size_t rows, const float *x,
			 size_t x_stride, const AngleLinearScratch *scratch, float *out)
{
	const AngleTensorKernels *kernels = angle_tensor_kernels();
	size_t q_stride = angle_padded(linear->inputs);

	kernels->quantize(&(AngleQuantize){
		.rows = rows,
		.width = linear->inputs,
		.x = x,
		.x_stride = x_stride,
		.q = scratch->q,
		.q_stride = q_stride,
		.scale = scratch->scale,
		.zero = scratch->zero,
	});
	kernels->qgemm(&(AngleQgemm){
		.rows = rows,
		.inputs = angle_panel_inputs(linear->inputs),
		.outputs = linear->outputs,
		.q = scratch->q,
		.q_stride = q_stride,
		.x_scale = scratch->scale,
		.x_zero = scratch->zero,
		.weight = linear->levels,
		.scale = linear->scale,
		.sum = linear->sum,
		.bias = linear->bias,
		.out = out,
	});
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
