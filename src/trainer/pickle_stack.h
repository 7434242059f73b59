/*
 * The values of a pickle, and the stack of the machine that runs one: below
 * what torch.save() builds (pickle_tensor.h) and the opcodes (pickle.c).
 */
#ifndef ANGLE_PICKLE_STACK_H
#define ANGLE_PICKLE_STACK_H

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

static inline AngleStatus
angle_pickle_corrupt(const AnglePickleMachine *machine, const char *what)
{
	angle_fail(machine->err, ANGLE_CORRUPT, "%s", what);
	return ANGLE_CORRUPT;
}

ANGLE_MUST_CHECK AngleStatus angle_pickle_append(AnglePickleMachine *machine,
												 AnglePickleSequence *sequence,
												 AnglePickleValue value);
ANGLE_MUST_CHECK AngleStatus angle_pickle_push(AnglePickleMachine *machine,
											   AnglePickleValue value);
ANGLE_MUST_CHECK AngleStatus angle_pickle_pop(AnglePickleMachine *machine,
											  AnglePickleValue *value);

/* Takes everything above the last mark off the stack: a view that the next
 * push overwrites. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_pop_to_mark(
	AnglePickleMachine *machine, AnglePickleSequence *values);

/* Points at the value on top, which must be of this kind. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_top(AnglePickleMachine *machine,
											  AnglePickleValueKind kind,
											  AnglePickleValue **top);

/* The depth below which values belong to a mark. */
size_t angle_pickle_floor(const AnglePickleMachine *machine);

/* Pushes a new container with a copy of the items. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_push_sequence(
	AnglePickleMachine *machine, AnglePickleValueKind kind,
	const AnglePickleValue *items, size_t count);

#endif
