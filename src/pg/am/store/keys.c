/* Scalar columns in leaves, and the conditions on them. */
#include "postgres.h"

#include "access/genam.h"
#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "pg/am/store/keys.h"

/* One condition: the column's value passes the test with any of
 * these. */
typedef struct Condition
{
	int key; /* 0 is the first column behind the vector */
	bool by_value;
	bool undecided; /* by_value is false, and it is not an equality */
	FmgrInfo *test; /* the function of its operator */
	Oid collation;
	int count; /* 0 if nothing can pass */
	Datum *values;
	uint64 *hashes; /* of values, where by_value is false */
} Condition;

struct AngleFilter
{
	int count;
	bool lossy;
	Condition conditions[FLEXIBLE_ARRAY_MEMBER];
};

static bool
key_by_value(Relation index, int key)
{
	return TupleDescAttr(RelationGetDescr(index), key + 1)->attbyval;
}

static uint64
key_hash(Relation index, int key, Datum value)
{
	FmgrInfo *hash = index_getprocinfo(index, key + 2, ANGLE_SUPPORT_HASH);

	return DatumGetUInt64(FunctionCall2Coll(
		hash, index->rd_indcollation[key + 1], value, Int64GetDatum(0)));
}

void
angle_keys_check(Relation index)
{
	const int keys = IndexRelationGetNumberOfKeyAttributes(index) - 1;

	for (int key = 0; key < keys; key++)
		if (!key_by_value(index, key) &&
			!OidIsValid(index_getprocid(index, key + 2, ANGLE_SUPPORT_HASH)))
			ereport(
				ERROR, errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				errmsg("the operator class of column %d has no hash function",
					   key + 2));
}

void
angle_keys_store(Relation index, const Datum *values, const bool *isnull,
				 AngleRow *row)
{
	const int keys = IndexRelationGetNumberOfKeyAttributes(index) - 1;

	row->nulls = 0;
	for (int key = 0; key < keys; key++)
	{
		Datum value = values[key + 1];

		row->values[key] = 0;
		if (isnull[key + 1])
			row->nulls |= (uint32) 1 << key;
		else if (key_by_value(index, key))
			row->values[key] = (uint64) value;
		else
			row->values[key] = key_hash(index, key, value);
	}
}

/* The values of an IN list, less its NULLs. */
static void
take_array(Condition *condition, Datum datum)
{
	ArrayType *array = DatumGetArrayTypeP(datum);
	int16 length;
	bool by_value;
	char align;
	Datum *values;
	bool *nulls;
	int count;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align,
					  &values, &nulls, &count);
	condition->values = palloc(Max(1, count) * sizeof(Datum));
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			condition->values[condition->count++] = values[i];
}

static void
take_values(Condition *condition, ScanKey key)
{
	if (key->sk_flags & SK_ISNULL)
		return; /* operators are strict: nothing passes */
	if (key->sk_flags & SK_SEARCHARRAY)
	{
		take_array(condition, key->sk_argument);
		return;
	}
	condition->values = palloc(sizeof(Datum));
	condition->values[0] = key->sk_argument;
	condition->count = 1;
}

AngleFilter *
angle_filter_make(Relation index, ScanKey keys, int count)
{
	AngleFilter *filter =
		palloc0(offsetof(AngleFilter, conditions) + count * sizeof(Condition));

	filter->count = count;
	for (int i = 0; i < count; i++)
	{
		Condition *condition = &filter->conditions[i];

		condition->key = keys[i].sk_attno - 2;
		condition->by_value = key_by_value(index, condition->key);
		condition->undecided =
			!condition->by_value && keys[i].sk_strategy != ANGLE_STRATEGY_EQUAL;
		condition->test = &keys[i].sk_func;
		condition->collation = keys[i].sk_collation;
		take_values(condition, &keys[i]);
		filter->lossy |= !condition->by_value;
		if (condition->by_value || condition->undecided)
			continue;
		condition->hashes = palloc(Max(1, condition->count) * sizeof(uint64));
		for (int j = 0; j < condition->count; j++)
			condition->hashes[j] =
				key_hash(index, condition->key, condition->values[j]);
	}
	return filter;
}

static bool
condition_pass(const Condition *condition, uint64 value)
{
	if (condition->undecided)
		return condition->count > 0;
	for (int i = 0; i < condition->count; i++)
	{
		if (!condition->by_value)
		{
			if (value == condition->hashes[i])
				return true;
		}
		else if (DatumGetBool(
					 FunctionCall2Coll(condition->test, condition->collation,
									   (Datum) value, condition->values[i])))
			return true;
	}
	return false;
}

bool
angle_filter_pass(const AngleFilter *filter, const AngleLayout *layout,
				  Page head, int slot)
{
	const char *page = (const char *) head;

	for (int i = 0; i < filter->count; i++)
	{
		const Condition *condition = &filter->conditions[i];
		uint32 nulls = ((const uint32 *) (page + layout->nulls))[slot];
		uint64 value = ((
			const uint64
				*) (page +
					layout->values))[condition->key * layout->capacity + slot];

		if ((nulls >> condition->key & 1) || !condition_pass(condition, value))
			return false;
	}
	return true;
}

bool
angle_filter_lossy(const AngleFilter *filter)
{
	return filter->lossy;
}

bool
angle_filter_empty(const AngleFilter *filter)
{
	return filter->count == 0;
}
