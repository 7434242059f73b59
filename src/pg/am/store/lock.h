/*
 * Heavyweight locks of an index, on the numbers of blocks that always exist or
 * never do. They are released at the end of a transaction that fails.
 *
 * The tree: held while nodes are split. Moves: whoever moves entries into a
 * page that was free holds it, and VACUUM while it reads page after
 * page, or entries could move from where it has not been to where it was
 * already.
 */
#ifndef ANGLE_LOCK_H
#define ANGLE_LOCK_H

#include "storage/lmgr.h"

#include "pg/am/store/page.h"

#define ANGLE_TREE_LOCK ANGLE_META_BLOCK
#define ANGLE_MOVES_LOCK MaxBlockNumber

static inline void
angle_lock_tree(Relation index)
{
	LockPage(index, ANGLE_TREE_LOCK, ExclusiveLock);
}

static inline void
angle_unlock_tree(Relation index)
{
	UnlockPage(index, ANGLE_TREE_LOCK, ExclusiveLock);
}

/* False while VACUUM has it. */
static inline bool
angle_lock_moves(Relation index)
{
	return ConditionalLockPage(index, ANGLE_MOVES_LOCK, ShareLock);
}

/* Waits for VACUUM. */
static inline void
angle_lock_moves_and_wait(Relation index)
{
	LockPage(index, ANGLE_MOVES_LOCK, ShareLock);
}

static inline void
angle_unlock_moves(Relation index, bool held)
{
	if (held)
		UnlockPage(index, ANGLE_MOVES_LOCK, ShareLock);
}

static inline void
angle_lock_moves_for_vacuum(Relation index)
{
	LockPage(index, ANGLE_MOVES_LOCK, ExclusiveLock);
}

static inline void
angle_unlock_moves_for_vacuum(Relation index)
{
	UnlockPage(index, ANGLE_MOVES_LOCK, ExclusiveLock);
}

#endif
