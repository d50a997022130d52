// SPDX-License-Identifier: GPL-2.0
/*
 * Conservation: what was posted is what was delivered and what was lost, whoever posts, whatever
 * the consumer does. Four producers on each CPU, and NMIs where they can be had.
 *
 * TIMEOUT=400
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "util.h"

#define RING		(64 * 1024)
#define FOUR_CONTEXTS	(1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ | \
			 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK)
#define NMI_CONTEXT	(1 << TANDEM_GEN_NMI)

FIXTURE(conserve)
{
	int gen;
	struct consumer consumer;
	struct tandem_gen_start start;
	struct gen_check check;
};

FIXTURE_SETUP(conserve)
{
	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open(&self->consumer, "gen", RING));
	gen_init(&self->start, FOUR_CONTEXTS);
	self->start.size = 40;
	self->start.rate = 2000;
	self->start.count = test_load(6000);
}

FIXTURE_TEARDOWN(conserve)
{
	gen_stop(self->gen);
	consumer_close(&self->consumer);
	close(self->gen);
}

static uint64_t drain(struct consumer *consumer, struct gen_check *check)
{
	return consumer_drain(consumer, gen_check_record, check);
}

/*
 * A few more events on each CPU bring what lost_before still withholds: the records that come
 * then tell all. @check has seen all that was drained before.
 */
static const char *balance(int gen, struct consumer *consumer, struct gen_check *check,
			   uint64_t posted)
{
	struct gen_check last_check;
	struct tandem_gen_start last;
	uint64_t lost;

	drain(consumer, check);
	if (consumer->error)
		return consumer->error;
	lost = consumer_lost_records(consumer);
	if (posted != check->received + lost)
		return "what was posted is not what was received and lost";
	if (check->missing > lost)
		return "more is missing than was lost";
	if (consumer_lost_before(consumer) > lost)
		return "the records tell of more losses than there were";

	gen_init(&last, 1 << TANDEM_GEN_PROCESS);
	/* Each can tell of so many, should all have been lost in one ring. */
	last.count = lost / UINT16_MAX + 2;
	if (gen_start(gen, &last) || gen_wait(gen, deadline_in(20)))
		return "the generator does not run";
	gen_check_init(&last_check, &last);
	drain(consumer, &last_check);
	if (consumer->error)
		return consumer->error;
	if (last_check.missing || consumer_lost_records(consumer) != lost)
		return "an event was lost though there was room";
	if (consumer_lost_before(consumer) != lost)
		return "the records do not tell of all losses";
	return NULL;
}

/* The sequence numbers must say the same: each producer posted @count. */
static const char *count_by_producer(const struct gen_check *check, unsigned int cpus,
				     uint64_t count, uint64_t lost)
{
	uint64_t gaps = 0;
	unsigned int cpu, context;

	for (cpu = 0; cpu < cpus; cpu++)
		for (context = 0; context < TANDEM_GEN_CONTEXTS; context++) {
			const struct producer *producer = &check->producer[cpu][context];

			if (!(FOUR_CONTEXTS & 1 << context) && producer->received)
				return "a context posted that was not asked to";
			if (!(FOUR_CONTEXTS & 1 << context))
				continue;
			if (producer->next > count)
				return "a producer posted more than it was asked to";
			gaps += producer->missing + count - producer->next;
		}
	return gaps == lost ? NULL : "the gaps are not what was lost";
}

/* Fails the test that calls it. */
static void expect_balance(struct __test_metadata *_metadata, FIXTURE_DATA(conserve) * self,
			   uint64_t posted)
{
	const struct consumer *consumer = &self->consumer;
	const char *error = balance(self->gen, &self->consumer, &self->check, posted);

	EXPECT_EQ(NULL, error) {
		TH_LOG("%s: posted %ju, received %ju, missing %ju, lost %ju, told %ju", error,
		       (uintmax_t)posted, (uintmax_t)self->check.received,
		       (uintmax_t)self->check.missing,
		       (uintmax_t)consumer_lost_records(consumer),
		       (uintmax_t)consumer_lost_before(consumer));
	}
}

