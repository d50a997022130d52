// SPDX-License-Identifier: GPL-2.0
/*
 * The generator's runs: what it is asked for is what it posts, and nothing happens when it is asked
 * for nonsense.
 *
 * TIMEOUT=240
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "util.h"

#define RING		(1024 * 1024)
#define BIT(n)		(1U << (n))
#define TIMED		(BIT(TANDEM_GEN_SOFTIRQ) | BIT(TANDEM_GEN_HARDIRQ) | \
			 BIT(TANDEM_GEN_IRQ_WORK))

FIXTURE(context)
{
	int gen;
	struct consumer consumer;
	struct tandem_gen_start start;
	struct gen_check check;
};

FIXTURE_VARIANT(context)
{
	unsigned int context;
};

FIXTURE_VARIANT_ADD(context, process) { .context = TANDEM_GEN_PROCESS };
FIXTURE_VARIANT_ADD(context, softirq) { .context = TANDEM_GEN_SOFTIRQ };
FIXTURE_VARIANT_ADD(context, hardirq) { .context = TANDEM_GEN_HARDIRQ };
FIXTURE_VARIANT_ADD(context, irq_work) { .context = TANDEM_GEN_IRQ_WORK };

FIXTURE_SETUP(context)
{
	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open(&self->consumer, "gen", RING));
	gen_init(&self->start, BIT(TANDEM_GEN_PROCESS));
}

FIXTURE_TEARDOWN(context)
{
	gen_stop(self->gen);
	consumer_close(&self->consumer);
	close(self->gen);
}

static unsigned int cpus_online(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/* Runs @self->start to its end; 0 or -errno, and then all of it is in @self->check. */
static int run(FIXTURE_DATA(context) * self)
{
	int err = gen_start(self->gen, &self->start);

	if (!err)
		err = gen_wait(self->gen, deadline_in(60));
	gen_check_init(&self->check, &self->start);
	consumer_drain(&self->consumer, gen_check_record, &self->check);
	return err;
}

static int start_with(int gen, const struct tandem_gen_start *start)
{
	struct tandem_gen_start copy = *start;

	return gen_start(gen, &copy);
}

/* Everything that a run of @start on all CPUs should have left. */
static const char *incomplete(FIXTURE_DATA(context) * self, unsigned int context)
{
	struct tandem_gen_status status;
	unsigned int cpu;

	if (self->consumer.error)
		return self->consumer.error;
	if (consumer_lost_records(&self->consumer))
		return "records were lost";
	if (gen_status(self->gen, &status) || status.running || status.run != self->start.run)
		return "the status is not that of a run which has ended";
	for (cpu = 0; cpu < cpus_online(); cpu++)
		if (self->check.producer[cpu][context].received != self->start.count)
			return "a producer did not post as many events as it was asked for";
	if (status.posted[context] != self->start.count * cpus_online() ||
	    gen_posted(self->gen) != status.posted[context])
		return "the status tells of another number of events";
	return NULL;
}

#define EXPECT_COMPLETE(self, context) do { \
	const char *error_ = incomplete(self, context); \
	\
	EXPECT_EQ(NULL, error_) { \
		TH_LOG("%s", error_); \
	} \
} while (0)

TEST_F_TIMEOUT(context, posts_what_it_is_asked_for, 240)
{
	self->start.contexts = BIT(variant->context);
	self->start.rate = 2000;
	self->start.count = 501;
	ASSERT_EQ(0, run(self));
	EXPECT_COMPLETE(self, variant->context);
}

TEST_F_TIMEOUT(context, batches_and_sizes, 240)
{
	self->start.contexts = BIT(variant->context);
	self->start.rate = 4000;
	self->start.count = 103;
	self->start.batch = 10;
	self->start.size = 1003;
	ASSERT_EQ(0, run(self));
	EXPECT_COMPLETE(self, variant->context);
}

/* A rate that asks for more than one event a tick. */
TEST_F_TIMEOUT(context, highest_rate, 240)
{
	self->start.contexts = BIT(variant->context);
	self->start.rate = 1000000;
	self->start.count = test_load(5000);
	ASSERT_EQ(0, run(self));
	EXPECT_COMPLETE(self, variant->context);
}

