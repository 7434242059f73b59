#include "trainer/pickle_stack.h"

AngleStatus
angle_pickle_append(AnglePickleMachine *machine, AnglePickleSequence *sequence,
					AnglePickleValue value)
{
	if (sequence->count == sequence->capacity)
	{
		size_t capacity = sequence->capacity ? 2 * sequence->capacity : 4;
		AnglePickleValue *items = angle_arena_alloc(machine->arena, capacity,
													sizeof(AnglePickleValue));

		if (items == NULL)
			return angle_no_memory(machine->err);
		if (sequence->count > 0)
			memcpy(items, sequence->items,
				   sequence->count * sizeof(AnglePickleValue));
		sequence->items = items;
		sequence->capacity = capacity;
	}
	sequence->items[sequence->count++] = value;
	return ANGLE_OK;
}

AngleStatus
angle_pickle_push(AnglePickleMachine *machine, AnglePickleValue value)
{
	return angle_pickle_append(machine, &machine->stack, value);
}

size_t
angle_pickle_floor(const AnglePickleMachine *machine)
{
	const AnglePickleSequence *marks = &machine->marks;

	return marks->count > 0 ? (size_t) marks->items[marks->count - 1].number
							: 0;
}

AngleStatus
angle_pickle_pop(AnglePickleMachine *machine, AnglePickleValue *value)
{
	if (machine->stack.count <= angle_pickle_floor(machine))
		return angle_pickle_corrupt(machine, "nothing left on the stack");
	*value = machine->stack.items[--machine->stack.count];
	return ANGLE_OK;
}

AngleStatus
angle_pickle_pop_to_mark(AnglePickleMachine *machine,
						 AnglePickleSequence *values)
{
	size_t depth = angle_pickle_floor(machine);

	if (machine->marks.count == 0)
		return angle_pickle_corrupt(machine, "no mark on the stack");
	machine->marks.count--;
	*values = (AnglePickleSequence){.count = machine->stack.count - depth};
	if (values->count > 0)
		values->items = machine->stack.items + depth;
	machine->stack.count = depth;
	return ANGLE_OK;
}

AngleStatus
angle_pickle_top(AnglePickleMachine *machine, AnglePickleValueKind kind,
				 AnglePickleValue **top)
{
	if (machine->stack.count <= angle_pickle_floor(machine))
		return angle_pickle_corrupt(machine, "nothing left on the stack");
	*top = &machine->stack.items[machine->stack.count - 1];
	return (*top)->kind == kind
			   ? ANGLE_OK
			   : angle_pickle_corrupt(machine,
									  "a value of another type was expected");
}

AngleStatus
angle_pickle_push_sequence(AnglePickleMachine *machine,
						   AnglePickleValueKind kind,
						   const AnglePickleValue *items, size_t count)
{
	AnglePickleSequence *sequence =
		angle_arena_zalloc(machine->arena, 1, sizeof(*sequence));

	if (sequence == NULL)
		return angle_no_memory(machine->err);
	for (size_t i = 0; i < count; i++)
		ANGLE_TRY(angle_pickle_append(machine, sequence, items[i]));
	return angle_pickle_push(
		machine, (AnglePickleValue){.kind = kind, .sequence = sequence});
}
