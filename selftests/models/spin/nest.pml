// SPDX-License-Identifier: GPL-2.0
/*
 * Nest: producers of one CPU that interrupt each other at every statement, and run to completion.
 *
 * Each posts a record, or a batch; the ring may be full whenever one looks. When nobody is at it:
 * all is published, nothing is held back, and what was posted was accepted or lost, and told of or pending.
 * At no time is a record published before it is complete, and in a ring later is later in time.
 *
 * With CONSUMER there is also one who sleeps, on another CPU: it is not left asleep beside its record.
 *
 * kernel/ring.h and ring.c: tandem_ring_try(), tandem_ring_reserve(), tandem_ring_settle(),
 * tandem_ring_commit(), tandem_ring_hold(), tandem_ring_let_go(), tandem_ring_take_pending(),
 * tandem_ring_wake_due(), tandem_ring_wake().
 *
 * Variant PRODUCERS=4: three that interrupt
 * Variant PRODUCERS=3 CONSUMER: two that interrupt, and a consumer
 * Mutant NO_LOOK_AGAIN: settling does not look at head again
 * Mutant HELD_NO_LOOK_AGAIN: the end of a batch does not look at head again
 * Mutant SETTLED_FIRST: settled moves before pub_pos
 * Mutant HELD_LATE: the end of a batch publishes when it holds nothing back any more
 * Mutant PUBLISH_ALWAYS: who interrupted somebody publishes too
 * Mutant NESTING_KEPT: nesting is not counted down
 * Mutant OUTERMOST_COUNTED: who interrupted nobody is counted in nesting
 * Mutant HOLD_NESTED: a batch holds back what an interrupted producer is to publish
 * Mutant PENDING_READ: pending losses are read and zeroed, not exchanged
 * Mutant PENDING_DROPPED: a record that is lost after all forgets the losses it was to tell of
 * Mutant CLOCK_FIRST: the clock is read before head
 * Mutant WAKE_FIRST CONSUMER: wake_at is looked at before pub_pos is stored
 * Mutant WAKE_OWN CONSUMER: who publishes for others looks for a request for its own record alone
 * Mutant NO_LAST_LOOK CONSUMER: the consumer goes to sleep without looking at pub_pos again
 */
#ifndef PRODUCERS
#define PRODUCERS	3
#endif
#define NOBODY		15
#define AWAKE		15
/* One, so that few producers are enough to nest too deep. */
#define NESTING_MAX	1
/* What lost_before can tell of. */
#define TOLD_MAX	1

byte current = NOBODY;
byte next;

/* As in struct tandem_ring; positions count records. */
byte head, settled, pub;
byte batch = NOBODY;
byte nesting, pending;

/* What is checked: records that are complete, counts, and whose time is before that of the last record. */
short complete;
byte posted, accepted, lost, told;
byte stale;

#ifdef CONSUMER
byte wake_at = AWAKE;
bool woken, asleep;
byte wanted;
#endif

#define below(n)	((1 << (n)) - 1)

inline lose()
{
	atomic { lost++; pending++ }
}

inline publish(h)
{
	atomic {
		assert(h >= pub);
		pub = h;
		assert((complete & below(h)) == below(h))
	}
}

inline read_clock()
{
	stale = stale & ~(1 << _pid)
}

/* The exchange of head; what nobody else looks at is counted with it. */
inline take(start, tell)
{
	head++;
	assert(!(stale & (1 << _pid)));
	stale = below(PRODUCERS);
	accepted++;
	told = told + tell;
	got = true
}

inline wake_by(h)
{
#ifdef CONSUMER
	if
	:: wake_at <= h ->
		atomic {
			if
			:: wake_at != AWAKE -> wake_at = AWAKE; woken = true
			:: else
			fi
		}
	:: else
	fi
#else
	skip
#endif
}

inline settle(publishing)
{
	do
	:: h = head;
#ifdef SETTLED_FIRST
	   settled = h;
#endif
	   if
	   :: publishing -> publish(h)
	   :: else
	   fi;
#ifndef SETTLED_FIRST
	   settled = h;
#endif
#ifdef NO_LOOK_AGAIN
	   break
#else
	   if
	   :: head != h ->
		if
		:: settled == h
		:: else -> break
		fi
	   :: else -> break
	   fi
#endif
	od
}