TEST_F_TIMEOUT(context, rate_is_kept, 240)
{
	uint64_t begin, ns;

	self->start.contexts = BIT(variant->context);
	self->start.rate = 100;
	self->start.count = 51;
	begin = now_ns();
	ASSERT_EQ(0, run(self));
	ns = now_ns() - begin;
	/* 50 intervals of 10 ms; how late a loaded machine may be is anybody's guess. */
	EXPECT_LE(490000000, ns);
	EXPECT_COMPLETE(self, variant->context);
}

TEST_F_TIMEOUT(context, ends_when_it_is_stopped, 240)
{
	const uint64_t deadline = deadline_in(20);
	struct tandem_gen_status status, later;

	self->start.contexts = BIT(variant->context);
	self->start.rate = 1000;
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	do {
		ASSERT_EQ(0, gen_status(self->gen, &status));
		ASSERT_EQ(cpus_online(), status.running);
		ASSERT_FALSE(deadline_passed(deadline));
	} while (status.posted[variant->context] < 10);
	EXPECT_EQ(-EBUSY, start_with(self->gen, &self->start));
	EXPECT_EQ(-ETIMEDOUT, gen_wait(self->gen, now_ns()));
	ASSERT_EQ(0, gen_stop(self->gen));
	ASSERT_EQ(0, gen_status(self->gen, &status));
	EXPECT_EQ(0, status.running);
	EXPECT_EQ(0, gen_wait(self->gen, deadline));
	gen_check_init(&self->check, &self->start);
	consumer_drain(&self->consumer, gen_check_record, &self->check);
	EXPECT_EQ(NULL, self->consumer.error);
	EXPECT_EQ(status.posted[variant->context],
		  self->check.received + consumer_lost_records(&self->consumer));
	ASSERT_EQ(0, gen_status(self->gen, &later));
	EXPECT_EQ(0, memcmp(&status, &later, sizeof(status)));
}

FIXTURE(any)
{
	int gen;
	struct consumer consumer;
	struct tandem_gen_start start;
	struct gen_check check;
	uint32_t last_run;
};

FIXTURE_SETUP(any)
{
	struct tandem_gen_status status;

	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open(&self->consumer, "gen", RING));
	gen_init(&self->start, BIT(TANDEM_GEN_PROCESS));
	self->start.count = 1;
	ASSERT_EQ(0, gen_status(self->gen, &status));
	self->last_run = status.run;
}

FIXTURE_TEARDOWN(any)
{
	gen_stop(self->gen);
	consumer_close(&self->consumer);
	close(self->gen);
}

static bool nothing_happened(FIXTURE_DATA(any) * self)
{
	struct tandem_gen_status status;

	return !gen_status(self->gen, &status) && !status.running && status.run == self->last_run &&
	       !consumer_ready(&self->consumer);
}

#define EXPECT_REFUSED(error, change) do { \
	struct tandem_gen_start start = self->start; \
	\
	change; \
	EXPECT_EQ(error, gen_start(self->gen, &start)) { \
		TH_LOG("with %s", #change); \
	} \
	EXPECT_TRUE(nothing_happened(self)); \
} while (0)

