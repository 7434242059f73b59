/* What goes into a packed model, in the order of the file. Private to the
 * packing. */
#ifndef ANGLE_PACK_PLAN_H
#define ANGLE_PACK_PLAN_H

#include "core/encoder/array_names.h"
#include "core/encoder/bert_source.h"
#include "core/encoder/calibration.h"
#include "core/model/checkpoint.h"
#include "core/model/hub.h"
#include "core/model/packed.h"

typedef enum AnglePackKind
{
	ANGLE_GROUP_BYTES,
	ANGLE_GROUP_TABLE,		/* rows in F32 */
	ANGLE_GROUP_INT8_TABLE, /* scale, rows in int8 */
	ANGLE_GROUP_NORM,		/* bias, weight */
	ANGLE_GROUP_LINEAR,		/* bias, panels in F32 */
	ANGLE_GROUP_INT8_LINEAR /* bias, scale, sum, outliers, their panels in F32,
							   panels in int8 */
} AnglePackKind;

#define ANGLE_GROUP_MAX_TENSORS 3

/* Arrays that are made together from the tensors name[0…tensor_count).part. */
typedef struct AnglePackGroup
{
	AnglePackKind kind;
	AngleLayerPart part;
	char array[ANGLE_ARRAY_NAME_SIZE]; /* the arrays are array.part */
	size_t rows;
	size_t columns;
	size_t source_rows; /* of a table's tensor, of which rows are kept */
	bool has_bias;		/* of a linear layer; else its bias is zero */
	int tensor_count;	/* tensors of a linear layer, one below the other */
	const char *tensors[ANGLE_GROUP_MAX_TENSORS];
	const AngleBertSource *source;
	AngleBytes bytes; /* of ANGLE_GROUP_BYTES */
} AnglePackGroup;

typedef struct AnglePackPlan
{
	size_t group_count;
	AnglePackGroup *groups; /* (group_count) */
	size_t array_count;
	AnglePackedArray *arrays; /* (array_count), in the order of the groups */

	AngleBertSource encoder;
	AngleBertSource modules[ANGLE_MAX_MODULES];
	AngleCheckpoint checkpoint;
	AngleCheckpoint module_checkpoints[ANGLE_MAX_MODULES];
} AnglePackPlan;

/* Opens the weights and the tokenizer of hub and plans their arrays; config
 * says the quantization. Close it also after an error. */
ANGLE_MUST_CHECK AngleStatus
angle_pack_plan_open(const AngleHubModel *hub, const AngleModelConfig *config,
					 AngleArena *arena, AnglePackPlan *plan, AngleError *err);

void angle_pack_plan_close(AnglePackPlan *plan);

#endif
