/* angle_text_similarity(): how alike two texts are. */
#include "postgres.h"

#include "fmgr.h"

#include "core/distance/distance.h"
#include "pg/embed/content.h"
#include "pg/embed/embed_memo.h"
#include "pg/model/registry.h"
#include "pg/settings.h"

/* Both texts in one run; where one of them stays the same from row to row, it is
 * embedded once. */
static float8
similarity(FunctionCallInfo fcinfo, const AngleModel *model)
{
	AngleEmbedCall call = {.model = model};
	AngleEmbedMemo *memos = angle_embed_memos(fcinfo->flinfo, 2);
	AngleBytes texts[2];

	angle_embed_call_measure(&call);
	for (int i = 0; i < 2; i++)
		texts[i] = angle_content_utf8(PG_GETARG_TEXT_PP(i));
	angle_embed_memos_fill(memos, &call, texts, 2);
	return angle_distance_cosine_similarity(
		memos[0].result->x, memos[1].result->x, (size_t) call.dimensions);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_text_similarity);

Datum
angle_text_similarity(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(similarity(fcinfo, angle_registry_model(angle_model)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_text_similarity_model);

Datum
angle_text_similarity_model(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(similarity(fcinfo, angle_registry_argument(fcinfo, 2)));
}
