// SPDX-License-Identifier: GPL-2.0
/*
 * Recorder: producers that interrupt each other make room by the oldest records, while a reader on another CPU takes
 * them.
 *
 * What the reader takes is as it was written. When all is quiet, each record was read or overwritten, and each
 * loss, and each overwritten record, was told of in a lost_before, or still is to be.
 *
 * kernel/ring.c: tandem_ring_evict(), tandem_ring_evict_one(), tandem_ring_has_room(), tandem_ring_refresh().
 * kernel/recorder.c: tandem_recorder_oldest(), tandem_recorder_take(). How publishing is left to who was
 * interrupted is in nest.pml, and happens at once here.
 *
 * Variant PRODUCERS=3: two that interrupt
 * Mutant TAKE_STORED: the reader stores cons_pos, rather than exchange it
 * Mutant EVICT_STORED: who makes room stores cons_pos
 * Mutant EVICT_ALL: records that are not published make room as well
 * Mutant LATE_LOSSES: what a record tells of is read when it has gone
 * Mutant LOSSES_FORGOTTEN: what an overwritten record was to tell of is forgotten
 * Mutant TOLD_EARLY: the reader counts as told what it failed to take
 */
#ifndef PRODUCERS
#define PRODUCERS	3
#endif
#define POSTS		2
#define SIZE		2
#define NOBODY		15

byte current = NOBODY;
byte next;
byte head, settled, pub, cached, cons_pos;
byte until = SIZE;
/* One was lost before all this. */
byte pending = 1;
byte evicted, overwritten;

/* What each place holds: the position that was written there, plus one; and its lost_before. */
byte data[SIZE], lost_before[SIZE];

/* What is checked. */
byte posted = 1, lost = 1;
byte accepted, taken, told, evicted_told;

#define fits()	(start - cached + 1 <= SIZE)

inline evict()
{
	do
	:: pos = cons_pos;
	   if
#ifdef EVICT_ALL
	   :: pos + SIZE < start + 1 && pos != head ->
#else
	   :: pos + SIZE < start + 1 && pos != pub ->
#endif
#ifndef LATE_LOSSES
		losses = lost_before[pos % SIZE];
#endif
#ifdef EVICT_STORED
		cons_pos = pos + 1;
		mine = true;
#else
		atomic {
			if
			:: cons_pos == pos -> cons_pos = pos + 1; mine = true
			:: else
			fi
		};
#endif
#ifdef LATE_LOSSES
		losses = lost_before[pos % SIZE];
#endif
#ifdef LOSSES_FORGOTTEN
		losses = 0;
#endif
		if
		:: mine -> atomic { overwritten++; evicted = evicted + losses + 1; mine = false }
		:: else
		fi;
		losses = 0
	   :: else -> pos = 0; break
	   fi
	od
}

inline refresh()
{
	pos = cached;
	cons = cons_pos;
	assert(cons - pos <= pub - pos);
	cached = cons;
	until = cons + SIZE;
	cons = 0;
	pos = 0
}

inline take()
{
	atomic {
		if
		:: head == start -> head++; accepted++; got = true
		:: else -> start = head
		fi
	}
}

inline post()
{
	atomic { posted++; start = head };
	if
	:: pending == 0 && settled == start && start + 1 <= until -> take()
	:: else
	fi;
	if
	:: got
	:: else ->
		start = head;
		atomic { tell = pending; pending = 0 };
		do
		:: got -> break
		:: else ->
			if
			:: fits()
			:: else ->
				evict();
				if
				:: fits()
				:: else -> refresh()
				fi
			fi;
			if
			:: fits() -> take()
			:: else -> atomic { pending = pending + tell + 1; lost++; tell = 0 }; break
			fi
		od
	fi;
	if
	:: got ->
		lost_before[start % SIZE] = tell;
		data[start % SIZE] = start + 1;
		atomic {
			assert(data[start % SIZE] == start + 1);
			if
			:: settled == start -> settled = head; pub = head
			:: else
			fi;
			got = false
		}
	:: else
	fi;
	atomic { start = 0; tell = 0 }
}

active [PRODUCERS] proctype producer() provided (current == _pid || next == _pid)
{
	byte interrupted, start, tell, pos, cons, losses, posts;
	bool got, mine;

	atomic { interrupted = current; current = _pid; next++ };
	do
	:: posts < POSTS -> posts++; post()
	:: break
	od;
	atomic {
		posts = 0;
		current = interrupted
	}
}

active proctype reader()
{
	byte pos, seen, losses, untold;
	bool mine;

end:	do
	:: cons_pos != pub ->
		pos = cons_pos;
		if
		:: pos != pub ->
			losses = lost_before[pos % SIZE];
			untold = evicted - evicted_told;
			seen = data[pos % SIZE];
#ifdef TOLD_EARLY
			evicted_told = evicted_told + untold;
#endif
#ifdef TAKE_STORED
			if
			:: cons_pos == pos -> cons_pos = pos + 1; mine = true
			:: else
			fi
#else
			atomic {
				if
				:: cons_pos == pos -> cons_pos = pos + 1; mine = true
				:: else
				fi
			}
#endif
		:: else
		fi;
		atomic {
			if
			:: mine ->
				assert(seen == pos + 1);
				taken++;
				told = told + losses + untold;
#ifndef TOLD_EARLY
				evicted_told = evicted_told + untold;
#endif
				mine = false
			:: else
			fi;
			pos = 0; seen = 0; losses = 0; untold = 0
		}
	od
}

active proctype quiet()
{
	timeout -> atomic {
		assert(current == NOBODY && pub == head && settled == head && cons_pos == head);
		assert(posted == accepted + lost && accepted == taken + overwritten);
		assert(told + pending + evicted - evicted_told == lost + overwritten)
	}
}
