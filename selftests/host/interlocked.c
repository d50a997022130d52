// SPDX-License-Identifier: GPL-2.0
/*
 * The Interlocked operations: what each returns and leaves, in all widths and orders, and that none
 * is lost when threads do it at once.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tandem/interlocked.h>

#include "kselftest_harness.h"

#define THREADS		8
/* Done at a time, and for so long, so that threads run beside each other even on a busy machine. */
#define ROUNDS		500
#define MILLISECONDS	20

#define WIDTHS(order)			\
	CASES(order, 8, 8)		\
	CASES(order, 16, 16)		\
	CASES(order, , 32)		\
	CASES(order, 64, 64)

#define ORDERS				\
	WIDTHS()			\
	WIDTHS(_acquire)		\
	WIDTHS(_release)		\
	WIDTHS(_nofence)

#define INTERLOCKED(name, order, width)	tandem_interlocked_##name##order##width

/* ---- What they return ---- */

/* A number between two that must stay as they are. */
#define CASES(order, width, bits)								\
TEST(returns##order##_##bits)									\
{												\
	const __s##bits most = (__s##bits)((__u##bits)-1 >> 1), least = -most - 1;		\
	__s##bits memory[3] = { 0x55, 5, 0x55 }, *x = &memory[1];				\
												\
	EXPECT_EQ(6, INTERLOCKED(increment, order, width)(x));					\
	EXPECT_EQ(6, *x);									\
	EXPECT_EQ(5, INTERLOCKED(decrement, order, width)(x));					\
	EXPECT_EQ(5, *x);									\
	EXPECT_EQ(12, INTERLOCKED(add, order, width)(x, 7));					\
	EXPECT_EQ(12, *x);									\
	EXPECT_EQ(12, INTERLOCKED(exchange_add, order, width)(x, -2));				\
	EXPECT_EQ(10, *x);									\
	EXPECT_EQ(10, INTERLOCKED(exchange, order, width)(x, least));				\
	EXPECT_EQ(least, *x);									\
	EXPECT_EQ(least, INTERLOCKED(compare_exchange, order, width)(x, 9, most));		\
	EXPECT_EQ(least, *x);									\
	EXPECT_EQ(least, INTERLOCKED(compare_exchange, order, width)(x, most, least));		\
	EXPECT_EQ(most, *x);									\
	EXPECT_EQ(most, INTERLOCKED(and, order, width)(x, least | 0x0f));			\
	EXPECT_EQ(0x0f, *x);									\
	EXPECT_EQ(0x0f, INTERLOCKED(or, order, width)(x, least | 0x30));			\
	EXPECT_EQ(least | 0x3f, *x);								\
	EXPECT_EQ(least | 0x3f, INTERLOCKED(xor, order, width)(x, least | 0x0f));		\
	EXPECT_EQ(0x30, *x);									\
												\
	*x = most;										\
	EXPECT_EQ(least, INTERLOCKED(increment, order, width)(x));				\
	EXPECT_EQ(most, INTERLOCKED(decrement, order, width)(x));				\
	EXPECT_EQ(-2, INTERLOCKED(add, order, width)(x, most));					\
	EXPECT_EQ(-2, INTERLOCKED(exchange_add, order, width)(x, least));			\
	EXPECT_EQ(most - 1, *x);								\
	EXPECT_EQ(0x55, memory[0]);								\
	EXPECT_EQ(0x55, memory[2]);								\
}
ORDERS
#undef CASES

#define BIT_CASES(order, width, bits)								\
TEST(single##order##_##bits)									\
{												\
	__s##bits memory[2] = { 0 };								\
	unsigned int bit;									\
												\
	for (bit = 0; bit < 2 * bits; bit++) {							\
		__s##bits *word = &memory[bit / bits];						\
		__s##bits mask = (__s##bits)((__u##bits)1 << bit % bits);			\
												\
		EXPECT_FALSE(INTERLOCKED(bit_test_and_set, order, width)(memory, bit));		\
		EXPECT_EQ(mask, *word);								\
		EXPECT_TRUE(INTERLOCKED(bit_test_and_set, order, width)(memory, bit));		\
		EXPECT_EQ(mask, *word);								\
		EXPECT_TRUE(INTERLOCKED(bit_test_and_complement, order, width)(memory, bit));	\
		EXPECT_EQ(0, *word);								\
		EXPECT_FALSE(INTERLOCKED(bit_test_and_complement, order, width)(memory, bit));	\
		EXPECT_EQ(mask, *word);								\
		*word = -1;									\
		EXPECT_TRUE(INTERLOCKED(bit_test_and_reset, order, width)(memory, bit));	\
		EXPECT_EQ(~mask, *word);							\
		EXPECT_FALSE(INTERLOCKED(bit_test_and_reset, order, width)(memory, bit));	\
		EXPECT_EQ(~mask, *word);							\
		*word = 0;									\
	}											\
	EXPECT_EQ(0, memory[0]);								\
	EXPECT_EQ(0, memory[1]);								\
}

BIT_CASES(, , 32)
BIT_CASES(, 64, 64)
BIT_CASES(_acquire, , 32)
BIT_CASES(_acquire, 64, 64)
BIT_CASES(_release, , 32)
BIT_CASES(_release, 64, 64)
BIT_CASES(_nofence, , 32)
BIT_CASES(_nofence, 64, 64)

/* ---- All at once ---- */

/**
 * struct crowd - threads that begin together
 * @start: they wait for each other here
 * @rounds: what each does, with its number, ROUNDS times
 * @data: what they do it to
 * @count: how many rounds there were
 */
struct crowd {
	pthread_barrier_t start;
	void (*rounds)(void *data, unsigned int thread);
	void *data;
	uint64_t count;
};

struct member {
	struct crowd *crowd;
	pthread_t thread;
	unsigned int number;
};

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *join(void *arg)
{
	struct member *member = arg;
	struct crowd *crowd = member->crowd;
	uint64_t until;

	pthread_barrier_wait(&crowd->start);
	until = milliseconds() + MILLISECONDS;
	do {
		crowd->rounds(crowd->data, member->number);
		__atomic_fetch_add(&crowd->count, ROUNDS, __ATOMIC_RELAXED);
	} while (milliseconds() < until);
	return NULL;
}

/* Returns how many rounds there were. */
static uint64_t at_once(void (*rounds)(void *data, unsigned int thread), void *data)
{
	struct crowd crowd = { .rounds = rounds, .data = data };
	struct member members[THREADS];
	unsigned int i;

	pthread_barrier_init(&crowd.start, NULL, THREADS);
	for (i = 0; i < THREADS; i++) {
		members[i] = (struct member){ .crowd = &crowd, .number = i };
		if (pthread_create(&members[i].thread, NULL, join, &members[i]))
			ksft_exit_fail_msg("no thread: %s\n", strerror(errno));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(members[i].thread, NULL);
	pthread_barrier_destroy(&crowd.start);
	return crowd.count;
}

/**
 * struct shared - what threads change at once
 * @s8: the number, in the width that is tested
 * @s16: likewise
 * @s32: likewise
 * @s64: likewise
 * @sum: of what the threads got back
 * @token: what each thread holds
 * @wrong: how often they got what cannot be
 */
struct shared {
	union {
		__s8 s8;
		__s16 s16;
		__s32 s32;
		__s64 s64;
	};
	uint64_t sum;
	unsigned int token[THREADS] __attribute__((aligned(128)));
	unsigned int wrong;
};

#define CASES(order, width, bits)								\
static void do_count##order##_##bits(void *data, unsigned int thread)				\
{												\
	struct shared *shared = data;								\
	__s##bits *x = &shared->s##bits;							\
	unsigned int i;										\
												\
	for (i = 0; i < ROUNDS; i++) {								\
		INTERLOCKED(increment, order, width)(x);					\
		INTERLOCKED(add, order, width)(x, 5);						\
		INTERLOCKED(decrement, order, width)(x);					\
		INTERLOCKED(exchange_add, order, width)(x, -2);					\
	}											\
}												\
												\
TEST(count##order##_##bits)									\
{												\
	struct shared shared = { 0 };								\
	uint64_t count = at_once(do_count##order##_##bits, &shared);				\
												\
	EXPECT_EQ((__s##bits)(3 * count), shared.s##bits);					\
}												\
												\
static void do_number##order##_##bits(void *data, unsigned int thread)				\
{												\
	struct shared *shared = data;								\
	__s##bits *x = &shared->s##bits;							\
	uint64_t sum = 0;									\
	unsigned int i;										\
												\
	for (i = 0; i < ROUNDS; i++) {								\
		sum += (uint64_t)INTERLOCKED(exchange_add, order, width)(x, 1);			\
		sum += (uint64_t)INTERLOCKED(increment, order, width)(x) - 1;			\
	}											\
	__atomic_fetch_add(&shared->sum, sum, __ATOMIC_RELAXED);				\
}												\
												\
/* Each gets numbers that nobody else has got. */						\
TEST(number##order##_##bits)									\
{												\
	struct shared shared = { 0 };								\
	uint64_t count = 2 * at_once(do_number##order##_##bits, &shared);			\
												\
	EXPECT_EQ((__s##bits)count, shared.s##bits);						\
	EXPECT_EQ((__u##bits)(count * (count - 1) / 2), (__u##bits)shared.sum);			\
}												\
												\
static void do_pass##order##_##bits(void *data, unsigned int thread)				\
{												\
	struct shared *shared = data;								\
	__s##bits *x = &shared->s##bits;							\
	__s##bits token = (__s##bits)shared->token[thread];					\
	unsigned int i;										\
												\
	for (i = 0; i < ROUNDS; i++)								\
		token = INTERLOCKED(exchange, order, width)(x, token);				\
	shared->token[thread] = (unsigned int)token;						\
}												\
												\
/* Tokens are neither lost nor doubled. */							\
TEST(pass##order##_##bits)									\
{												\
	struct shared shared = { .token = { 1, 2, 3, 4, 5, 6, 7, 8 } };				\
	unsigned int i, held = 0;								\
												\
	at_once(do_pass##order##_##bits, &shared);						\
	for (i = 0; i < THREADS; i++)								\
		held |= 1U << shared.token[i];							\
	EXPECT_EQ(0x1ff, held | 1U << shared.s##bits);						\
}												\
												\
static void do_compare##order##_##bits(void *data, unsigned int thread)				\
{												\
	struct shared *shared = data;								\
	__s##bits *x = &shared->s##bits;							\
	__s##bits old, seen;									\
	unsigned int i;										\
												\
	for (i = 0; i < ROUNDS; i++) {								\
		seen = __atomic_load_n(x, __ATOMIC_RELAXED);					\
		do {										\
			old = seen;								\
			seen = INTERLOCKED(compare_exchange, order, width)(x, old + 3, old);	\
		} while (seen != old);								\
	}											\
}												\
												\
TEST(compare##order##_##bits)									\
{												\
	struct shared shared = { 0 };								\
	uint64_t count = at_once(do_compare##order##_##bits, &shared);				\
												\
	EXPECT_EQ((__s##bits)(3 * count), shared.s##bits);					\
}												\
												\
static void do_own_bit##order##_##bits(void *data, unsigned int thread)				\
{												\
	struct shared *shared = data;								\
	__s##bits *x = &shared->s##bits;							\
	const __s##bits mask = (__s##bits)((__u##bits)1 << (thread + bits - THREADS));		\
	unsigned int i, wrong = 0;								\
												\
	for (i = 0; i < ROUNDS; i++) {								\
		wrong += !!(INTERLOCKED(or, order, width)(x, mask) & mask);			\
		wrong += !(INTERLOCKED(xor, order, width)(x, mask) & mask);			\
		wrong += !!(INTERLOCKED(xor, order, width)(x, mask) & mask);			\
		wrong += !(INTERLOCKED(and, order, width)(x, ~mask) & mask);			\
	}											\
	__atomic_fetch_add(&shared->wrong, wrong, __ATOMIC_RELAXED);				\
}												\
												\
/* What others do to their bits leaves one's own as it was. */					\
TEST(own_bit##order##_##bits)									\
{												\
	struct shared shared = { 0 };								\
												\
	at_once(do_own_bit##order##_##bits, &shared);						\
	EXPECT_EQ(0, shared.wrong);								\
	EXPECT_EQ(0, shared.s64);								\
}
ORDERS
#undef CASES

static void do_test_own_bit(void *data, unsigned int thread)
{
	struct shared *shared = data;
	__s32 *words = &shared->s32;
	unsigned int i, wrong = 0, bit = 28 + thread;

	for (i = 0; i < ROUNDS; i++) {
		wrong += tandem_interlocked_bit_test_and_set(words, bit);
		wrong += !tandem_interlocked_bit_test_and_complement(words, bit);
		wrong += tandem_interlocked_bit_test_and_complement(words, bit);
		wrong += !tandem_interlocked_bit_test_and_reset(words, bit);
	}
	__atomic_fetch_add(&shared->wrong, wrong, __ATOMIC_RELAXED);
}

TEST(test_own_bit)
{
	struct shared shared = { 0 };

	at_once(do_test_own_bit, &shared);
	EXPECT_EQ(0, shared.wrong);
	EXPECT_EQ(0, shared.s64);
}

/* ---- 128 bits ---- */

#ifdef TANDEM_INTERLOCKED_128

#define PAIR_CASES(order)									\
TEST(returns##order##_128)									\
{												\
	__s64 memory[4] __attribute__((aligned(16))) = { 1, 2, 0x55, 0x55 };			\
	__s64 comparand[2] = { 1, 3 };								\
												\
	EXPECT_FALSE(INTERLOCKED(compare_exchange, order, 128)(memory, 8, 7, comparand));	\
	EXPECT_EQ(1, comparand[0]);								\
	EXPECT_EQ(2, comparand[1]);								\
	comparand[0] = 0;									\
	EXPECT_FALSE(INTERLOCKED(compare_exchange, order, 128)(memory, 8, 7, comparand));	\
	EXPECT_EQ(1, memory[0]);								\
	EXPECT_EQ(2, memory[1]);								\
	EXPECT_TRUE(INTERLOCKED(compare_exchange, order, 128)(memory, 8, 7, comparand));	\
	EXPECT_EQ(1, comparand[0]);								\
	EXPECT_EQ(2, comparand[1]);								\
	EXPECT_EQ(7, memory[0]);								\
	EXPECT_EQ(8, memory[1]);								\
	EXPECT_EQ(0x55, memory[2]);								\
	EXPECT_EQ(0x55, memory[3]);								\
}												\
												\
static void do_pair##order(void *data, unsigned int thread)					\
{												\
	__s64 *pair = data;									\
	unsigned int i;										\
												\
	for (i = 0; i < ROUNDS; i++) {								\
		__s64 seen[2] = { 0 };								\
												\
		while (!INTERLOCKED(compare_exchange, order, 128)(pair, seen[1] - 5,		\
								  seen[0] + 1, seen)) {		\
			if (seen[1] != -5 * seen[0])						\
				return;								\
		}										\
	}											\
}												\
												\
/* Whoever finds halves that do not belong to each other ends, and is missed. */		\
TEST(pair##order)										\
{												\
	__s64 pair[2] __attribute__((aligned(16))) = { 0 };					\
	int64_t count;										\
												\
	count = (int64_t)at_once(do_pair##order, (void *)pair);					\
	EXPECT_EQ(count, pair[0]);								\
	EXPECT_EQ(-5 * count, pair[1]);								\
}

PAIR_CASES()
PAIR_CASES(_acquire)
PAIR_CASES(_release)
PAIR_CASES(_nofence)

#endif

/* ---- Order ---- */

#define GAMES	500000

/**
 * struct games - two threads, each of which says a number and then looks what the other one said
 * @said: by each
 * @own: where each makes its barrier
 * @heard: by each, when it had said the number
 */
struct games {
	struct {
		int said __attribute__((aligned(128)));
		__s32 own __attribute__((aligned(128)));
	} player[2];
	int heard[2][GAMES + 1];
};

static void play(void *data, unsigned int thread)
{
	struct games *games = data;
	int i;

	/* The first of its rounds is enough, for two of the threads. */
	if (thread > 1 || games->heard[thread][0])
		return;
	for (i = 1; i <= GAMES; i++) {
		__atomic_store_n(&games->player[thread].said, i, __ATOMIC_RELAXED);
		tandem_interlocked_exchange(&games->player[thread].own, i);
		games->heard[thread][i] = __atomic_load_n(&games->player[!thread].said,
							  __ATOMIC_RELAXED);
	}
	games->heard[thread][0] = 1;
}

/*
 * Who did not hear a number looked before it was said, and had said its own: which the other one,
 * who looks later, must hear.
 */
TEST(full_barrier)
{
	struct games *games = aligned_alloc(128, sizeof(*games));
	int i, next, deaf = 0;

	ASSERT_NE(NULL, games);
	memset(games, 0, sizeof(*games));
	at_once(play, games);
	for (i = 1; i <= GAMES; i++) {
		next = games->heard[0][i] + 1;
		deaf += next <= GAMES && games->heard[1][next] < i;
	}
	EXPECT_EQ(0, deaf);
	free(games);
}

TEST_HARNESS_MAIN