static unsigned int cpus_online(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/* The same for a run of FOUR_CONTEXTS that has ended, whose sequence numbers must say so too. */
static void expect_all_counted(struct __test_metadata *_metadata, FIXTURE_DATA(conserve) * self)
{
	const char *error;

	drain(&self->consumer, &self->check);
	error = count_by_producer(&self->check, cpus_online(), self->start.count,
				  consumer_lost_records(&self->consumer));
	EXPECT_EQ(NULL, error) {
		TH_LOG("%s", error);
	}
	expect_balance(_metadata, self, self->start.count * 4 * cpus_online());
}

TEST_F(conserve, fast_consumer)
{
	const uint64_t deadline = deadline_in(60);
	struct tandem_gen_status status = { .running = 1 };

	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	gen_check_init(&self->check, &self->start);
	while (status.running && !deadline_passed(deadline)) {
		struct pollfd ready = { .fd = self->consumer.fd, .events = POLLIN };

		/* The run ends without an event: look again at times. */
		poll(&ready, 1, 100);
		drain(&self->consumer, &self->check);
		ASSERT_EQ(0, gen_status(self->gen, &status));
	}
	ASSERT_EQ(0, status.running);
	expect_all_counted(_metadata, self);
	EXPECT_LT(0, self->check.received);
}

TEST_F(conserve, slow_consumer)
{
	const uint64_t deadline = deadline_in(60);
	struct tandem_gen_status status = { .running = 1 };
	uint64_t random = 7;

	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	gen_check_init(&self->check, &self->start);
	/* A few records, and then nothing until the rings are nearly full or overflow. */
	while (status.running && !deadline_passed(deadline)) {
		struct ring *ring = &self->consumer.ring[next_random(&random) %
						   self->consumer.args.rings];
		const uint64_t until = ring_published(ring) + next_random(&random) % RING;
		unsigned int some = next_random(&random) % 400;
		const struct tandem_record *record;

		while (status.running && ring_published(ring) < until &&
		       ring_published(ring) - ring->cons < RING / 8 * 7 - 128)
			ASSERT_EQ(0, gen_status(self->gen, &status));
		while (some-- && (record = ring_next(&self->consumer, ring))) {
			self->consumer.error = gen_check_record(&self->check, ring, record);
			ring_release(ring);
		}
		ASSERT_EQ(NULL, self->consumer.error);
		ASSERT_EQ(0, gen_status(self->gen, &status));
	}
	ASSERT_EQ(0, status.running);
	expect_all_counted(_metadata, self);
}

/* As fast as it goes: nearly all is lost, and all of that is told. */
TEST_F(conserve, flood)
{
	const uint64_t deadline = deadline_in(60);
	struct tandem_gen_status status = { .running = 1 };

	self->start.contexts = 1 << TANDEM_GEN_PROCESS;
	self->start.rate = 0;
	self->start.batch = 16;
	self->start.count = test_load(400000);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	gen_check_init(&self->check, &self->start);
	self->check.exact = true;
	while (status.running && !deadline_passed(deadline)) {
		drain(&self->consumer, &self->check);
		ASSERT_EQ(0, gen_status(self->gen, &status));
	}
	ASSERT_EQ(0, status.running);
	self->check.exact = false;
	expect_balance(_metadata, self, self->start.count * cpus_online());
}

/* What a consumer had counted when its position was @cons. */
struct account {
	uint64_t cons;
	uint64_t records;
	uint64_t lost;
};

/*
 * Results of a consumer that is a process of its own, in shared memory. Two accounts of each ring
 * take turns, and each is complete before cons_pos says so: one of them is true whenever the
 * process dies.
 */
struct shared {
	struct gen_check check;
	struct consumer consumer;
	struct account account[CONSUMER_RINGS_MAX][2];
	uint64_t drained;
	bool stop;
};

static const char *check_and_account(void *data, const struct ring *ring,
				     const struct tandem_record *record)
{
	struct shared *shared = data;
	struct account *account = &shared->account[ring->producer->cpu][ring->records & 1];
	const char *error = gen_check_record(&shared->check, ring, record);

	account->records = ring->records;
	account->lost = ring->lost;
	__atomic_store_n(&account->cons, ring->cons, __ATOMIC_RELEASE);
	return error;
}

static struct shared *share(void)
{
	return mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* The child maps the parent's subscription for itself: mappings are not inherited. */
static pid_t start_child(const struct consumer *parent, struct shared *shared)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	shared->consumer.fd = parent->fd;
	shared->consumer.args = parent->args;
	if (consumer_map(&shared->consumer))
		_exit(2);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		struct pollfd ready = { .fd = parent->fd, .events = POLLIN };

		poll(&ready, 1, 100);
		consumer_drain(&shared->consumer, check_and_account, shared);
		__atomic_add_fetch(&shared->drained, 1, __ATOMIC_RELEASE);
	}
	consumer_drain(&shared->consumer, check_and_account, shared);
	_exit(shared->consumer.error ? 3 : 0);
}

