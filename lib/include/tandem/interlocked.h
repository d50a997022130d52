/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Interlocked operations of Windows, on memory that processes and the kernel share.
 *
 * A name is that of Windows, in words: InterlockedExchangeAddAcquire64() is
 * tandem_interlocked_exchange_add_acquire64(). What Windows calls LONG has no number, as there.
 * What Windows has for some widths and orders alone is here for all of them:
 *
 *	tandem_interlocked_increment, _decrement, _add, _exchange_add, _exchange,
 *	_compare_exchange, _and, _or, _xor
 *		[_acquire | _release | _nofence]	without: a full barrier
 *		[8 | 16 | 64]				without: 32 bits
 *	tandem_interlocked_bit_test_and_set, _reset, _complement	[order] [64]
 *	tandem_interlocked_compare_exchange128				[order]
 *
 * Memory is declared with the types of <linux/types.h>, as the kernel half has it too: __s8 to
 * __s64, signed as on Windows; who has it otherwise casts the pointer. It is aligned to its size:
 * mind that 32-bit x86 aligns an __s64 to 4. Numbers wrap.
 *
 * A kernel half uses atomic_t and atomic64_t, xchg() and cmpxchg() on the same memory: each of its
 * operations is one step for these, and each of these for it. Those without an order are full
 * barriers, as the kernel's are that return a value; _acquire, _release and _nofence are the
 * kernel's _acquire, _release and _relaxed.
 */
#ifndef _TANDEM_INTERLOCKED_H
#define _TANDEM_INTERLOCKED_H

#include <stdbool.h>

#include <linux/types.h>

/* Whatever the memory was declared as, and 64 bits even where the ABI aligns them to 32. */
typedef __s8 __attribute__((__may_alias__)) tandem_interlocked_s8;
typedef __s16 __attribute__((__may_alias__)) tandem_interlocked_s16;
typedef __s32 __attribute__((__may_alias__)) tandem_interlocked_s32;
typedef __s64 __attribute__((__may_alias__, __aligned__(8))) tandem_interlocked_s64;

/*
 * Follows every operation that is to be a full barrier. Sequential consistency of C11 is not that
 * much: it orders the operation among those that are sequentially consistent, and is an acquire and
 * a release for all other accesses. On arm64 it is a load-acquire and a store-release in a loop: an
 * ordinary store before it, and an ordinary load after it, may both slip in between the two, and so
 * pass each other, which the kernel's operations exclude by a barrier behind the store. On x86 an
 * instruction with the lock prefix is all of it.
 */
static inline void tandem_interlocked_barrier(void)
{
#if !defined(__x86_64__) && !defined(__i386__)
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline void tandem_interlocked_no_barrier(void)
{
}

#define TANDEM_INTERLOCKED_RMW(name, builtin, order, width, bits, memory, barrier)		\
static inline __s##bits										\
tandem_interlocked_##name##order##width(volatile __s##bits *destination, __s##bits value)	\
{												\
	__s##bits result = builtin((volatile tandem_interlocked_s##bits *)destination,		\
				   value, memory);						\
												\
	barrier();										\
	return result;										\
}

#define TANDEM_INTERLOCKED(order, width, bits, memory, failed, barrier)				\
TANDEM_INTERLOCKED_RMW(add, __atomic_add_fetch, order, width, bits, memory, barrier)		\
TANDEM_INTERLOCKED_RMW(exchange_add, __atomic_fetch_add, order, width, bits, memory, barrier)	\
TANDEM_INTERLOCKED_RMW(exchange, __atomic_exchange_n, order, width, bits, memory, barrier)	\
TANDEM_INTERLOCKED_RMW(and, __atomic_fetch_and, order, width, bits, memory, barrier)		\
TANDEM_INTERLOCKED_RMW(or, __atomic_fetch_or, order, width, bits, memory, barrier)		\
TANDEM_INTERLOCKED_RMW(xor, __atomic_fetch_xor, order, width, bits, memory, barrier)		\
												\
static inline __s##bits tandem_interlocked_increment##order##width(volatile __s##bits *addend)	\
{												\
	return tandem_interlocked_add##order##width(addend, 1);					\
}												\
												\
