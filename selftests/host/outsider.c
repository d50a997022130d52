// SPDX-License-Identifier: GPL-2.0
/*
 * A program of somebody else, in C and in C++: it needs every function of the library, and only
 * what is installed.
 */
#include <tandem.h>
#include <tandem/interlocked.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int on_event(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	uint64_t *sum = (uint64_t *)arg;

	*sum += record->time + tandem_record_cpu(sub);
	return 0;
}

static int consume(const char *name, uint64_t *sum)
{
	struct tandem_subscribe_options options;
	struct tandem_subscription *sub;
	struct tandem_counters counters;
	const struct tandem_record *record;
	int device, ret;

	device = tandem_open(name, O_RDONLY);
	if (device < 0)
		return device;
	tandem_control(device, 1, NULL, 0, NULL, 0, NULL);
	memset(&options, 0, sizeof(options));
	ret = tandem_subscribe(&sub, device, &options);
	if (ret)
		return ret;
	tandem_on(sub, TANDEM_TYPES, on_event, sum);
	ret = tandem_wait(sub, 0);
	while ((record = tandem_next(sub)))
		*sum += record->time;
	tandem_release(sub);
	tandem_dispatch(sub, 0);
	tandem_arm(sub);
	tandem_subscription_counters(sub, &counters);
	*sum += counters.delivered + tandem_subscription_fd(sub);
	tandem_unsubscribe(sub);
	return ret;
}

static int serve(const char *name)
{
	int fd = tandem_bind(name, NULL, NULL);

	if (fd < 0)
		return fd;
	tandem_post(fd, 1, TANDEM_CLASS_NORMAL, "x", 1);
	return tandem_remove(name);
}

static bool share(void)
{
	__s64 count = 0;

	return tandem_interlocked_increment64(&count) == 1 &&
	       tandem_interlocked_exchange_add_release64(&count, 5) == 1 &&
	       tandem_interlocked_compare_exchange64(&count, 0, 6) == 6 && !count;
}

int main(void)
{
	uint64_t sum = 0;
	int consumed = consume("no such device", &sum);
	int served = serve("this-name-is-longer-than-the-sixty-three-characters-that-fit-into-it");

	printf("%s: %s\n", tandem_version(), tandem_strerror(consumed));
	return consumed == -EINVAL && served == -ENAMETOOLONG && !sum && share() ? 0 : 1;
}
