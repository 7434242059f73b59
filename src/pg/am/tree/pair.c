/*
 * Second entries for many rows: see pair.h. Which rows have none no entry says. So two passes
 * over the file come before: one notes the bodies that there are, one those that second
 * entries lead to. A row whose body was there had its entries by then, and they can only move to
 * behind the end of the file meanwhile (store/lock.h), which is read last.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "pg/am/store/bits.h"
#include "pg/am/store/body.h"
#include "pg/am/store/lock.h"
#include "pg/am/tree/leaf_pass.h"
#include "pg/am/tree/move_second.h"
#include "pg/am/tree/pair.h"
#include "pg/pg_compat.h"

/* Wishes that are looked at with the lock on moves held. */
#define GRANTED_AT_A_TIME ((Size) 1024)

typedef struct Pairing
{
	AngleLeafPass pass; /* the first member: what it calls gets this */
	BufferAccessStrategy strategy;
	AngleBits alone;	/* bodies to which no second entry leads, by number */
	AngleBits granted;	/* of rows that have had their turn */
	AngleBits ousted;	/* of rows whose second entry gave way to another one */
	AngleWishes wishes; /* of the part */
} Pairing;

/* ---- rows without second entries ------------------------------------------ */

/* Looks at each page of a role, with its buffer locked (shared), also at those that are added
 * meanwhile. */
static void
look_at_pages(Pairing *pairing, AnglePageRole role,
			  void (*look)(Pairing *pairing, Buffer buffer))
{
	BlockNumber count, block = ANGLE_META_BLOCK + 1;

	while (block < (count = RelationGetNumberOfBlocks(pairing->pass.index)))
		for (; block < count; block++)
		{
			Buffer buffer =
				ReadBufferExtended(pairing->pass.index, MAIN_FORKNUM, block,
								   RBM_NORMAL, pairing->strategy);
			Page page = BufferGetPage(buffer);

			ANGLE_VACUUM_DELAY_POINT();
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			if (!PageIsNew(page) && angle_page_tail(page)->role == role)
				look(pairing, buffer);
			UnlockReleaseBuffer(buffer);
		}
}

static void
note_bodies(Pairing *pairing, Buffer buffer)
{
	const AngleLayout *layout = &pairing->pass.self->layout;
	AngleBodyPointer body;

	BlockIdSet(&body.block, BufferGetBlockNumber(buffer));
	for (body.slot = 0; body.slot < layout->body_slots; body.slot++)
		if (angle_body_live(layout, BufferGetPage(buffer), body.slot))
			angle_bits_add(&pairing->alone, angle_body_number(layout, body));
}

static void
note_seconds(Pairing *pairing, Buffer head)
{
	const AngleLayout *layout = &pairing->pass.self->layout;
	Page page = BufferGetPage(head);
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);

	if (!angle_page_is_leaf(page))
		return;
	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_slot_live(layout, page, slot) &&
			angle_entry_second(&entries[slot]))
			angle_bits_remove(&pairing->alone,
							  angle_body_number(layout, entries[slot].body));
}

static void
find_alone(Pairing *pairing)
{
	angle_lock_moves_alone(pairing->pass.index);
	look_at_pages(pairing, ANGLE_PAGE_BODY, note_bodies);
	look_at_pages(pairing, ANGLE_PAGE_HEAD, note_seconds);
	angle_unlock_moves_alone(pairing->pass.index);
}

/* ---- wishes --------------------------------------------------------------- */

/* The leaf of the first entry of a row that was read by its second one; ANGLE_WISH_NONE if it is
 * none of the nearest. */
static uint32
find_first(const AngleLeafPass *pass, const AngleNearRow *row)
{
	for (int i = 0; i < ANGLE_WISHES_OF; i++)
		if (row->nearest[i] < pass->count && row->nearest[i] != row->own &&
			angle_entry_is_at(pass, row->nearest[i], row->row->where))
			return row->nearest[i];
	return ANGLE_WISH_NONE;
}

static void
look_at_row(AngleLeafPass *pass, const AngleNearRow *row)
{
	Pairing *pairing = (Pairing *) pass;
	const bool second = row->row->where.slot & ANGLE_ENTRY_SECOND;
	const uint32 first = second ? find_first(pass, row) : row->own;
	const AngleWisher wisher = {row->point,
								pass->nearest.centroids,
								pass->self->layout.dims,
								pass->count,
								row->nearest,
								row->distances};
	AngleWish *wish;

	if (first == ANGLE_WISH_NONE)
	{
		/* it stays where it is */
		angle_bits_add(&pairing->granted,
					   angle_body_number(&pass->self->layout, row->row->where));
		return;
	}
	wish = angle_wishes_add(&pairing->wishes, &wisher, first);
	wish->body = row->row->where;
	wish->body.slot = angle_body_slot(wish->body);
	if (second)
		wish->second = row->own;
}

/* Reads a row from the leaf of its first entry; false if it is not there any more. */
static bool
read_first(AngleLeafPass *pass, const AngleWish *wish)
{
	const AngleLayout *layout = &pass->self->layout;
	Buffer head =
		angle_read_node(pass->index, layout, angle_pass_leaf(pass, wish->first),
						BUFFER_LOCK_SHARE);
	int slot = layout->capacity;

	if (!BufferIsValid(head))
		return false;
	if (angle_page_is_leaf(BufferGetPage(head)))
		slot = angle_entry_find(layout, BufferGetPage(head), wish->body);
	if (slot < layout->capacity)
		angle_entries_read_slot(&pass->entries, head, slot);
	UnlockReleaseBuffer(head);
	return slot < layout->capacity;
}