static bool wait_drained(struct shared *shared, uint64_t deadline)
{
	uint64_t then = __atomic_load_n(&shared->drained, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&shared->drained, __ATOMIC_ACQUIRE) < then + 2)
		if (deadline_passed(deadline) || sched_yield())
			return false;
	return true;
}

/* Waits until @count more events were posted. */
static bool wait_posted(int gen, uint64_t count, uint64_t deadline)
{
	const uint64_t until = gen_posted(gen) + count;

	while (gen_posted(gen) < until)
		if (deadline_passed(deadline) || sched_yield())
			return false;
	return true;
}

TEST_F(conserve, stopped_consumer)
{
	const uint64_t deadline = deadline_in(60);
	struct shared *shared = share();
	unsigned int i, cpu;
	uint64_t posted;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, shared);
	self->start.count = 0;
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	gen_check_init(&shared->check, &self->start);
	pid = start_child(&self->consumer, shared);
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(wait_drained(shared, deadline));
		ASSERT_EQ(0, kill(pid, SIGSTOP));
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		/* More than the rings hold. */
		ASSERT_TRUE(wait_posted(self->gen, 3 * RING / 56, deadline));
		ASSERT_EQ(0, kill(pid, SIGCONT));
	}
	ASSERT_TRUE(wait_drained(shared, deadline));
	ASSERT_EQ(0, gen_stop(self->gen));
	posted = gen_posted(self->gen);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	EXPECT_EQ(0, wait_child(pid, deadline)) {
		TH_LOG("%s", shared->consumer.error);
	}

	self->check = shared->check;
	for (cpu = 0; cpu < self->consumer.args.rings; cpu++) {
		self->consumer.ring[cpu].cons = shared->consumer.ring[cpu].cons;
		self->consumer.ring[cpu].lost = shared->consumer.ring[cpu].lost;
	}
	EXPECT_LT(0, consumer_lost_records(&self->consumer));
	expect_balance(_metadata, self, posted);
}

/*
 * A consumer that is killed has consumed what its cons_pos says; the next one goes on there, and
 * none is missing between them.
 */
