/*
 * Opcodes are those of CPython's Lib/pickletools.py, protocols 2 to 5, without
 * what makes objects of arbitrary classes. Containers are never walked in
 * depth, so one that contains itself does no harm.
 */
#include "trainer/pickle.h"

#include "trainer/pickle_tensor.h"

/* ---- arguments in the code ---------------------------------------------- */

static AngleStatus
take(AnglePickleMachine *machine, uint64_t size, AngleBytes *part)
{
	if (!angle_slice(machine->code, machine->next, size, part))
		return angle_pickle_corrupt(machine,
									"the pickle ends within an opcode");
	machine->next += size;
	return ANGLE_OK;
}

/* A little-endian unsigned number of width bytes. */
static AngleStatus
take_number(AnglePickleMachine *machine, int width, uint64_t *number)
{
	AngleBytes part;

	ANGLE_TRY(take(machine, (uint64_t) width, &part));
	*number = 0;
	for (int i = width - 1; i >= 0; i--)
		*number = *number << 8 | part.data[i];
	return ANGLE_OK;
}

/* Text whose length stands before it in width bytes. */
static AngleStatus
take_counted(AnglePickleMachine *machine, int width, AngleBytes *text)
{
	uint64_t size;

	ANGLE_TRY(take_number(machine, width, &size));
	return take(machine, size, text);
}

static AngleStatus
take_line(AnglePickleMachine *machine, AngleBytes *line)
{
	AngleBytes rest;
	const uint8_t *end;

	if (!angle_slice(machine->code, machine->next,
					 machine->code.size - machine->next, &rest) ||
		rest.size == 0 || (end = memchr(rest.data, '\n', rest.size)) == NULL)
		return angle_pickle_corrupt(machine, "the pickle ends within a name");
	*line = (AngleBytes){rest.data, (size_t) (end - rest.data)};
	machine->next += line->size + 1;
	return ANGLE_OK;
}

/* ---- the other opcodes -------------------------------------------------- */

static AngleStatus
op_protocol(AnglePickleMachine *machine, int unused)
{
	uint64_t version;

	(void) unused;
	ANGLE_TRY(take_number(machine, 1, &version));
	if (version < 2 || version > 5)
		return angle_fail(machine->err, ANGLE_UNSUPPORTED,
						  "pickle protocol %d is not supported", (int) version);
	return ANGLE_OK;
}

/* Framing is a hint for buffering; the code goes on after the length. */
static AngleStatus
op_frame(AnglePickleMachine *machine, int width)
{
	uint64_t size;

	return take_number(machine, width, &size);
}

static AngleStatus
op_reduce(AnglePickleMachine *machine, int unused)
{
	(void) unused;
	return angle_pickle_reduce(machine);
}

static AngleStatus
op_persistent_id(AnglePickleMachine *machine, int unused)
{
	(void) unused;
	return angle_pickle_persistent_id(machine);
}

static AngleStatus
op_stop(AnglePickleMachine *machine, int unused)
{
	(void) unused;
	machine->stopped = true;
	return ANGLE_OK;
}

static AngleStatus
op_none(AnglePickleMachine *machine, int unused)
{
	(void) unused;
	return angle_pickle_push(machine,
							 (AnglePickleValue){.kind = ANGLE_PICKLE_NONE});
}

static AngleStatus
op_bool(AnglePickleMachine *machine, int truth)
{
	return angle_pickle_push(
		machine,
		(AnglePickleValue){.kind = ANGLE_PICKLE_NUMBER, .number = truth});
}

static AngleStatus
op_unsigned(AnglePickleMachine *machine, int width)
{
	uint64_t number;

	ANGLE_TRY(take_number(machine, width, &number));
	return angle_pickle_push(machine,
							 (AnglePickleValue){.kind = ANGLE_PICKLE_NUMBER,
												.number = (int64_t) number});
}

