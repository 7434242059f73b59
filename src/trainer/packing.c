#include "trainer/packing.h"

#include "trainer/interrupt.h"

static void
show_packed(void *context, uint64_t done, uint64_t total)
{
	AnglePacking *packing = context;

	packing->done = done;
	angle_progress_update(&packing->progress,
						  (double) done / (double) (total > 0 ? total : 1),
						  done);
}

void
angle_packing_init(AnglePacking *packing)
{
	*packing = (AnglePacking){
		.options = {.quantization = ANGLE_QUANTIZATION_INT8,
					.progress = show_packed,
					.progress_context = packing,
					.cancel = angle_interrupt_cancel()},
	};
}

static void
read_pooling(AnglePacking *packing, const AngleCommand *command)
{
	if (!angle_pooling_from_name(optarg, &packing->pooling))
		angle_usage_error(command,
						  "\"--pooling\" must be cls, mean, cls_avg, last or "
						  "max, not \"%s\"",
						  optarg);
	packing->options.hub.pooling = &packing->pooling;
}

static void
read_quantization(AnglePacking *packing, const AngleCommand *command)
{
	if (!angle_quantization_from_name(optarg, &packing->options.quantization))
		angle_usage_error(
			command, "\"--quantize\" must be int8 or f32, not \"%s\"", optarg);
}

void
angle_packing_option(AnglePacking *packing, const AngleCommand *command,
					 int option)
{
	switch (option)
	{
		case ANGLE_OPTION_MODEL_NAME:
			packing->options.hub.model_name = optarg;
			break;
		case ANGLE_OPTION_POOLING:
			read_pooling(packing, command);
			break;
		case ANGLE_OPTION_QUANTIZE:
			read_quantization(packing, command);
			break;
		default:
			return;
	}
	packing->chosen = true;
}

void
angle_packing_start(AnglePacking *packing)
{
	angle_progress_start(&packing->progress, "packing", NULL);
}

void
angle_packing_end(AnglePacking *packing, AngleStatus status)
{
	angle_progress_end(&packing->progress, status == ANGLE_OK, packing->done);
}
