// SPDX-License-Identifier: GPL-2.0
/* Events of the meter. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "guide.h"

/* [inverted] */
int alarm_subscribe(struct tandem_subscription **sub, int fd)
{
	static const uint16_t types[] = { METER_ALARM };
	const struct tandem_subscribe_options options = { .types = types, .types_count = 1 };

	return tandem_subscribe(sub, fd, &options);
}

int alarm_wait(struct tandem_subscription *sub, uint32_t *sample)
{
	const struct tandem_record *record;
	int ret;

	while (!(record = tandem_next(sub))) {
		ret = tandem_wait(sub, -1);
		if (ret < 0)
			return ret;
	}
	memcpy(sample, record->data, sizeof(*sample));
	tandem_release(sub);
	return 0;
}

/* [end] */

/* [callback] */
static int on_sample(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	struct tally *tally = arg;
	uint32_t sample;

	(void)sub;
	memcpy(&sample, record->data, sizeof(sample));
	tally->samples++;
	tally->sum += sample;
	return 0;
}

static int on_alarm(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	struct tally *tally = arg;

	(void)sub;
	(void)record;
	tally->alarms++;
	return 0;
}

int tally_events(struct tandem_subscription *sub, struct tally *tally, unsigned int until)
{
	int ret = tandem_on(sub, METER_SAMPLE, on_sample, tally);

	if (!ret)
		ret = tandem_on(sub, METER_ALARM, on_alarm, tally);
	while (ret >= 0 && tally->samples < until) {
		ret = tandem_dispatch(sub, 0);
		if (!ret)
			ret = tandem_wait(sub, -1);
	}
	return ret < 0 ? ret : 0;
}

/* [end] */

/* [wait-many] */
/* Which of them has something: 0 the subscription, 1 the other. */
int alarm_wait_either(struct tandem_subscription *sub, int other_fd)
{
	struct pollfd fds[] = {
		{ .fd = tandem_subscription_fd(sub), .events = POLLIN },
		{ .fd = other_fd, .events = POLLIN },
	};
	int ret = tandem_arm(sub);

	if (ret)
		return ret < 0 ? ret : 0;
	if (poll(fds, 2, -1) < 0)
		return -errno;
	return fds[0].revents ? 0 : 1;
}

/* [end] */
