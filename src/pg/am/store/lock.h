/*
 * Heavyweight locks of an index, on the numbers of blocks that always exist or
 * never do. They are released at the end of a transaction that fails.
 *
 * The tree: held while nodes are split. Moves: whoever moves entries from a page to one that lies
 * before it holds it, and, alone, who reads page after page for all entries: they could move
 * from where it has not been to where it was already. Rows: held in shared mode while one is inserted, and by who puts another tree in
 * place of this one, so that no row comes into one that nobody will look at.
 *
 * Who needs several takes moves first, then rows, then the tree. Insertions have rows and only try
 * to get moves.
 */
#ifndef ANGLE_LOCK_H
#define ANGLE_LOCK_H

#include "storage/lmgr.h"

#include "pg/am/store/page.h"

#define ANGLE_TREE_LOCK ANGLE_META_BLOCK
#define ANGLE_MOVES_LOCK MaxBlockNumber
#define ANGLE_ROWS_LOCK (MaxBlockNumber - 1)

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

/* False while somebody has it alone. */
static inline bool
angle_lock_moves(Relation index)
{
	return ConditionalLockPage(index, ANGLE_MOVES_LOCK, ShareLock);
}

/* Waits for who has it alone. */
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

/* Waits for all who move entries. */
static inline void
angle_lock_moves_alone(Relation index)
{
	LockPage(index, ANGLE_MOVES_LOCK, ExclusiveLock);
}

static inline void
angle_unlock_moves_alone(Relation index)
{
	UnlockPage(index, ANGLE_MOVES_LOCK, ExclusiveLock);
}

static inline void
angle_lock_rows(Relation index)
{
	LockPage(index, ANGLE_ROWS_LOCK, ShareLock);
}

static inline void
angle_unlock_rows(Relation index)
{
	UnlockPage(index, ANGLE_ROWS_LOCK, ShareLock);
}

/* Insertions wait. */
static inline void
angle_lock_rows_alone(Relation index)
{
	LockPage(index, ANGLE_ROWS_LOCK, ExclusiveLock);
}

static inline void
angle_unlock_rows_alone(Relation index)
{
	UnlockPage(index, ANGLE_ROWS_LOCK, ExclusiveLock);
}

#endif
