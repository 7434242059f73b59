#include "core/encoder/linear.h"

void
angle_linear_prepare(const AngleLinear *linear, const AngleLinearRows *rows,
					 AngleRange some)
{
	const AngleLinearScratch *scratch = rows->scratch;
	size_t stride = angle_panel_inputs(linear->inputs);

	if (linear->levels == NULL || some.first == some.end)
		return;
	angle_tensor_kernels()->quantize(&(AngleQuantize){
		.rows = some.end - some.first,
		.width = linear->inputs,
		.x = rows->x + some.first * rows->x_stride,
		.x_stride = rows->x_stride,
		.outliers = linear->outliers,
		.q = scratch->q + some.first * stride,
		.q_stride = stride,
		.scale = scratch->scale + some.first,
		.zero = scratch->zero + some.first,
		.outlier = scratch->outlier + some.first * ANGLE_OUTLIERS,
	});
}

static void
forward_int8(const AngleLinear *linear, const AngleLinearRows *rows,
			 AngleRange panels)
{
	const AngleLinearScratch *scratch = rows->scratch;
	size_t inputs = angle_panel_inputs(linear->inputs);

	angle_tensor_kernels()->qgemm(&(AngleQgemm){
		.rows = rows->rows,
		.inputs = inputs,
		.first_panel = panels.first,
		.end_panel = panels.end,
		.q = scratch->q,
		.q_stride = inputs,
		.x_scale = scratch->scale,
		.x_zero = scratch->zero,
		.x_outlier = scratch->outlier,
		.weight = linear->levels,
		.scale = linear->scale,
		.sum = linear->sum,
		.outlier_weight = linear->outlier_weight,
		.bias = linear->bias,
		.out = rows->out,
		.out_stride = angle_padded(linear->outputs),
	});
}

void
angle_linear_forward(const AngleLinear *linear, const AngleLinearRows *rows,
					 AngleRange panels)
{
	if (linear->levels != NULL)
	{
		forward_int8(linear, rows, panels);
		return;
	}
	angle_tensor_kernels()->gemm(&(AngleGemm){
		.rows = rows->rows,
		.inputs = linear->inputs,
		.first_panel = panels.first,
		.end_panel = panels.end,
		.x = rows->x,
		.x_stride = rows->x_stride,
		.weight = linear->panels,
		.bias = linear->bias,
		.out = rows->out,
		.out_stride = angle_padded(linear->outputs),
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