static AngleStatus
op_int(AnglePickleMachine *machine, int width)
{
	uint64_t number;

	ANGLE_TRY(take_number(machine, width, &number));
	return angle_pickle_push(
		machine, (AnglePickleValue){.kind = ANGLE_PICKLE_NUMBER,
									.number = (int32_t) (uint32_t) number});
}

/* An integer of any length in two's complement. */
static AngleStatus
op_long(AnglePickleMachine *machine, int width)
{
	AngleBytes digits;
	uint64_t number = 0;

	ANGLE_TRY(take_counted(machine, width, &digits));
	if (digits.size > 8)
		return angle_pickle_corrupt(machine, "a number has more than 64 bits");
	if (digits.size > 0 && digits.data[digits.size - 1] >= 0x80)
		number = UINT64_MAX;
	for (size_t i = digits.size; i-- > 0;)
		number = number << 8 | digits.data[i];
	return angle_pickle_push(machine,
							 (AnglePickleValue){.kind = ANGLE_PICKLE_NUMBER,
												.number = (int64_t) number});
}

static AngleStatus
op_float(AnglePickleMachine *machine, int width)
{
	AngleBytes part;

	ANGLE_TRY(take(machine, (uint64_t) width, &part));
	return angle_pickle_push(machine,
							 (AnglePickleValue){.kind = ANGLE_PICKLE_FLOAT});
}

static AngleStatus
op_string(AnglePickleMachine *machine, int width)
{
	AnglePickleValue value = {.kind = ANGLE_PICKLE_STRING};

	ANGLE_TRY(take_counted(machine, width, &value.string));
	return angle_pickle_push(machine, value);
}

static AngleStatus
op_global(AnglePickleMachine *machine, int unused)
{
	AngleBytes module;
	AngleBytes name;

	(void) unused;
	ANGLE_TRY(take_line(machine, &module));
	ANGLE_TRY(take_line(machine, &name));
	return angle_pickle_push_global(machine, module, name);
}

static AngleStatus
op_stack_global(AnglePickleMachine *machine, int unused)
{
	AnglePickleValue module;
	AnglePickleValue name;

	(void) unused;
	ANGLE_TRY(angle_pickle_pop(machine, &name));
	ANGLE_TRY(angle_pickle_pop(machine, &module));
	if (module.kind != ANGLE_PICKLE_STRING || name.kind != ANGLE_PICKLE_STRING)
		return angle_pickle_corrupt(machine,
									"the name of a global is not a string");
	return angle_pickle_push_global(machine, module.string, name.string);
}

static AngleStatus
op_mark(AnglePickleMachine *machine, int unused)
{
	(void) unused;
	return angle_pickle_append(
		machine, &machine->marks,
		(AnglePickleValue){.kind = ANGLE_PICKLE_NUMBER,
						   .number = (int64_t) machine->stack.count});
}

static AngleStatus
op_pop(AnglePickleMachine *machine, int unused)
{
	AnglePickleValue value;

	(void) unused;
	return angle_pickle_pop(machine, &value);
}

static AngleStatus
op_pop_mark(AnglePickleMachine *machine, int unused)
{
	AnglePickleSequence values;

	(void) unused;
	return angle_pickle_pop_to_mark(machine, &values);
}

static AngleStatus
op_duplicate(AnglePickleMachine *machine, int unused)
{
	AnglePickleValue value;

	(void) unused;
	ANGLE_TRY(angle_pickle_pop(machine, &value));
	ANGLE_TRY(angle_pickle_push(machine, value));
	return angle_pickle_push(machine, value);
}

static AngleStatus
op_empty(AnglePickleMachine *machine, int kind)
{
	return angle_pickle_push_sequence(machine, (AnglePickleValueKind) kind,
									  NULL, 0);
}