static inline __s##bits tandem_interlocked_decrement##order##width(volatile __s##bits *addend)	\
{												\
	return tandem_interlocked_add##order##width(addend, -1);				\
}												\
												\
static inline __s##bits										\
tandem_interlocked_compare_exchange##order##width(volatile __s##bits *destination,		\
						  __s##bits exchange, __s##bits comparand)	\
{												\
	tandem_interlocked_s##bits old = comparand;						\
												\
	__atomic_compare_exchange_n((volatile tandem_interlocked_s##bits *)destination, &old,	\
				    exchange, false, memory, failed);				\
	barrier();										\
	return old;										\
}

#define TANDEM_INTERLOCKED_ORDERS(width, bits)					\
TANDEM_INTERLOCKED(, width, bits, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST,		\
		   tandem_interlocked_barrier)					\
TANDEM_INTERLOCKED(_acquire, width, bits, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE,	\
		   tandem_interlocked_no_barrier)				\
TANDEM_INTERLOCKED(_release, width, bits, __ATOMIC_RELEASE, __ATOMIC_RELAXED,	\
		   tandem_interlocked_no_barrier)				\
TANDEM_INTERLOCKED(_nofence, width, bits, __ATOMIC_RELAXED, __ATOMIC_RELAXED,	\
		   tandem_interlocked_no_barrier)

/**
 * DOC: 8, 16, 32 and 64 bits
 *
 * tandem_interlocked_increment(addend), tandem_interlocked_decrement(addend),
 * tandem_interlocked_add(addend, value): return the new value.
 *
 * tandem_interlocked_exchange_add(addend, value), tandem_interlocked_exchange(target, value),
 * tandem_interlocked_and(destination, value), tandem_interlocked_or(destination, value),
 * tandem_interlocked_xor(destination, value): return the old value.
 *
 * tandem_interlocked_compare_exchange(destination, exchange, comparand): stores exchange if the old
 * value is comparand, and returns the old value either way.
 */
TANDEM_INTERLOCKED_ORDERS(8, 8)
TANDEM_INTERLOCKED_ORDERS(16, 16)
TANDEM_INTERLOCKED_ORDERS(, 32)
TANDEM_INTERLOCKED_ORDERS(64, 64)

#define TANDEM_INTERLOCKED_BIT(name, operation, flip, order, width, bits)			\
static inline bool										\
tandem_interlocked_bit_test_and_##name##order##width(volatile __s##bits *base,			\
						     unsigned int bit)				\
{												\
	__u##bits mask = (__u##bits)1 << bit % bits;						\
												\
	return tandem_interlocked_##operation##order##width(base + bit / bits,			\
							    (__s##bits)(flip mask)) & mask;	\
}

#define TANDEM_INTERLOCKED_BITS(order, width, bits)		\
TANDEM_INTERLOCKED_BIT(set, or, , order, width, bits)		\
TANDEM_INTERLOCKED_BIT(reset, and, ~, order, width, bits)	\
TANDEM_INTERLOCKED_BIT(complement, xor, , order, width, bits)

#define TANDEM_INTERLOCKED_BITS_ORDERS(width, bits)	\
TANDEM_INTERLOCKED_BITS(, width, bits)			\
TANDEM_INTERLOCKED_BITS(_acquire, width, bits)		\
TANDEM_INTERLOCKED_BITS(_release, width, bits)		\
TANDEM_INTERLOCKED_BITS(_nofence, width, bits)

/**
 * DOC: single bits
 *
 * tandem_interlocked_bit_test_and_set(base, bit), tandem_interlocked_bit_test_and_reset(base, bit),
 * tandem_interlocked_bit_test_and_complement(base, bit): make a bit 1, 0, or what it was not, and
 * return what it was. Bits are counted from that of value 1 at base, and go on in the words after
 * it. On a little-endian machine bit n is that of the kernel's test_and_set_bit(n).
 */
TANDEM_INTERLOCKED_BITS_ORDERS(, 32)
TANDEM_INTERLOCKED_BITS_ORDERS(64, 64)

#undef TANDEM_INTERLOCKED_RMW
#undef TANDEM_INTERLOCKED
#undef TANDEM_INTERLOCKED_ORDERS
#undef TANDEM_INTERLOCKED_BIT
#undef TANDEM_INTERLOCKED_BITS
#undef TANDEM_INTERLOCKED_BITS_ORDERS

/*
 * 128 bits, where the instruction set has them. The processor is not asked: every arm64 has the
 * pair of instructions that is used here, and every x86-64 but its very first has cmpxchg16b, which
 * Windows asks of it, too; those get SIGILL.
 */
#if defined(__x86_64__)

#define TANDEM_INTERLOCKED_128	1

static inline bool tandem_interlocked_pair(volatile __s64 *destination, __s64 high, __s64 low,
					   __s64 *comparand)
{
	bool same;

	__asm__ volatile("lock cmpxchg16b %[memory]"
			 : "=@ccz" (same), [memory] "+m" (*(volatile __s64 (*)[2])destination),
			   "+a" (comparand[0]), "+d" (comparand[1])
			 : "b" (low), "c" (high)
			 : "memory");
	return same;
}

#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#define TANDEM_INTERLOCKED_128	1

/* A pair was loaded in one step only if it can be stored: if it differs, what was there is. */
static inline bool tandem_interlocked_pair(volatile __s64 *destination, __s64 high, __s64 low,
					   __s64 *comparand)
{
	__s64 old_low, old_high, new_low, new_high;
	bool same;
	int failed;

	__asm__ volatile("1:	ldaxp	%[old_low], %[old_high], %[memory]\n"
			 "	cmp	%[old_low], %[comparand_low]\n"
			 "	ccmp	%[old_high], %[comparand_high], #0, eq\n"
			 "	csel	%[new_low], %[low], %[old_low], eq\n"
			 "	csel	%[new_high], %[high], %[old_high], eq\n"
			 "	stlxp	%w[failed], %[new_low], %[new_high], %[memory]\n"
			 "	cbnz	%w[failed], 1b\n"
			 : [memory] "+Q" (*(volatile __s64 (*)[2])destination),
			   [old_low] "=&r" (old_low), [old_high] "=&r" (old_high),
			   [new_low] "=&r" (new_low), [new_high] "=&r" (new_high),
			   [failed] "=&r" (failed)
			 : [low] "r" (low), [high] "r" (high),
			   [comparand_low] "r" (comparand[0]), [comparand_high] "r" (comparand[1])
			 : "cc", "memory");
	same = old_low == comparand[0] && old_high == comparand[1];
	comparand[0] = old_low;
	comparand[1] = old_high;
	return same;
}

#endif

#ifdef TANDEM_INTERLOCKED_128

#define TANDEM_INTERLOCKED_PAIR(order, barrier)							\
static inline bool										\
tandem_interlocked_compare_exchange##order##128(volatile __s64 *destination,			\
						__s64 exchange_high, __s64 exchange_low,	\
						__s64 *comparand)				\
{												\
	bool same = tandem_interlocked_pair(destination, exchange_high, exchange_low,		\
					    comparand);						\
												\
	barrier();										\
	return same;										\
}

/**
 * DOC: 128 bits
 *
 * tandem_interlocked_compare_exchange128(destination, exchange_high, exchange_low, comparand) is
 * there if TANDEM_INTERLOCKED_128 is defined. destination and comparand are two words each, the
 * lower one first; destination is aligned to 16, and can be written even if it differs. Returns
 * true if destination was comparand, and is exchanged; comparand is what was there then.
 */
TANDEM_INTERLOCKED_PAIR(, tandem_interlocked_barrier)
TANDEM_INTERLOCKED_PAIR(_acquire, tandem_interlocked_no_barrier)
TANDEM_INTERLOCKED_PAIR(_release, tandem_interlocked_no_barrier)
TANDEM_INTERLOCKED_PAIR(_nofence, tandem_interlocked_no_barrier)

#undef TANDEM_INTERLOCKED_PAIR

#endif /* TANDEM_INTERLOCKED_128 */

#include <tandem/slist.h>

#endif /* _TANDEM_INTERLOCKED_H */
