#include "postgres.h"

#include "pg/bridge.h"
#include "pg/embed/embed_call.h"
#include "pg/embed/workspace.h"

int
angle_embed_call_asked(FunctionCallInfo fcinfo, int position)
{
	if (PG_ARGISNULL(position))
		return 0;
	if (PG_GETARG_INT32(position) <= 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("dimensions must be at least 1"));
	return PG_GETARG_INT32(position);
}

void
angle_embed_call_measure(AngleEmbedCall *call)
{
	const AngleEmbedRequest request = {.dimensions = call->asked};
	AngleError err;

	angle_check(
		angle_embed_dimensions(call->model, &request, &call->dimensions, &err),
		&err);
}

void
angle_embed_call_run(const AngleEmbedCall *call, const AngleBytes *texts,
					 size_t count, float *out)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	AngleEmbedRequest request = {
		.texts = texts,
		.count = count,
		.prompt = call->prompt,
		.dimensions = call->asked,
		.executor = angle_workspace_executor(),
		.cancel = &cancel,
	};
	AngleArena *scratch = angle_workspace_acquire();
	AngleError err;
	AngleStatus status =
		angle_embed_texts(call->model, &request, scratch, out, &err);

	angle_workspace_release(scratch);
	if (count > 1 || texts[0].size > ANGLE_LONG_TEXT_BYTES)
		angle_workspace_trim();
	angle_check(status, &err);
}