/* A tuple of the last count values. */
static AngleStatus
op_tuple(AnglePickleMachine *machine, int count)
{
	if (machine->stack.count < angle_pickle_floor(machine) + (size_t) count)
		return angle_pickle_corrupt(machine, "nothing left on the stack");
	machine->stack.count -= (size_t) count;
	return angle_pickle_push_sequence(
		machine, ANGLE_PICKLE_TUPLE,
		machine->stack.items + machine->stack.count, (size_t) count);
}

static AngleStatus
op_tuple_mark(AnglePickleMachine *machine, int unused)
{
	AnglePickleSequence values;

	(void) unused;
	ANGLE_TRY(angle_pickle_pop_to_mark(machine, &values));
	return angle_pickle_push_sequence(machine, ANGLE_PICKLE_TUPLE, values.items,
									  values.count);
}

/* One value for a list, key and value for a dictionary. */
static AngleStatus
op_add(AnglePickleMachine *machine, int kind)
{
	AnglePickleValue key = {.kind = ANGLE_PICKLE_NONE};
	AnglePickleValue value;
	AnglePickleValue *target;

	ANGLE_TRY(angle_pickle_pop(machine, &value));
	if (kind == ANGLE_PICKLE_DICT)
		ANGLE_TRY(angle_pickle_pop(machine, &key));
	ANGLE_TRY(angle_pickle_top(machine, (AnglePickleValueKind) kind, &target));
	if (kind == ANGLE_PICKLE_DICT)
		ANGLE_TRY(angle_pickle_append(machine, target->sequence, key));
	return angle_pickle_append(machine, target->sequence, value);
}

static AngleStatus
op_add_mark(AnglePickleMachine *machine, int kind)
{
	AnglePickleSequence values;
	AnglePickleValue *target;

	ANGLE_TRY(angle_pickle_pop_to_mark(machine, &values));
	ANGLE_TRY(angle_pickle_top(machine, (AnglePickleValueKind) kind, &target));
	if (kind == ANGLE_PICKLE_DICT && values.count % 2 != 0)
		return angle_pickle_corrupt(machine,
									"a dictionary has a key without a value");
	for (size_t i = 0; i < values.count; i++)
		ANGLE_TRY(
			angle_pickle_append(machine, target->sequence, values.items[i]));
	return ANGLE_OK;
}

/* Attributes of an object: state dictionaries carry "_metadata", which no
 * tensor depends on. */
static AngleStatus
op_build(AnglePickleMachine *machine, int unused)
{
	AnglePickleValue state;
	AnglePickleValue *target;

	(void) unused;
	ANGLE_TRY(angle_pickle_pop(machine, &state));
	return angle_pickle_top(machine, ANGLE_PICKLE_DICT, &target);
}

static AngleStatus
put(AnglePickleMachine *machine, uint64_t index)
{
	AnglePickleValue value;

	/* pickle.Pickler counts up from 0, so that a larger index is no pickle's */
	if (index > machine->code.size)
		return angle_pickle_corrupt(machine,
									"an index of the memo is out of range");
	ANGLE_TRY(angle_pickle_pop(machine, &value));
	ANGLE_TRY(angle_pickle_push(machine, value));
	while (machine->memo.count <= index)
		ANGLE_TRY(
			angle_pickle_append(machine, &machine->memo,
								(AnglePickleValue){.kind = ANGLE_PICKLE_NONE}));
	machine->memo.items[index] = value;
	return ANGLE_OK;
}

static AngleStatus
op_put(AnglePickleMachine *machine, int width)
{
	uint64_t index;

	ANGLE_TRY(take_number(machine, width, &index));
	return put(machine, index);
}

static AngleStatus
op_memoize(AnglePickleMachine *machine, int unused)
{
	(void) unused;
	return put(machine, machine->memo.count);
}

static AngleStatus
op_get(AnglePickleMachine *machine, int width)
{
	uint64_t index;

	ANGLE_TRY(take_number(machine, width, &index));
	if (index >= machine->memo.count)
		return angle_pickle_corrupt(machine,
									"an index of the memo is out of range");
	return angle_pickle_push(machine, machine->memo.items[index]);
}

