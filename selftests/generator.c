// SPDX-License-Identifier: GPL-2.0
/*
 * The generator's runs, and the proof that what came from them is complete.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "generator.h"
#include "util.h"

void gen_init(struct tandem_gen_start *start, uint32_t contexts)
{
	memset(start, 0, sizeof(*start));
	start->contexts = contexts;
	start->type = 1;
	start->event_class = TANDEM_CLASS_NORMAL;
	start->size = sizeof(struct tandem_gen_event);
	start->batch = 1;
}

int gen_start(int gen, struct tandem_gen_start *start)
{
	return ioctl(gen, TANDEM_GEN_IOC_START, start) ? -errno : 0;
}

int gen_stop(int gen)
{
	return ioctl(gen, TANDEM_GEN_IOC_STOP) ? -errno : 0;
}

int gen_status(int gen, struct tandem_gen_status *status)
{
	return ioctl(gen, TANDEM_GEN_IOC_STATUS, status) ? -errno : 0;
}

static void interrupt(int signal)
{
	(void)signal;
}

int gen_wait(int gen, uint64_t deadline)
{
	struct sigaction action = { .sa_handler = interrupt }, saved;
	/* It comes again, should the first one come before the wait. */
	struct itimerval timer = { .it_interval.tv_sec = 1 };
	int left = deadline_left(deadline) + 1;
	int err;

	timer.it_value.tv_sec = left / 1000;
	timer.it_value.tv_usec = left % 1000 * 1000;
	sigaction(SIGALRM, &action, &saved);
	setitimer(ITIMER_REAL, &timer, NULL);
	err = ioctl(gen, TANDEM_GEN_IOC_WAIT) ? -errno : 0;
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	sigaction(SIGALRM, &saved, NULL);
	return err == -EINTR ? -ETIMEDOUT : err;
}

uint64_t gen_posted(int gen)
{
	struct tandem_gen_status status;
	uint64_t sum = 0;
	unsigned int i;

	if (gen_status(gen, &status))
		return ~0ULL;
	for (i = 0; i < TANDEM_GEN_CONTEXTS; i++)
		sum += status.posted[i];
	return sum;
}

void gen_check_init(struct gen_check *check, const struct tandem_gen_start *start)
{
	memset(check, 0, sizeof(*check));
	check->run = start->run;
	check->size = start->size;
}

const char *gen_check_event(struct gen_check *check, const struct tandem_gen_event *event,
			    size_t size, unsigned int cpu)
{
	struct producer *producer;
	size_t i;

	if (size != check->size)
		return "a record is not of the size that was posted";
	if (event->run != check->run)
		return "a record is of another run";
	if (event->cpu != cpu || cpu >= CONSUMER_RINGS_MAX)
		return "a record is of another CPU than its ring";
	if (event->context >= TANDEM_GEN_CONTEXTS)
		return "a record is of a context that does not exist";
	for (i = 0; i < size - sizeof(*event); i++)
		if (event->fill[i] != (uint8_t)(event->seq + i))
			return "a byte of a record is not what was posted";
	producer = &check->producer[cpu][event->context];
	if (event->seq < producer->next)
		return "a record came twice or out of order";
	if (!check->late || producer->received) {
		producer->missing += event->seq - producer->next;
		check->missing += event->seq - producer->next;
	}
	producer->next = event->seq + 1;
	producer->received++;
	check->received++;
	return NULL;
}

const char *gen_check_record(void *data, const struct ring *ring,
			     const struct tandem_record *record)
{
	const struct tandem_gen_event *event = (const void *)record->data;
	struct gen_check *check = data;
	uint64_t missing = check->missing, expected;
	const char *error;

	if (record_payload(record) < sizeof(*event))
		return "a record is too short for the generator";
	error = gen_check_event(check, event, record_payload(record),
				ring->shared ? event->cpu : ring->producer->cpu);
	if (error || !check->exact)
		return error;
	missing = check->missing - missing + check->carry[event->cpu];
	expected = missing > UINT16_MAX ? UINT16_MAX : missing;
	check->carry[event->cpu] = missing - expected;
	return expected == record->lost_before ? NULL :
		"lost_before is not the gap before the record";
}
