#include "trainer/pickle_tensor.h"

#include <stdlib.h>

static const AnglePickleGlobal globals[] = {
	{"collections", "OrderedDict", ANGLE_PICKLE_GLOBAL_ORDERED_DICT, 0},
	{"torch._utils", "_rebuild_tensor_v2", ANGLE_PICKLE_GLOBAL_REBUILD_TENSOR,
	 0},
	{"torch._utils", "_rebuild_parameter",
	 ANGLE_PICKLE_GLOBAL_REBUILD_PARAMETER, 0},
	{"torch", "FloatStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_F32},
	{"torch", "HalfStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_F16},
	{"torch", "BFloat16Storage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_BF16},
	{"torch", "DoubleStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_F64},
	{"torch", "LongStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_I64},
	{"torch", "IntStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_I32},
	{"torch", "ShortStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_I16},
	{"torch", "CharStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_I8},
	{"torch", "ByteStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_U8},
	{"torch", "BoolStorage", ANGLE_PICKLE_GLOBAL_STORAGE, ANGLE_DTYPE_BOOL},
	{"torch.storage", "UntypedStorage", ANGLE_PICKLE_GLOBAL_STORAGE,
	 ANGLE_DTYPE_U8},
};

/* A NUL-terminated copy of a text that goes into names of files and tensors. */
static AngleStatus
copy_name(AnglePickleMachine *machine, AngleBytes text, const char **copy)
{
	if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
		return angle_pickle_corrupt(machine, "a name contains a zero byte");
	*copy =
		angle_arena_strdup(machine->arena, (const char *) text.data, text.size);
	return *copy == NULL ? angle_no_memory(machine->err) : ANGLE_OK;
}

AngleStatus
angle_pickle_push_global(AnglePickleMachine *machine, AngleBytes module,
						 AngleBytes name)
{
	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++)
	{
		if (angle_bytes_equal(module, angle_bytes_of(globals[i].module)) &&
			angle_bytes_equal(name, angle_bytes_of(globals[i].name)))
			return angle_pickle_push(
				machine, (AnglePickleValue){.kind = ANGLE_PICKLE_GLOBAL,
											.global = &globals[i]});
	}
	angle_fail(machine->err, ANGLE_UNSUPPORTED,
			   "the pickle refers to \"%.*s.%.*s\", which is refused",
			   (int) (module.size < 100 ? module.size : 100), module.data,
			   (int) (name.size < 100 ? name.size : 100), name.data);
	angle_hint(machine->err, "Only dictionaries of plain tensors are read; "
							 "other objects could run code. Do not load this "
							 "file elsewhere unless you trust its origin.");
	return ANGLE_UNSUPPORTED;
}

/* Copies a tuple of sizes that are not negative. */
static AngleStatus
read_sizes(AnglePickleMachine *machine, const AnglePickleValue *tuple,
		   int64_t *sizes, int *rank)
{
	const AnglePickleSequence *sequence = tuple->sequence;

	if (tuple->kind != ANGLE_PICKLE_TUPLE)
		return angle_pickle_corrupt(machine,
									"the shape of a tensor is not a tuple");
	if (sequence->count > ANGLE_MAX_RANK)
		return angle_fail(machine->err, ANGLE_UNSUPPORTED,
						  "a tensor has %zu dimensions, the limit is %d",
						  sequence->count, ANGLE_MAX_RANK);
	for (size_t i = 0; i < sequence->count; i++)
	{
		if (sequence->items[i].kind != ANGLE_PICKLE_NUMBER ||
			sequence->items[i].number < 0)
			return angle_pickle_corrupt(machine,
										"a size of a tensor is not a number");
		sizes[i] = sequence->items[i].number;
	}
	*rank = (int) sequence->count;
	return ANGLE_OK;
}

/* Whether every element lies in the storage; sets the number of elements. */
static bool
view_fits(const AnglePickledTensor *tensor, int64_t *elements)
{
	int64_t last = tensor->offset;

	*elements = 1;
	for (int i = 0; i < tensor->rank; i++)
	{
		int64_t step;

		if (__builtin_mul_overflow(*elements, tensor->shape[i], elements) ||
			__builtin_mul_overflow(tensor->shape[i] - 1, tensor->strides[i],
								   &step) ||
			__builtin_add_overflow(last, step, &last))
			return false;
	}
	return *elements == 0 || (last >= 0 && last < tensor->storage_elements);
}

/* _rebuild_tensor_v2(storage, offset, shape, strides, …) */
static AngleStatus
rebuild_tensor(AnglePickleMachine *machine,
			   const AnglePickleSequence *arguments)
{
	const AnglePickleValue *items = arguments->items;
	AnglePickledTensor *tensor;
	int64_t elements;
	int strides;

	if (arguments->count < 4 || items[0].kind != ANGLE_PICKLE_STORAGE ||
		items[1].kind != ANGLE_PICKLE_NUMBER || items[1].number < 0)
		return angle_pickle_corrupt(machine,
									"a tensor is built from something else");
	tensor = angle_arena_zalloc(machine->arena, 1, sizeof(*tensor));
	if (tensor == NULL)
		return angle_no_memory(machine->err);
	tensor->dtype = items[0].storage->dtype;
	tensor->storage = items[0].storage->key;
	tensor->storage_elements = items[0].storage->elements;
	tensor->offset = items[1].number;
	ANGLE_TRY(read_sizes(machine, &items[2], tensor->shape, &tensor->rank));
	ANGLE_TRY(read_sizes(machine, &items[3], tensor->strides, &strides));
	if (strides != tensor->rank || !view_fits(tensor, &elements))
		return angle_pickle_corrupt(machine,
									"a tensor reaches out of its storage");
	/* a few bytes could otherwise stand for any number of elements */
	if (elements > tensor->storage_elements)
		return angle_fail(machine->err, ANGLE_UNSUPPORTED,
						  "a tensor has more elements than its storage");
	return angle_pickle_push(
		machine,
		(AnglePickleValue){.kind = ANGLE_PICKLE_TENSOR, .tensor = tensor});
}

AngleStatus
angle_pickle_reduce(AnglePickleMachine *machine)
{
	AnglePickleValue arguments;
	AnglePickleValue callable;

	ANGLE_TRY(angle_pickle_pop(machine, &arguments));
	ANGLE_TRY(angle_pickle_pop(machine, &callable));
	if (callable.kind != ANGLE_PICKLE_GLOBAL ||
		arguments.kind != ANGLE_PICKLE_TUPLE)
		return angle_pickle_corrupt(machine,
									"a call of something that is no function");
	switch (callable.global->kind)
	{
		case ANGLE_PICKLE_GLOBAL_ORDERED_DICT:
			if (arguments.sequence->count == 0)
				return angle_pickle_push_sequence(machine, ANGLE_PICKLE_DICT,
												  NULL, 0);
			break;
		case ANGLE_PICKLE_GLOBAL_REBUILD_TENSOR:
			return rebuild_tensor(machine, arguments.sequence);
		case ANGLE_PICKLE_GLOBAL_REBUILD_PARAMETER:
			if (arguments.sequence->count > 0 &&
				arguments.sequence->items[0].kind == ANGLE_PICKLE_TENSOR)
				return angle_pickle_push(machine, arguments.sequence->items[0]);
			break;
		case ANGLE_PICKLE_GLOBAL_STORAGE:
			break;
	}
	return angle_pickle_corrupt(machine,
								"a call with arguments of the wrong kind");
}

/* ("storage", class, key, device, elements) becomes a storage. */
AngleStatus
angle_pickle_persistent_id(AnglePickleMachine *machine)
{
	AnglePickleValue id;
	const AnglePickleValue *items;
	AnglePickleStorage *storage;

	ANGLE_TRY(angle_pickle_pop(machine, &id));
	if (id.kind != ANGLE_PICKLE_TUPLE || id.sequence->count < 5)
		return angle_pickle_corrupt(machine,
									"a persistent id is not a storage");
	items = id.sequence->items;
	if (items[0].kind != ANGLE_PICKLE_STRING ||
		!angle_bytes_equal(items[0].string, angle_bytes_of("storage")) ||
		items[1].kind != ANGLE_PICKLE_GLOBAL ||
		items[1].global->kind != ANGLE_PICKLE_GLOBAL_STORAGE ||
		items[2].kind != ANGLE_PICKLE_STRING ||
		items[4].kind != ANGLE_PICKLE_NUMBER || items[4].number < 0)
		return angle_pickle_corrupt(machine,
									"a persistent id is not a storage");
	storage = angle_arena_zalloc(machine->arena, 1, sizeof(*storage));
	if (storage == NULL)
		return angle_no_memory(machine->err);
	storage->dtype = items[1].global->dtype;
	storage->elements = items[4].number;
	ANGLE_TRY(copy_name(machine, items[2].string, &storage->key));
	return angle_pickle_push(
		machine,
		(AnglePickleValue){.kind = ANGLE_PICKLE_STORAGE, .storage = storage});
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const AnglePickledTensor *) a)->name,
				  ((const AnglePickledTensor *) b)->name);
}

/* One item of the state dictionary. */
static AngleStatus
name_tensor(AnglePickleMachine *machine, const AnglePickleValue *key,
			const AnglePickleValue *value, AnglePickledTensor *tensor)
{
	const char *name;

	if (key->kind != ANGLE_PICKLE_STRING)
		return angle_pickle_corrupt(machine,
									"the name of a tensor is not a string");
	ANGLE_TRY(copy_name(machine, key->string, &name));
	if (value->kind != ANGLE_PICKLE_TENSOR)
	{
		angle_fail(machine->err, ANGLE_UNSUPPORTED,
				   "the entry \"%.100s\" is not a tensor", name);
		angle_hint(machine->err, "The file must hold what "
								 "torch.save(model.state_dict(), …) writes.");
		return ANGLE_UNSUPPORTED;
	}
	*tensor = *value->tensor;
	tensor->name = name;
	return ANGLE_OK;
}

AngleStatus
angle_pickle_list_tensors(AnglePickleMachine *machine,
						  const AnglePickleSequence *items,
						  AnglePickledTensor **tensors, size_t *count)
{
	*count = items->count / 2;
	*tensors = angle_arena_alloc(machine->arena, *count, sizeof(**tensors));
	if (*tensors == NULL)
		return angle_no_memory(machine->err);
	for (size_t i = 0; i < *count; i++)
		ANGLE_TRY(name_tensor(machine, &items->items[2 * i],
							  &items->items[2 * i + 1], &(*tensors)[i]));
	qsort(*tensors, *count, sizeof(**tensors), compare_names);
	for (size_t i = 1; i < *count; i++)
	{
		if (strcmp((*tensors)[i - 1].name, (*tensors)[i].name) == 0)
			return angle_fail(machine->err, ANGLE_CORRUPT,
							  "tensor \"%.100s\" occurs twice",
							  (*tensors)[i].name);
	}
	return ANGLE_OK;
}