TEST_F(any, bad_runs)
{
	uint64_t cpus[80] = { 1 };

	EXPECT_REFUSED(-EINVAL, start.contexts = 0);
	EXPECT_REFUSED(-EINVAL, start.contexts = BIT(TANDEM_GEN_CONTEXTS));
	EXPECT_REFUSED(-EINVAL, start.contexts |= BIT(31));
	EXPECT_REFUSED(-EINVAL, start.type = TANDEM_TYPES);
	EXPECT_REFUSED(-EINVAL, start.type = ~0U);
	EXPECT_REFUSED(-EINVAL, start.event_class = TANDEM_CLASSES);
	EXPECT_REFUSED(-EINVAL, start.size = 0);
	EXPECT_REFUSED(-EINVAL, start.size = 15);
	EXPECT_REFUSED(-EMSGSIZE, start.size = TANDEM_PAYLOAD_MAX + 1);
	EXPECT_REFUSED(-EMSGSIZE, start.size = ~0U);
	EXPECT_REFUSED(-EINVAL, start.batch = 0);
	EXPECT_REFUSED(-EINVAL, start.batch = 1025);
	EXPECT_REFUSED(-EINVAL, start.rate = ~0U);
	EXPECT_REFUSED(-EINVAL, start.flags = 2);
	EXPECT_REFUSED(-EINVAL, start.flags = TANDEM_GEN_WAIT; start.batch = 2);
	EXPECT_REFUSED(-EINVAL, start.reserved2 = 1);
	EXPECT_REFUSED(-EINVAL, start.contexts = BIT(TANDEM_GEN_SOFTIRQ));
	EXPECT_REFUSED(-EINVAL, start.contexts = BIT(TANDEM_GEN_HARDIRQ));
	EXPECT_REFUSED(-EINVAL, start.contexts |= BIT(TANDEM_GEN_IRQ_WORK));
	EXPECT_REFUSED(-EINVAL, start.cpus_len = 8);
	EXPECT_REFUSED(-EINVAL, start.cpus = (uintptr_t)cpus);
	EXPECT_REFUSED(-EINVAL, start.cpus = (uintptr_t)cpus; start.cpus_len = 7);
	EXPECT_REFUSED(-EINVAL, start.cpus = (uintptr_t)cpus; start.cpus_len = 1 << 30);
	EXPECT_REFUSED(-EFAULT, start.cpus = 8; start.cpus_len = 8);
	cpus[0] = 0;
	EXPECT_REFUSED(-EINVAL, start.cpus = (uintptr_t)cpus; start.cpus_len = sizeof(cpus));
	cpus[79] = 1ULL << 63;
	EXPECT_REFUSED(-EINVAL, start.cpus = (uintptr_t)cpus; start.cpus_len = sizeof(cpus));
}

TEST_F(any, bad_pointers)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-EFAULT, gen_start(self->gen, NULL));
	EXPECT_EQ(-EFAULT, gen_status(self->gen, NULL));
	EXPECT_EQ(-1, ioctl(self->gen, TANDEM_GEN_IOC_BENCH, 8));
	EXPECT_EQ(EFAULT, errno);
	memcpy(map, &self->start, sizeof(self->start));
	ASSERT_EQ(0, mprotect(map, page, PROT_READ));
	EXPECT_EQ(-EFAULT, gen_start(self->gen, map));
	EXPECT_EQ(-EFAULT, gen_status(self->gen, map));
	munmap(map, page);
	EXPECT_EQ(-EFAULT, gen_start(self->gen, map));
	EXPECT_TRUE(nothing_happened(self));
}

TEST_F(any, runs_are_numbered)
{
	uint32_t first;

	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	first = self->start.run;
	EXPECT_EQ(self->last_run + 1, first);
	ASSERT_EQ(0, gen_wait(self->gen, deadline_in(20)));
	/* What has ended by itself need not be stopped. */
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	EXPECT_EQ(first + 1, self->start.run);
	ASSERT_EQ(0, gen_wait(self->gen, deadline_in(20)));
	EXPECT_EQ(cpus_online(), gen_posted(self->gen));
	EXPECT_EQ(0, gen_stop(self->gen));
	EXPECT_EQ(0, gen_stop(self->gen));
}

TEST_F(any, chosen_cpus)
{
	unsigned int cpu, cpus = cpus_online();
	uint64_t mask;

	self->start.contexts |= TIMED;
	self->start.rate = 1000;
	self->start.count = 5;
	self->start.cpus = (uintptr_t)&mask;
	self->start.cpus_len = sizeof(mask);
	for (cpu = 0; cpu < cpus && cpu < 64; cpu++) {
		mask = 1ULL << cpu;
		ASSERT_EQ(0, gen_start(self->gen, &self->start));
		ASSERT_EQ(0, gen_wait(self->gen, deadline_in(20)));
		EXPECT_EQ(4 * 5, gen_posted(self->gen));
		gen_check_init(&self->check, &self->start);
		EXPECT_EQ(4 * 5, consumer_drain(&self->consumer, gen_check_record, &self->check));
		EXPECT_EQ(NULL, self->consumer.error);
		EXPECT_EQ(5, self->check.producer[cpu][TANDEM_GEN_HARDIRQ].received);
	}
}