/* A free slot of the page, or that of a second entry whose row has not had its turn yet, the
 * farthest from the centroid, which gives way. */
static int
choose_slot(void *context, Page page)
{
	Pairing *pairing = context;
	const AngleLayout *layout = &pairing->pass.self->layout;
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);
	const AngleBfloat *error =
		(const AngleBfloat *) ((char *) page + layout->error);
	int found = angle_slot_find_free(layout, page, 0, layout->capacity);
	float far = 0;

	if (found < layout->capacity)
		return found;
	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_entry_second(&entries[slot]) &&
			angle_bfloat_value(error[slot]) >= far &&
			!angle_bits_has(&pairing->granted,
							angle_body_number(layout, entries[slot].body)))
		{
			found = slot;
			far = angle_bfloat_value(error[slot]);
		}
	if (found < layout->capacity)
		angle_bits_add(&pairing->ousted,
					   angle_body_number(layout, entries[found].body));
	return found;
}

/* Puts the second entry of the row that was read, the only one in the entries of the pass, into the
 * best leaf, and takes it from slot of the leaf in from, unless that is invalid. */
static void
grant_row(Pairing *pairing, const AngleWish *wish, Buffer from, int slot)
{
	AngleLeafPass *pass = &pairing->pass;
	const AngleMove move = {pass, &pass->entries.rows[0], pass->entries.points,
							choose_slot, pairing};
	bool done = false;

	for (int i = 0;
		 !done && i < ANGLE_WISHES && wish->leaves[i] != ANGLE_WISH_NONE; i++)
		done = (wish->leaves[i] == wish->second && BufferIsValid(from)) ||
			   angle_second_move(&move, wish->leaves[i], from, slot);
	/* it may be met again in another leaf, to which a split moves it */
	if (done)
		angle_bits_remove(&pairing->alone,
						  angle_body_number(&pass->self->layout, wish->body));
}

/* Grants a wish of the row that was read, unless others have moved or taken its second entry
 * meanwhile. */
static void
grant(Pairing *pairing, const AngleWish *wish)
{
	const AngleLeafPass *pass = &pairing->pass;
	const uint64 body = angle_body_number(&pass->self->layout, wish->body);
	const bool moves = wish->second != ANGLE_WISH_NONE &&
					   !angle_bits_has(&pairing->ousted, body);
	Buffer from = InvalidBuffer;
	int slot = 0;

	if (moves)
		from = angle_second_find(pass, wish->second, wish->body, &slot);
	if (!moves || BufferIsValid(from))
		grant_row(pairing, wish, from, slot);
	if (BufferIsValid(from))
		UnlockReleaseBuffer(from);
	angle_bits_add(&pairing->granted, body);
}

/* Grants those of so many wishes from first on whose turn it is in a round. Who checks the index
 * waits meanwhile. */
static void
grant_some(Pairing *pairing, Size first, Size count, int round)
{
	Relation index = pairing->pass.index;

	angle_lock_moves_and_wait(index);
	for (Size i = first; i < first + count; i++)
	{
		const AngleWish *wish = angle_wish(&pairing->wishes, i);

		if (!angle_wish_is_due(&pairing->wishes, wish, round))
			continue;
		CHECK_FOR_INTERRUPTS();
		if (read_first(&pairing->pass, wish))
			grant(pairing, wish);
		pairing->pass.entries.count = 0;
	}
	angle_unlock_moves(index, true);
}

static void
grant_wishes(Pairing *pairing)
{
	const Size count = pairing->wishes.count;

	angle_wishes_part(&pairing->wishes);
	for (int round = 0; round < ANGLE_WISH_ROUNDS; round++)
		for (Size first = 0; first < count; first += GRANTED_AT_A_TIME)
		{
			grant_some(pairing, first, Min(GRANTED_AT_A_TIME, count - first),
					   round);
			ANGLE_VACUUM_DELAY_POINT();
		}
	pairing->wishes = (AngleWishes){0};
}

/* ---- the whole ------------------------------------------------------------ */

/* Packs what has filled, in leaves that are still there. */
static void
pack_leaves(AngleLeafPass *pass)
{
	for (int i = 0; i < pass->count; i++)
	{
		Buffer head =
			angle_read_node(pass->index, &pass->self->layout,
							pass->leaves[i].pointer, BUFFER_LOCK_EXCLUSIVE);

		if (!BufferIsValid(head))
			continue;
		if (angle_page_is_leaf(BufferGetPage(head)) &&
			angle_leaf_packs(&pass->self->layout, BufferGetPage(head)))
		{
			GenericXLogState *state = GenericXLogStart(pass->index);

			angle_leaf_pack(&pass->self->layout,
							GenericXLogRegisterBuffer(state, head, 0));
			GenericXLogFinish(state);
		}
		UnlockReleaseBuffer(head);
		ANGLE_VACUUM_DELAY_POINT();
	}
}

static void
end_part(AngleLeafPass *pass)
{
	grant_wishes((Pairing *) pass);
	pack_leaves(pass);
}

void
angle_pair(Relation index, const AngleIndex *self, Size memory)
{
	Pairing pairing = {.pass = {.index = index,
								.self = self,
								.memory = memory,
								.besides = angle_wishes_size(&self->layout),
								.row = look_at_row,
								.end = end_part},
					   .strategy = GetAccessStrategy(BAS_VACUUM)};

	pairing.granted.context = pairing.ousted.context = CurrentMemoryContext;
	find_alone(&pairing);
	pairing.pass.alone = &pairing.alone;
	angle_leaf_pass(&pairing.pass);
	FreeAccessStrategy(pairing.strategy);
}
