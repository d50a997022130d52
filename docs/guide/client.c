// SPDX-License-Identifier: GPL-2.0
/* Requests to the meter. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guide.h"

/* [open-user] */
int meter_connect(void)
{
	return tandem_open("meter", O_RDWR);
}

/* [end] */

/* [control-user] */
int meter_set_range(int fd, uint32_t low, uint32_t high)
{
	struct meter_range range = { .low = low, .high = high };

	return tandem_control(fd, METER_CODE_SET_RANGE, &range, sizeof(range), NULL, 0, NULL);
}

int meter_latest(int fd, uint32_t *samples, size_t room, size_t *count)
{
	size_t returned = 0;
	int ret = tandem_control(fd, METER_CODE_LATEST, NULL, 0, samples,
				 room * sizeof(*samples), &returned);

	*count = returned / sizeof(*samples);
	return ret == -EOVERFLOW ? 0 : ret;
}

/* [end] */

/* [ioc-user] */
int meter_get_range(int fd, struct meter_range *range)
{
	return ioctl(fd, METER_IOC_GET_RANGE, range) ? -errno : 0;
}

/* [end] */

/* [read-user] */
int meter_read(int fd, uint32_t *sample)
{
	return read(fd, sample, sizeof(*sample)) < 0 ? -errno : 0;
}

int meter_write(int fd, uint32_t sample)
{
	return write(fd, &sample, sizeof(sample)) < 0 ? -errno : 0;
}

int meter_read_timeout(int fd, uint32_t *sample, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int ready = poll(&pollfd, 1, timeout_ms);

	if (ready < 0)
		return -errno;
	return ready ? meter_read(fd, sample) : -ETIMEDOUT;
}

/* [end] */

/* [section-user] */
const uint32_t *meter_map(int fd)
{
	void *history = mmap(NULL, METER_HISTORY_SIZE, PROT_READ, MAP_SHARED, fd, 0);

	return history == MAP_FAILED ? NULL : history;
}

void meter_unmap(const uint32_t *history)
{
	munmap((void *)history, METER_HISTORY_SIZE);
}

/* [end] */

/* [error] */
int meter_explain(int error, char *text, size_t size)
{
	return snprintf(text, size, "The meter does not answer: %s (%s).", tandem_strerror(error),
			strerrorname_np(-error));
}

/* [end] */
