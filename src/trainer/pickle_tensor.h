/* What torch.save() builds with a pickle: tensors over storages, in a dictionary.
 * Nothing else that a pickle names is looked up. */
#ifndef ANGLE_PICKLE_TENSOR_H
#define ANGLE_PICKLE_TENSOR_H

#include "trainer/pickle_stack.h"

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
