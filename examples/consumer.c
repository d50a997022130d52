// SPDX-License-Identifier: GPL-2.0
/* The smallest consumer: prints what the device "hello" tells, until it is interrupted. */
#include <fcntl.h>
#include <stdio.h>

#include <tandem.h>

static int print(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	(void)sub;
	(void)arg;
	printf("%d: %.*s\n", TANDEM_RECORD_TYPE(record->type_flags),
	       (int)(record->len - sizeof(*record)), (const char *)record->data);
	return fflush(stdout);
}

int main(void)
{
	struct tandem_subscription *sub;
	int fd = tandem_open("hello", O_RDONLY);
	int error = fd < 0 ? fd : tandem_subscribe(&sub, fd, NULL);

	if (!error)
		error = tandem_on(sub, TANDEM_TYPES, print, NULL);
	while (error >= 0) {
		error = tandem_wait(sub, -1);
		if (error > 0)
			error = tandem_dispatch(sub, 0);
	}
	fprintf(stderr, "hello: %s\n", tandem_strerror(error));
	return 1;
}
