#include "core/encoder/pooling.h"

#include <math.h>
#include <string.h>

#include "core/encoder/linear.h"
#include "core/tensor/kernels.h"

size_t
angle_pool_width(const AngleModelConfig *config)
{
	size_t width = (size_t) config->hidden;

	for (int i = 0; i < config->module_count; i++)
	{
		if (config->modules[i].kind == ANGLE_MODULE_DENSE &&
			(size_t) config->modules[i].outputs > width)
			width = (size_t) config->modules[i].outputs;
	}
	return angle_padded(width);
}

size_t
angle_pool_scratch(const AngleModelConfig *config)
{
	return 2 * angle_pool_width(config);
}

static void
mean_of(const float *rows, size_t stride, size_t count, size_t width,
		float *out)
{
	memset(out, 0, width * sizeof(float));
	for (size_t t = 0; t < count; t++)
	{
		for (size_t c = 0; c < width; c++)
			out[c] += rows[t * stride + c];
	}
	for (size_t c = 0; c < width; c++)
		out[c] /= (float) count;
}

static void
max_of(const float *rows, size_t stride, size_t count, size_t width, float *out)
{
	memcpy(out, rows, width * sizeof(float));
	for (size_t t = 1; t < count; t++)
	{
		for (size_t c = 0; c < width; c++)
		{
			if (rows[t * stride + c] > out[c])
				out[c] = rows[t * stride + c];
		}
	}
}

static void
pool_tokens(const AngleModelConfig *config, const AngleTokenStates *states,
			float *out)
{
	size_t C = (size_t) config->hidden;
	size_t skip = config->pool_prompt ? 0 : states->prompt_count;
	const float *rows = states->rows + skip * states->stride;
	size_t count = states->count - skip;

	switch (config->pooling)
	{
		case ANGLE_POOLING_CLS:
			memcpy(out, states->rows, C * sizeof(float));
			break;
		case ANGLE_POOLING_LAST:
			memcpy(out, states->rows + (states->count - 1) * states->stride,
				   C * sizeof(float));
			break;
		case ANGLE_POOLING_MEAN:
			mean_of(rows, states->stride, count, C, out);
			break;
		case ANGLE_POOLING_MAX:
			max_of(rows, states->stride, count, C, out);
			break;
		case ANGLE_POOLING_CLS_AVG:
			mean_of(rows, states->stride, count, C, out);
			for (size_t c = 0; c < C; c++)
				out[c] = (states->rows[c] + out[c]) / 2.0f;
			break;
	}
}

/* The floor of the norm is that of torch.nn.functional.normalize. */
static void
normalize(float *x, size_t n)
{
	double sum = 0.0;
	float inverse;

	for (size_t i = 0; i < n; i++)
		sum += (double) x[i] * (double) x[i];
	inverse = (float) (1.0 / fmax(sqrt(sum), 1e-12));
	for (size_t i = 0; i < n; i++)
		x[i] *= inverse;
}

static void
keep(const AngleTokenStates *states, const AngleModelConfig *config, int step,
	 const float *x)
{
	size_t width = angle_pool_width(config);

	if (states->trace != NULL)
		memcpy(states->trace + (size_t) step * width, x, width * sizeof(float));
}

void
angle_pool(const AngleModel *model, const AngleTokenStates *states,
		   int dimensions, float *scratch, float *out)
{
	const AngleModelConfig *config = &model->config;
	size_t width = (size_t) config->hidden;
	float *x = scratch;
	float *next = scratch + angle_pool_width(config);

	memset(scratch, 0, angle_pool_scratch(config) * sizeof(float));
	if (states->count > 0)
		pool_tokens(config, states, x);
	keep(states, config, 0, x);
	for (int i = 0; i < config->module_count; i++)
	{
		const AngleModule *module = &config->modules[i];
		float *input = x;

		if (module->kind == ANGLE_MODULE_NORMALIZE)
			normalize(x, width);
		else
		{
			width = (size_t) module->outputs;
			angle_linear_forward(
				&model->dense[i],
				&(AngleLinearRows){1, input, angle_pool_width(config), NULL,
								   next},
				(AngleRange){0, angle_linear_panels(&model->dense[i])});
			angle_activate(module->activation, next, angle_padded(width));
			x = next;
			next = input;
		}
		keep(states, config, i + 1, x);
	}
	if ((size_t) dimensions < width)
		normalize(x, (size_t) dimensions);
	memcpy(out, x, (size_t) dimensions * sizeof(float));
}
