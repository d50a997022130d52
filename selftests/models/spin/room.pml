// SPDX-License-Identifier: GPL-2.0
/*
 * Room: what producers that interrupt each other make of a consumer's position, be it honest or not.
 *
 * An honest consumer finds each record as it was written, and is never taken for a corrupt one. A hostile one, which
 * stores any position at any time, harms itself alone: no record is overwritten that a producer is still at.
 *
 * kernel/position.h: tandem_cons_pos_valid(), tandem_ring_fits(). kernel/ring.c: tandem_ring_refresh(),
 * tandem_ring_has_room(), tandem_ring_reserve(). kernel/ring.h: tandem_ring_try(). How publishing is left to
 * who was interrupted is in nest.pml, and happens at once here.
 *
 * Variant HONEST: a consumer as it should be
 * Variant HOSTILE: one that stores anything
 * Mutant UNCHECKED HOSTILE: a position is taken as it is
 * Mutant CACHED_LATE HONEST: the cached position is read after the consumer's
 * Mutant PUB_EARLY HONEST: pub_pos is read before the consumer's position
 * Mutant ROOM_ONCE HONEST: who loses the race for head does not look for room again
 * Mutant TOO_FULL HONEST: a ring that is full takes one more
 * Mutant HEAD_STORED HONEST: head is stored, not exchanged
 */
#ifndef PRODUCERS
#define PRODUCERS	3
#endif
#ifdef HOSTILE
#define POSTS		1
#else
#define POSTS		2
#endif
#define SIZE		2
#define NOBODY		15
/* Positions count records. They are bytes here, and differ as such. */
#define minus(a, b)	(((a) - (b)) & 255)

byte current = NOBODY;
byte next;
byte head, settled, pub, cached;
byte until = SIZE;
byte limit = SIZE;
byte cons_pos;
bool corrupt;
/* What each place holds: the position that was written there, plus one. */
byte data[SIZE];

#ifdef TOO_FULL
#define fits(head)	(minus(head, cached) <= limit)
#else
#define fits(head)	(minus(head, cached) + 1 <= limit)
#endif

inline refresh()
{
#ifdef PUB_EARLY
	published = pub;
#endif
#ifdef CACHED_LATE
	cons = cons_pos;
	seen = cached;
#else
	seen = cached;
	cons = cons_pos;
#endif
#ifndef PUB_EARLY
	published = pub;
#endif
	if
#ifdef UNCHECKED
	:: true ->
#else
	:: minus(cons, seen) <= minus(published, seen) ->
#endif
		cached = cons;
		published = cons + limit;
		until = published
#ifndef UNCHECKED
	:: else ->
		atomic { corrupt = true; limit = 0; until = 0 }
#endif
	fi;
	atomic { cons = 0; seen = 0; published = 0 }
}

inline take()
{
#ifdef HEAD_STORED
	head = start + 1;
	got = true
#else
	atomic {
		if
		:: head == start -> head++; got = true
		:: else -> start = head
		fi
	}
#endif
}

inline post()
{
	start = head;
	if
	:: settled == start && start + 1 <= until -> take()
	:: else
	fi;
	if
	:: got
	:: else ->
		start = head;
		room = false;
		do
		:: got -> break
		:: else ->
			if
#ifdef ROOM_ONCE
			:: room
			:: !room ->
#else
			:: true ->
#endif
				if
				:: fits(start) -> room = true
				:: else ->
					refresh();
					room = !corrupt && fits(start)
				fi
			fi;
			if
			:: room -> take()
			:: else -> break
			fi
		od
	fi;
	if
	:: got ->
		data[start % SIZE] = start + 1;
		/* Who reserved it reads it until it is committed, to copy it to others. */
		atomic {
			assert(data[start % SIZE] == start + 1);
			if
			:: settled == start -> settled = head; pub = head
			:: else
			fi
		};
		got = false
	:: else
	fi;
	start = 0
}

active [PRODUCERS] proctype producer() provided (current == _pid || next == _pid)
{
	byte interrupted, start, seen, cons, published, posts;
	bool got, room;

	atomic { interrupted = current; current = _pid; next++ };
	do
	:: posts < POSTS -> posts++; post()
	:: break
	od;
	atomic {
		assert(interrupted != NOBODY || (pub == head && settled == head));
		posts = 0; room = false;
		current = interrupted
	}
}

#ifdef HONEST
active proctype consumer()
{
	byte cons, published;

end:	do
	:: pub != cons ->
		published = pub;
		do
		:: cons != published ->
			assert(!corrupt && data[cons % SIZE] == cons + 1);
			cons++;
			if
			:: cons_pos = cons
			:: skip
			fi
		:: else -> break
		od;
		cons_pos = cons
	od
}
#endif

#ifdef HOSTILE
active proctype consumer()
{
end:	do
	:: cons_pos < 2 * SIZE + 2 -> cons_pos++
	:: cons_pos = 0
	:: cons_pos = 255
	od
}
#endif