TEST_F(conserve, killed_consumer)
{
	const uint64_t deadline = deadline_in(60);
	struct shared *shared = share();
	uint64_t told = 0, posted, received = 0;
	unsigned int i, cpu;

	ASSERT_NE(MAP_FAILED, shared);
	self->start.count = 0;
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	for (i = 0; i < 5; i++) {
		uint64_t from[CONSUMER_RINGS_MAX];
		pid_t pid;

		memset(shared, 0, sizeof(*shared));
		gen_check_init(&shared->check, &self->start);
		shared->check.late = true;
		for (cpu = 0; cpu < self->consumer.args.rings; cpu++)
			from[cpu] = self->consumer.ring[cpu].consumer->cons_pos;
		pid = start_child(&self->consumer, shared);
		ASSERT_TRUE(wait_drained(shared, deadline));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(SIGKILL, wait_child(pid, deadline));
		ASSERT_EQ(NULL, shared->consumer.error);
		ASSERT_TRUE(wait_posted(self->gen, 3 * RING / 56, deadline));
		for (cpu = 0; cpu < self->consumer.args.rings; cpu++) {
			struct ring *ring = &self->consumer.ring[cpu];
			const uint64_t to = ring->consumer->cons_pos;

			ASSERT_LE(from[cpu], to);
			if (from[cpu] != to) {
				const struct account *account = shared->account[cpu];

				account += account->cons != to;
				ASSERT_EQ(to, account->cons);
				told += account->lost;
				received += account->records;
			}
			ring->cons = to;
		}
	}
	ASSERT_EQ(0, gen_stop(self->gen));
	posted = gen_posted(self->gen);
	gen_check_init(&self->check, &self->start);
	self->check.late = true;
	drain(&self->consumer, &self->check);
	EXPECT_EQ(NULL, self->consumer.error);
	received += self->check.received;
	EXPECT_EQ(posted, received + consumer_lost_records(&self->consumer));
	self->check.received = received;
	self->check.missing = 0;
	self->consumer.ring[0].lost += told;
	expect_balance(_metadata, self, posted);
}

/* A consumer that dies with its subscription harms nobody, and the next one begins anew. */
TEST_F(conserve, restarted_consumer)
{
	const uint64_t deadline = deadline_in(60);
	unsigned int i;

	/* Without an end, or the last would wait for events that do not come. */
	self->start.count = 0;
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	gen_check_init(&self->check, &self->start);
	for (i = 0; i < 20; i++) {
		pid_t pid = fork();
		int ended;

		if (!pid) {
			struct consumer own;
			static struct gen_check check;

			gen_check_init(&check, &self->start);
			check.late = true;
			if (consumer_open(&own, "gen", RING))
				_exit(2);
			while (check.received < 50 && !own.error && !deadline_passed(deadline)) {
				drain(&own, &check);
				drain(&own, &check);
			}
			_exit(own.error ? 3 : 0);
		}
		do {
			drain(&self->consumer, &self->check);
			ASSERT_FALSE(deadline_passed(deadline));
		} while (!waitpid(pid, &ended, WNOHANG));
		ASSERT_EQ(0, ended);
	}
	ASSERT_EQ(0, gen_stop(self->gen));
	expect_balance(_metadata, self, gen_posted(self->gen));
}

/* NMIs come while all the others post: they interrupt each of them at any instruction. */
TEST_F(conserve, nmi)
{
	const uint64_t deadline = deadline_in(120);
	char count[16];
	char *const arguments[] = { "nmi", count, NULL };
	uint64_t posted;
	pid_t pid;
	int err;

	if (!getenv("TANDEM_NMI_PORT"))
		SKIP(return, "no way to inject NMIs");
	snprintf(count, sizeof(count), "%ju", (uintmax_t)test_load(2000));
	self->start.contexts |= NMI_CONTEXT;
	self->start.count = 0;
	err = gen_start(self->gen, &self->start);
	if (err == -EOPNOTSUPP)
		SKIP(return, "the generator cannot take NMIs here");
	ASSERT_EQ(0, err);
	gen_check_init(&self->check, &self->start);
	ASSERT_EQ(0, posix_spawnp(&pid, "nmi", NULL, NULL, arguments, environ));
	for (;;) {
		int status;
		pid_t ended = waitpid(pid, &status, WNOHANG);

		drain(&self->consumer, &self->check);
		ASSERT_FALSE(deadline_passed(deadline));
		ASSERT_LE(0, ended);
		if (!ended)
			continue;
		ASSERT_EQ(0, status);
		break;
	}
	ASSERT_EQ(0, gen_stop(self->gen));
	posted = gen_posted(self->gen);
	drain(&self->consumer, &self->check);
	EXPECT_LT(0, self->check.producer[0][TANDEM_GEN_NMI].received);
	expect_balance(_metadata, self, posted);
}

TEST_HARNESS_MAIN
