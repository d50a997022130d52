// SPDX-License-Identifier: GPL-2.0
/*
 * Shared: posters at the lock of a ring of all CPUs, interrupted there by NMIs, and by whoever traces locks.
 *
 * Nobody waits for ever. One poster at a time makes room. Each record is accepted or lost, and nobody leaves
 * his mark behind.
 *
 * kernel/shared.c: tandem_shared_try(), tandem_shared_reserve().
 *
 * Variant POSTERS=5: three posters on a CPU, two on another
 * Mutant NO_MARK: whoever has the lock is not marked
 * Mutant LATE_MARK: the mark is set when the lock is there
 * Mutant EARLY_UNMARK: the mark is gone before the lock is
 * Mutant MARK_KEPT: an NMI that finds the lock taken leaves its mark
 * Mutant NO_LOCK: the mark alone
 */
#ifndef POSTERS
#define POSTERS	4
#endif
#define CPUS	2
/* So many are of the first CPU, the others of the second. */
#define DEPTH	3
#define NOBODY	15
#define cpu	(_pid / DEPTH)

/* Of each CPU: who runs, who may come next, and whether it is at the lock. */
byte current[CPUS] = NOBODY;
byte next[CPUS];
bool inside[CPUS];

bool locked;
byte head, accepted, lost, posted;

inline unmark()
{
	inside[cpu] = false
}

inline mark()
{
#ifndef NO_MARK
	inside[cpu] = true
#else
	skip
#endif
}

inline lock()
{
#ifndef LATE_MARK
	mark();
#endif
	if
	:: !nmi ->
#ifndef NO_LOCK
		atomic { !locked -> locked = true };
#endif
		got = true
	:: else ->
		atomic {
			if
#ifndef NO_LOCK
			:: !locked -> locked = true; got = true
			:: else
#else
			:: got = true
#endif
			fi
		}
	fi;
#ifdef LATE_MARK
	mark();
#endif
	if
#ifndef MARK_KEPT
	:: !got -> unmark()
#endif
	:: else
	fi
}

inline unlock()
{
#ifdef EARLY_UNMARK
	unmark();
	locked = false
#else
	locked = false;
	unmark()
#endif
}

active [POSTERS] proctype poster() provided (current[cpu] == _pid || next[cpu] + cpu * DEPTH == _pid)
{
	byte interrupted, start;
	bool nmi, got;

	atomic { interrupted = current[cpu]; current[cpu] = _pid; next[cpu] = next[cpu] + 1 };
	/* Who traces locks is not in NMI, and may come at any time all the same. */
	if
	:: nmi = true
	:: nmi = false
	fi;
	posted++;
	if
	:: !inside[cpu] -> lock()
	:: else
	fi;
	if
	:: got ->
		start = head;
		head = start + 1;
		accepted++;
		unlock()
	:: else -> lost++
	fi;
	atomic {
		start = 0; nmi = false; got = false;
		current[cpu] = interrupted
	}
}

active proctype quiet()
{
	byte n;

	timeout -> atomic {
		assert(posted == POSTERS && head == accepted && posted == accepted + lost && !locked);
		do
		:: n < CPUS -> assert(!inside[n] && current[n] == NOBODY); n++
		:: else -> break
		od
	}
}