/* ---- the machine -------------------------------------------------------- */

typedef struct Opcode
{
	AngleStatus (*run)(AnglePickleMachine *machine, int argument);
	int argument; /* most often the width in bytes of what follows */
} Opcode;

static const Opcode opcodes[256] = {
	[0x80] = {op_protocol, 0},
	[0x95] = {op_frame, 8},
	['.'] = {op_stop, 0},
	['N'] = {op_none, 0},
	[0x88] = {op_bool, 1},
	[0x89] = {op_bool, 0},
	['K'] = {op_unsigned, 1},
	['M'] = {op_unsigned, 2},
	['J'] = {op_int, 4},
	[0x8a] = {op_long, 1},
	[0x8b] = {op_long, 4},
	['G'] = {op_float, 8},
	['U'] = {op_string, 1},
	['T'] = {op_string, 4},
	['X'] = {op_string, 4},
	[0x8c] = {op_string, 1},
	[0x8d] = {op_string, 8},
	['c'] = {op_global, 0},
	[0x93] = {op_stack_global, 0},
	['('] = {op_mark, 0},
	['0'] = {op_pop, 0},
	['1'] = {op_pop_mark, 0},
	['2'] = {op_duplicate, 0},
	[')'] = {op_empty, ANGLE_PICKLE_TUPLE},
	[']'] = {op_empty, ANGLE_PICKLE_LIST},
	['}'] = {op_empty, ANGLE_PICKLE_DICT},
	[0x85] = {op_tuple, 1},
	[0x86] = {op_tuple, 2},
	[0x87] = {op_tuple, 3},
	['t'] = {op_tuple_mark, 0},
	['a'] = {op_add, ANGLE_PICKLE_LIST},
	['e'] = {op_add_mark, ANGLE_PICKLE_LIST},
	['s'] = {op_add, ANGLE_PICKLE_DICT},
	['u'] = {op_add_mark, ANGLE_PICKLE_DICT},
	['R'] = {op_reduce, 0},
	['Q'] = {op_persistent_id, 0},
	['b'] = {op_build, 0},
	['q'] = {op_put, 1},
	['r'] = {op_put, 4},
	[0x94] = {op_memoize, 0},
	['h'] = {op_get, 1},
	['j'] = {op_get, 4},
};

static AngleStatus
step(AnglePickleMachine *machine)
{
	AngleBytes code;
	const Opcode *opcode;

	ANGLE_TRY(take(machine, 1, &code));
	opcode = &opcodes[code.data[0]];
	if (opcode->run == NULL)
		return angle_fail(machine->err, ANGLE_UNSUPPORTED,
						  "opcode 0x%02x of the pickle is not supported",
						  code.data[0]);
	return opcode->run(machine, opcode->argument);
}

static AngleStatus
run(AnglePickleMachine *machine, AnglePickleValue *result)
{
	while (!machine->stopped)
	{
		size_t start = machine->next;
		AngleStatus status = step(machine);

		if (status != ANGLE_OK)
		{
			angle_prefix(machine->err, "byte %zu of the pickle", start);
			return status;
		}
	}
	return angle_pickle_pop(machine, result);
}

AngleStatus
angle_pickle_read(AngleBytes pickle, AngleArena *arena,
				  AnglePickledTensor **tensors, size_t *count, AngleError *err)
{
	AnglePickleMachine machine = {.code = pickle, .arena = arena, .err = err};
	AnglePickleValue result;

	if (pickle.size > ANGLE_MAX_PICKLE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "a pickle of %zu bytes exceeds the limit of %zu",
						  pickle.size, ANGLE_MAX_PICKLE);
	ANGLE_TRY(run(&machine, &result));
	if (result.kind != ANGLE_PICKLE_DICT)
		return angle_pickle_corrupt(
			&machine, "the pickle is not a dictionary of tensors");
	return angle_pickle_list_tensors(&machine, result.sequence, tensors, count);
}
