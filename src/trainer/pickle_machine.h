/*
 * Between the pickle machine (pickle.c), which knows Python's values, and what
 * torch.save() builds with it (pickle_tensor.c).
 */
#ifndef ANGLE_PICKLE_MACHINE_H
#define ANGLE_PICKLE_MACHINE_H

#include "trainer/pickle.h"

#include <stdbool.h>

typedef enum AnglePickleGlobalKind
{
	ANGLE_PICKLE_GLOBAL_ORDERED_DICT,
	ANGLE_PICKLE_GLOBAL_REBUILD_TENSOR,
	ANGLE_PICKLE_GLOBAL_REBUILD_PARAMETER,
	ANGLE_PICKLE_GLOBAL_STORAGE,
} AnglePickleGlobalKind;

/* The only names that a pickle may refer to. */
typedef struct AnglePickleGlobal
{
	const char *module;
	const char *name;
	AnglePickleGlobalKind kind;
	AngleDtype dtype; /* of ANGLE_PICKLE_GLOBAL_STORAGE */
} AnglePickleGlobal;

typedef enum AnglePickleValueKind
{
	ANGLE_PICKLE_NONE,
	ANGLE_PICKLE_NUMBER, /* an integer or a truth value */
	ANGLE_PICKLE_FLOAT,	 /* whose value nothing needs */
	ANGLE_PICKLE_STRING,
	ANGLE_PICKLE_GLOBAL,
	ANGLE_PICKLE_TUPLE,
	ANGLE_PICKLE_LIST,
	ANGLE_PICKLE_DICT,
	ANGLE_PICKLE_STORAGE,
	ANGLE_PICKLE_TENSOR,
} AnglePickleValueKind;

typedef struct AnglePickleSequence AnglePickleSequence;

typedef struct AnglePickleStorage
{
	AngleDtype dtype;
	const char *key;
	int64_t elements;
} AnglePickleStorage;

typedef struct AnglePickleValue
{
	AnglePickleValueKind kind;
	union
	{
		int64_t number;
		AngleBytes string;
		const AnglePickleGlobal *global;
		AnglePickleSequence *sequence; /* of a tuple, list or dictionary */
		const AnglePickleStorage *storage;
		const AnglePickledTensor *tensor;
	};
} AnglePickleValue;

/* Items of a dictionary are key, value, key, value, … */
struct AnglePickleSequence
{
	AnglePickleValue *items;
	size_t count;
	size_t capacity;
};

typedef struct AnglePickleMachine
{
	AngleBytes code;
	size_t next; /* byte of the code */
	bool stopped;
	AnglePickleSequence stack;
	AnglePickleSequence memo;
	AnglePickleSequence marks; /* depths of the stack */
	AngleArena *arena;
	AngleError *err;
} AnglePickleMachine;

/* ---- pickle.c ---- */

ANGLE_MUST_CHECK AngleStatus angle_pickle_push(AnglePickleMachine *machine,
											   AnglePickleValue value);
ANGLE_MUST_CHECK AngleStatus angle_pickle_pop(AnglePickleMachine *machine,
											  AnglePickleValue *value);

/* Pushes a new container with a copy of the items. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_push_sequence(
	AnglePickleMachine *machine, AnglePickleValueKind kind,
	const AnglePickleValue *items, size_t count);

/* ---- pickle_tensor.c ---- */

/* Pushes the global, or refuses it by name. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_push_global(
	AnglePickleMachine *machine, AngleBytes module, AngleBytes name);

/* Pops a function and its arguments, and pushes what the call gives. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_reduce(AnglePickleMachine *machine);

/* Pops a persistent id, and pushes the storage that it stands for. */
ANGLE_MUST_CHECK AngleStatus
angle_pickle_persistent_id(AnglePickleMachine *machine);

/* The tensors of a state dictionary, sorted by name. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_list_tensors(
	AnglePickleMachine *machine, const AnglePickleSequence *items,
	AnglePickledTensor **tensors, size_t *count);

#endif
