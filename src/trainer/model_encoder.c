#include "trainer/model_encoder.h"

#include "core/base/file.h"
#include "trainer/interrupt.h"
#include "trainer/model_source.h"

/* ---- callbacks of AngleEvalEncoder -------------------------------------- */

static AngleStatus
embed(void *context, const AngleBytes *texts, size_t count, const char *prompt,
	  float *out, AngleError *err)
{
	AngleModelEncoder *encoder = context;
	AngleEmbedRequest request = encoder->request;

	request.texts = texts;
	request.count = count;
	request.prompt = prompt;
	angle_arena_reset(encoder->scratch);
	return angle_embed_texts(encoder->model, &request, encoder->scratch, out,
							 err);
}

static void
show_progress(void *context, uint64_t texts)
{
	AngleModelEncoder *encoder = context;
	double expected = (double) encoder->expected;

	angle_progress_update(&encoder->progress,
						  expected > 0 ? (double) texts / expected : -1, texts);
}

/* ---- opening ------------------------------------------------------------ */

static AngleStatus
open_model(AngleModelEncoder *encoder, const char *path, AngleArena *arena,
		   AngleError *err)
{
	const AnglePackOptions packing = {.quantization = ANGLE_QUANTIZATION_F32,
									  .cancel = angle_interrupt_cancel()};
	AngleModel *model;
	AngleStatus status;

	ANGLE_TRY(angle_source_map(path, &packing, arena, &encoder->image, err));
	status = angle_model_open(encoder->image, ANGLE_PACKED_CHECK_CONTENT,
							  angle_interrupt_cancel(), arena, &model, err);
	if (status != ANGLE_OK)
	{
		angle_prefix(err, "model \"%s\"", path);
		return status;
	}
	encoder->model = model;
	return ANGLE_OK;
}

static AngleStatus
open_all(AngleModelEncoder *encoder, const char *path, int threads,
		 AngleArena *arena, AngleError *err)
{
	int dimensions;

	encoder->scratch = angle_arena_create(NULL);
	if (encoder->scratch == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(open_model(encoder, path, arena, err));
	ANGLE_TRY(angle_embed_dimensions(encoder->model, &encoder->request,
									 &dimensions, err));
	encoder->encoder.dimensions = (size_t) dimensions;
	return angle_executor_start(threads, arena, &encoder->request.executor,
								err);
}

AngleStatus
angle_model_encoder_open(AngleModelEncoder *encoder, const char *path,
						 int dimensions, int threads, AngleArena *arena,
						 AngleError *err)
{
	AngleStatus status;

	*encoder = (AngleModelEncoder){
		.encoder = {.embed = embed,
					.progress = show_progress,
					.context = encoder,
					.cancel = angle_interrupt_cancel()},
		.request = {.dimensions = dimensions,
					.cancel = angle_interrupt_cancel()},
	};
	status = open_all(encoder, path, threads, arena, err);
	if (status != ANGLE_OK)
		angle_model_encoder_close(encoder);
	return status;
}

void
angle_model_encoder_close(AngleModelEncoder *encoder)
{
	angle_executor_stop(encoder->request.executor);
	angle_arena_destroy(encoder->scratch);
	angle_file_unmap(&encoder->image);
	*encoder = (AngleModelEncoder){.model = NULL};
}

/* ---- prompts and progress ----------------------------------------------- */

static const char *
first_prompt(const AngleModel *model, const char *const names[2])
{
	for (int i = 0; i < 2; i++)
	{
		if (names[i] != NULL &&
			angle_config_prompt(angle_model_config(model), names[i]) != NULL)
			return names[i];
	}
	return NULL;
}

const char *
angle_model_query_prompt(const AngleModel *model)
{
	static const char *const names[2] = {"query", NULL};

	return first_prompt(model, names);
}

const char *
angle_model_passage_prompt(const AngleModel *model)
{
	static const char *const names[2] = {"passage", "document"};

	return first_prompt(model, names);
}

void
angle_model_encoder_show(AngleModelEncoder *encoder, const char *label,
						 uint64_t expected)
{
	encoder->expected = expected;
	angle_progress_start(&encoder->progress, label, "texts");
}

void
angle_model_encoder_hide(AngleModelEncoder *encoder, AngleStatus status)
{
	angle_progress_end(&encoder->progress, status == ANGLE_OK,
					   encoder->encoder.embedded);
}