inline commit()
{
	if
	:: settled != start ->
#ifdef PUBLISH_ALWAYS
		h = head;
		publish(h);
#endif
#ifndef NESTING_KEPT
		h = nesting;
		nesting = h - 1
#endif
	:: else ->
		if
		:: batch != NOBODY -> settle(false)
		:: else ->
#ifdef WAKE_FIRST
			wake_by(head);
			settle(true)
#else
			settle(true);
#ifdef WAKE_OWN
			wake_by(start + 1)
#else
			wake_by(h)
#endif
#endif
		fi
	fi;
	h = 0
}

inline try()
{
	atomic { posted++; start = head };
	if
	:: pending == 0 ->
		if
		:: settled == start ->
			if
			:: read_clock();
			   atomic {
				if
				:: head == start -> take(start, 0)
				:: else
				fi
			   }
			:: skip
			fi
		:: else
		fi
	:: else
	fi
}

inline reserve()
{
	start = head;
	if
	:: pending != 0 ->
#ifdef PENDING_READ
		tell = pending;
		pending = 0;
#else
		atomic { tell = pending; pending = 0 };
#endif
		if
		:: tell > TOLD_MAX -> atomic { pending = pending + tell - TOLD_MAX; tell = TOLD_MAX }
		:: else
		fi
	:: else
	fi;
#ifdef CLOCK_FIRST
	read_clock();
#endif
	do
#ifdef PENDING_DROPPED
	:: tell = 0;
#else
	:: atomic { pending = pending + tell; tell = 0 };
#endif
	   lose();
	   break
	:: skip;
#ifndef CLOCK_FIRST
	   read_clock();
#endif
	   atomic {
		if
		:: head == start -> take(start, tell); tell = 0; break
		:: else -> start = head
		fi
	   }
	od;
	if
	:: got ->
		if
#ifndef OUTERMOST_COUNTED
		:: settled == start
#endif
		:: else ->
			h = nesting;
			atomic { h++; nesting = h };
			if
			:: h > NESTING_MAX ->
				atomic { accepted--; complete = complete | (1 << start) };
				lose();
				commit();
				got = false
			:: else
			fi
		fi
	:: else
	fi
}

inline post()
{
	try();
	if
	:: got
	:: else -> reserve()
	fi;
	if
	:: got ->
		complete = complete | (1 << start);
		commit();
		got = false
	:: else
	fi;
	start = 0
}

inline hold()
{
	if
	:: batch == NOBODY ->
#ifdef HOLD_NESTED
		batch = _pid
#else
		h = settled;
		if
		:: h == head -> batch = _pid
		:: else
		fi;
		h = 0
#endif
	:: else
	fi
}

inline let_go()
{
	if
	:: batch == _pid ->
		do
		:: batch = _pid;
		   h = head;
#ifdef HELD_LATE
		   batch = NOBODY;
		   publish(h);
#else
		   publish(h);
		   batch = NOBODY;
#endif
#ifdef HELD_NO_LOOK_AGAIN
		   break
#else
		   if
		   :: head != h ->
			if
			:: pub == h
			:: else -> break
			fi
		   :: else -> break
		   fi
#endif
		od;
		wake_by(h)
	:: else
	fi
}

active [PRODUCERS] proctype producer() provided (current == _pid || next == _pid)
{
	byte interrupted, start, tell, h;
	bool got;

	atomic { interrupted = current; current = _pid; next++ };
	if
	:: post()
	:: hold(); post(); let_go()
	fi;
	atomic {
		if
		:: interrupted == NOBODY ->
			assert(pub == head && head == settled && nesting == 0 && batch == NOBODY);
			assert(posted == accepted + lost && lost == told + pending);
#ifndef CONSUMER
			/* From there on all is as in the beginning. */
			head = 0; settled = 0; pub = 0; complete = 0;
			posted = pending; accepted = 0; lost = pending; told = 0
#endif
		:: else
		fi;
		start = 0; tell = 0; h = 0;
		current = interrupted
	}
}

#ifdef CONSUMER
active proctype consumer()
{
	byte cons;

	do
	:: if
	   :: wanted = cons + 1
	   :: wanted = cons + 2
	   fi;
	   wake_at = wanted;
#ifndef NO_LAST_LOOK
	   if
	   :: pub >= wanted -> wake_at = AWAKE
	   :: else ->
#endif
		asleep = true;
end:		atomic { woken -> woken = false; asleep = false }
#ifndef NO_LAST_LOOK
	   fi;
#endif
	   cons = pub
	od
}

active proctype quiet()
{
	timeout -> assert(!(asleep && pub >= wanted))
}
#endif
