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

/* What would be in a section: a number, a list, and an entry. */
static __s64 memory[4] __attribute__((aligned(16)));

static bool share(void)
{
	struct tandem_slist_entry *entry;
	struct tandem_slist_chain chain;
	struct tandem_slist list;

	if (tandem_interlocked_increment64(&memory[0]) != 1 ||
	    tandem_interlocked_exchange_add_release64(&memory[0], 5) != 1 ||
	    tandem_slist_init(&list, memory, sizeof(memory), 8, sizeof(*entry)))
		return false;
	entry = (struct tandem_slist_entry *)&memory[2];
	if (tandem_slist_push(&list, entry) != 1 || tandem_slist_pop(&list, &entry) != 1 ||
	    tandem_slist_push(&list, entry) != 1)
		return false;
	chain = tandem_slist_flush(&list);
	return tandem_slist_next(&chain, &entry) == 1 && tandem_slist_next(&chain, &entry) == 0;
}

static int64_t later(struct tandem_request *request)
{
	tandem_progress(request);
	tandem_reply(request, 0);
	return TANDEM_LATER;
}

static const struct tandem_server_command commands[] = {
	TANDEM_ON_IOCTL(_IOWR('x', 1, __u64), TANDEM_ACCESS_READ, later),
	TANDEM_ON_CONTROL(TANDEM_CTL_CODE(0x8000, 0x800, TANDEM_METHOD_BUFFERED, TANDEM_ACCESS_ANY),
			  TANDEM_ACCESS_ANY, 0, 16, 4, later),
	TANDEM_ON_CALL(7, later),
};

static int answer(const char *name)
{
	struct tandem_server_options options;
	struct tandem_server_ops ops;
	struct tandem_server *server;
	int ret;

	memset(&ops, 0, sizeof(ops));
	memset(&options, 0, sizeof(options));
	ops.read = later;
	options.ops = &ops;
	options.commands = commands;
	options.commands_count = 3;
	ret = tandem_server_create(&server, name, &options);
	if (ret == -EBUSY)
		ret = tandem_server_adopt(&server, 0, &options);
	if (ret)
		return ret;
	tandem_server_ready(server, 0, tandem_server_queues(server));
	ret = tandem_server_dispatch(server, 0, tandem_server_fd(server, 0));
	if (!ret)
		ret = tandem_server_run(server, 0);
	tandem_server_stop(server);
	tandem_server_destroy(server);
	return ret;
}

int main(void)
{
	uint64_t sum = 0;
	int answered = answer("-");
	int consumed = consume("no such device", &sum);
	int served = serve("this-name-is-longer-than-the-sixty-three-characters-that-fit-into-it");

	printf("%s: %s\n", tandem_version(), tandem_strerror(consumed));
	if (consumed != -EINVAL || served != -ENAMETOOLONG || answered >= 0 || sum)
		return 1;
	return share() ? 0 : 1;
}