TEST_F_TIMEOUT(any, offline_cpu, 120)
{
	uint64_t mask = 2;

	if (cpus_online() < 2)
		SKIP(return, "there is but one CPU");
	if (write_word("/sys/devices/system/cpu/cpu1/online", "0"))
		SKIP(return, "CPU 1 cannot be taken offline");
	self->start.cpus = (uintptr_t)&mask;
	self->start.cpus_len = sizeof(mask);
	EXPECT_EQ(-EINVAL, gen_start(self->gen, &self->start));
	mask = 3;
	EXPECT_EQ(-EINVAL, gen_start(self->gen, &self->start));
	EXPECT_TRUE(nothing_happened(self));
	self->start.cpus = 0;
	self->start.cpus_len = 0;
	EXPECT_EQ(0, gen_start(self->gen, &self->start));
	EXPECT_EQ(0, gen_wait(self->gen, deadline_in(20)));
	EXPECT_EQ(1, gen_posted(self->gen));
	EXPECT_EQ(0, write_word("/sys/devices/system/cpu/cpu1/online", "1"));
}

/* A CPU's producers pause while it is away; meanwhile nobody waits for them. */
TEST_F_TIMEOUT(any, cpu_goes_and_comes, 120)
{
	const uint64_t deadline = deadline_in(60);
	struct tandem_gen_status status;
	uint64_t posted;
	int i;

	if (cpus_online() < 2)
		SKIP(return, "there is but one CPU");
	self->start.contexts |= TIMED;
	self->start.rate = 1000;
	self->start.count = 0;
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	if (write_word("/sys/devices/system/cpu/cpu1/online", "0"))
		SKIP(return, "CPU 1 cannot be taken offline");
	ASSERT_EQ(0, gen_status(self->gen, &status));
	EXPECT_EQ(4 * cpus_online(), status.running);
	EXPECT_EQ(-EBUSY, start_with(self->gen, &self->start));
	ASSERT_EQ(0, write_word("/sys/devices/system/cpu/cpu1/online", "1"));
	ASSERT_EQ(0, gen_status(self->gen, &status));
	EXPECT_EQ(4 * cpus_online(), status.running);
	posted = gen_posted(self->gen);
	while (gen_posted(self->gen) < posted + 8) {
		ASSERT_FALSE(deadline_passed(deadline));
	}

	/* A run is stopped, and one ends, while it lacks a CPU. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, gen_stop(self->gen));
		self->start.count = i ? 2000 : 0;
		ASSERT_EQ(0, gen_start(self->gen, &self->start));
		ASSERT_EQ(0, write_word("/sys/devices/system/cpu/cpu1/online", "0"));
		EXPECT_EQ(0, i ? gen_wait(self->gen, deadline) : gen_stop(self->gen));
		ASSERT_EQ(0, write_word("/sys/devices/system/cpu/cpu1/online", "1"));
	}
	/* Those which were away go on where they were, up to the number asked for. */
	EXPECT_EQ(0, gen_wait(self->gen, deadline));
	EXPECT_EQ(2000 * 4 * cpus_online(), gen_posted(self->gen));
}

TEST_F(any, closing_ends_the_run)
{
	struct tandem_gen_status status;
	int other = open_node("gen", O_RDWR);

	ASSERT_LE(0, other);
	self->start.count = 0;
	self->start.rate = 1000;
	ASSERT_EQ(0, gen_start(other, &self->start));
	ASSERT_EQ(0, gen_status(self->gen, &status));
	EXPECT_EQ(cpus_online(), status.running);
	close(other);
	ASSERT_EQ(0, gen_status(self->gen, &status));
	EXPECT_EQ(0, status.running);

	/* Another file's end does nothing to it. */
	other = open_node("gen", O_RDWR);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	close(other);
	ASSERT_EQ(0, gen_status(self->gen, &status));
	EXPECT_EQ(cpus_online(), status.running);
}

