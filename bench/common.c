// SPDX-License-Identifier: GPL-2.0
/* What all measures need of the system and of the generator. */
#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#include "bench.h"

void die(int error, const char *what)
{
	if (error)
		errx(1, "%s: %s", what, tandem_strerror(error));
	errx(1, "%s", what);
}

void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cannot move to CPU %u", cpu);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

struct tandem_subscription *gen_subscribe(const struct bench *bench,
					  const struct tandem_subscribe_options *options)
{
	struct tandem_subscribe_options wanted = { 0 };
	struct tandem_subscription *sub;
	int ret;

	if (options)
		wanted = *options;
	wanted.ring_size = BENCH_RING_SIZE;
	ret = tandem_subscribe(&sub, bench->device, &wanted);
	if (ret)
		die(ret, "cannot subscribe to the generator");
	return sub;
}

uint64_t count_wakeups(const struct tandem_subscription *sub)
{
	char path[64], line[128];
	unsigned long long count;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", tandem_subscription_fd(sub));
	file = fopen(path, "re");
	if (!file)
		err(1, "cannot read %s", path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "tandem-wakeups: %llu", &count) == 1) {
			fclose(file);
			return count;
		}
	}
	die(0, "the subscription's fdinfo does not say how many wake-ups there were");
}

uint64_t gen_post(const struct bench *bench, uint64_t count, uint32_t size, uint32_t batch)
{
	struct tandem_gen_bench args = {
		.count = count,
		.size = size,
		.batch = batch,
		.event_class = TANDEM_CLASS_NORMAL,
	};

	if (ioctl(bench->device, TANDEM_GEN_IOC_BENCH, &args))
		err(1, "the generator does not post");
	return args.ns;
}

void gen_start(const struct bench *bench, unsigned int cpu, const struct tandem_gen_start *wanted)
{
	struct tandem_gen_start args = *wanted;
	uint64_t cpus = 1ULL << cpu;

	args.event_class = TANDEM_CLASS_NORMAL;
	args.size = sizeof(struct tandem_gen_event);
	args.batch = 1;
	args.cpus = (uintptr_t)&cpus;
	args.cpus_len = sizeof(cpus);
	if (ioctl(bench->device, TANDEM_GEN_IOC_START, &args))
		err(1, "the generator does not start");
}

void gen_stop(const struct bench *bench)
{
	if (ioctl(bench->device, TANDEM_GEN_IOC_STOP))
		err(1, "the generator does not stop");
}

void gen_finish(const struct bench *bench)
{
	if (ioctl(bench->device, TANDEM_GEN_IOC_WAIT))
		err(1, "the generator does not end");
	gen_stop(bench);
}