TEST_F(any, flat_out)
{
	self->start.count = test_load(20000);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	ASSERT_EQ(0, gen_wait(self->gen, deadline_in(20)));
	EXPECT_EQ(self->start.count * cpus_online(), gen_posted(self->gen));
	/* It needs CPU time of others, but must not keep it all. */
	self->start.count = 0;
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	EXPECT_EQ(0, gen_stop(self->gen));
}

TEST_F(any, bench)
{
	const struct tandem_gen_bench good = { .count = 1000, .size = 16, .type = 3 };
	struct tandem_gen_bench bench = good;

	ASSERT_EQ(0, ioctl(self->gen, TANDEM_GEN_IOC_BENCH, &bench));
	EXPECT_LT(0, bench.ns);
	EXPECT_EQ(1000, consumer_drain(&self->consumer, NULL, NULL));
	bench.batch = 64;
	bench.size = 0;
	ASSERT_EQ(0, ioctl(self->gen, TANDEM_GEN_IOC_BENCH, &bench));
	EXPECT_EQ(1000, consumer_drain(&self->consumer, NULL, NULL));
	EXPECT_EQ(NULL, self->consumer.error);
}

#define EXPECT_BENCH_REFUSED(error, change) do { \
	struct tandem_gen_bench bench = { .count = 1, .size = 16 }; \
	\
	change; \
	EXPECT_EQ(-1, ioctl(self->gen, TANDEM_GEN_IOC_BENCH, &bench)); \
	EXPECT_EQ(error, errno) { \
		TH_LOG("with %s", #change); \
	} \
	EXPECT_TRUE(nothing_happened(self)); \
} while (0)

TEST_F(any, bad_benches)
{
	EXPECT_BENCH_REFUSED(EINVAL, bench.count = 0);
	EXPECT_BENCH_REFUSED(EINVAL, bench.count = 100000001);
	EXPECT_BENCH_REFUSED(EINVAL, bench.count = ~0ULL);
	EXPECT_BENCH_REFUSED(EINVAL, bench.batch = 1025);
	EXPECT_BENCH_REFUSED(EINVAL, bench.type = TANDEM_TYPES);
	EXPECT_BENCH_REFUSED(EINVAL, bench.event_class = TANDEM_CLASSES);
	EXPECT_BENCH_REFUSED(EMSGSIZE, bench.size = TANDEM_PAYLOAD_MAX + 1);
	EXPECT_BENCH_REFUSED(EMSGSIZE, bench.size = ~0U);
}

TEST_F_TIMEOUT(any, killed_bench, 120)
{
	const uint64_t deadline = deadline_in(30);
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		struct tandem_gen_bench bench = { .count = 100000000, .size = 1024 };

		_exit(ioctl(self->gen, TANDEM_GEN_IOC_BENCH, &bench) ? 1 : 0);
	}
	while (!consumer_ready(&self->consumer)) {
		ASSERT_FALSE(deadline_passed(deadline));
	}
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(SIGKILL, wait_child(child, deadline));
}

TEST_F_TIMEOUT(any, nmi, 120)
{
	const uint64_t deadline = deadline_in(30);
	unsigned int i;
	int err;

	self->start.contexts = BIT(TANDEM_GEN_NMI);
	self->start.count = 0;
	err = gen_start(self->gen, &self->start);
	if (err == -EOPNOTSUPP)
		SKIP(return, "NMIs cannot be had on this architecture");
	ASSERT_EQ(0, err);
	if (!getenv("TANDEM_NMI_PORT"))
		SKIP(return, "nobody here sends NMIs");
	/* One by one: a CPU that has not yet taken the last one takes two as one. */
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(0, system("nmi 1"));
		while (gen_posted(self->gen) < i) {
			ASSERT_FALSE(deadline_passed(deadline));
		}
	}
	gen_check_init(&self->check, &self->start);
	EXPECT_LE(5, consumer_drain(&self->consumer, gen_check_record, &self->check));
	EXPECT_EQ(NULL, self->consumer.error);
	EXPECT_EQ(0, self->check.missing);
	EXPECT_EQ(0, gen_stop(self->gen));
}

TEST_HARNESS_MAIN
