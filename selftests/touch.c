// SPDX-License-Identifier: GPL-2.0
/* Every way in which Tandem touches memory of user space. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "consumer.h"
#include "faults.h"
#include "query.h"
#include "touch.h"
#include "util.h"

#define OTHER	"t-touch-other"
#define RING	(64 * 1024)
/* Seconds that others may take. */
#define PATIENCE	5

static long control(int node, const void *in, uint32_t in_len, void *out, uint32_t out_len)
{
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_ECHO,
		.in_len = in_len,
		.in = (uintptr_t)in,
		.out_len = out_len,
		.out = (uintptr_t)out,
	};

	return ioctl(node, TANDEM_IOC_DEVICE_CONTROL, &args);
}

static int post_something(const struct touch_files *files)
{
	return post_event(files->server, 1, TANDEM_CLASS_NORMAL, "event", 5);
}

/* ---- Ways ---- */

static long control_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->gen, TANDEM_IOC_DEVICE_CONTROL, page);
}

static long control_in(const struct touch_files *files, void *page)
{
	return control(files->gen, page, 64, NULL, 0);
}

static long control_much_in(const struct touch_files *files, void *page)
{
	return control(files->gen, page, 2048, NULL, 0);
}

static long control_out(const struct touch_files *files, void *page)
{
	static const char in[64] = "in";

	return control(files->gen, in, sizeof(in), page, 64);
}

static long gen_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->gen, TANDEM_GEN_IOC_START, page);
}

static long gen_read(const struct touch_files *files, void *page)
{
	return pread(files->gen, page, 64, 0);
}

static long gen_write(const struct touch_files *files, void *page)
{
	return pwrite(files->gen, page, 64, 0);
}

static long subscribe_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->node, TANDEM_IOC_SUBSCRIBE, page);
}

static long unsubscribe_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->node, TANDEM_IOC_UNSUBSCRIBE, page);
}

static long subscribe_types(const struct touch_files *files, void *page)
{
	struct tandem_subscribe args = {
		.ring_size = RING, .types_count = 16, .types = (uintptr_t)page };

	return ioctl(files->node, TANDEM_IOC_SUBSCRIBE, &args);
}

static long bind_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->control, TANDEM_IOC_BIND, page);
}

static long remove_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->control, TANDEM_IOC_REMOVE, page);
}

static long post_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->server, TANDEM_IOC_POST, page);
}

static long post_little(const struct touch_files *files, void *page)
{
	return post_event(files->server, 1, TANDEM_CLASS_NORMAL, page, 64);
}

static long post_much(const struct touch_files *files, void *page)
{
	return post_event(files->server, 1, TANDEM_CLASS_NORMAL, page, 2048);
}

static long post_and_wait(const struct touch_files *files, void *page)
{
	struct tandem_post args = {
		.type = 1,
		.event_class = TANDEM_CLASS_NORMAL,
		.len = 64,
		.flags = TANDEM_POST_WAIT,
		.data = (uintptr_t)page,
		.timeout = TANDEM_FOREVER,
	};

	return ioctl(files->server, TANDEM_IOC_POST, &args);
}

static long snapshot_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->recorder, TANDEM_IOC_SNAPSHOT, page);
}

static long wait_argument(const struct touch_files *files, void *page)
{
	return ioctl(files->subscription, TANDEM_IOC_WAIT, page);
}

/* Only the ring of the CPU where the event is posted is sure to have anything to give. */
static long snapshot_buffer(const struct touch_files *files, void *page)
{
	char buffer[4096];
	uint32_t ring = 0;

	post_something(files);
	while (!snapshot(files->recorder, ring, buffer, sizeof(buffer), NULL))
		ring++;
	return snapshot(files->recorder, ring, page, sizeof(buffer), NULL);
}

static long read_recorder(const struct touch_files *files, void *page)
{
	post_something(files);
	return read(files->recorder, page, 4096);
}

static long read_events(const struct touch_files *files, void *page)
{
	post_something(files);
	return read(files->subscription, page, 4096);
}

const struct touch touches[] = {
	{ "a control's argument", control_argument },
	{ "a control's input", control_in },
	{ "a control's input that is large", control_much_in },
	{ "a control's output", control_out },
	{ "the argument of a half's ioctl", gen_argument },
	{ "the buffer of a half's read", gen_read },
	{ "the buffer of a half's write", gen_write },
	{ "a subscribe's argument", subscribe_argument },
	{ "a subscribe's types", subscribe_types },
	{ "an unsubscribe's argument", unsubscribe_argument },
	{ "a bind's argument", bind_argument },
	{ "a remove's argument", remove_argument },
	{ "a post's argument", post_argument },
	{ "a post's data", post_little },
	{ "a post's data that is large", post_much },
	{ "a waiting post's data", post_and_wait },
	{ "the buffer of a subscription's read", read_events },
	{ "a wait's argument", wait_argument },
	{ "a snapshot's argument", snapshot_argument },
	{ "a snapshot's buffer", snapshot_buffer },
	{ "the buffer of a flight recorder's read", read_recorder },
};

const unsigned int touches_count = sizeof(touches) / sizeof(*touches);

/* ---- Files ---- */

int touch_open(struct touch_files *files)
{
	struct tandem_subscribe recorder = {
		.ring_size = RING, .overflow = TANDEM_OVERFLOW_OVERWRITE };
	struct tandem_subscribe args = { .ring_size = RING };

	files->server = bind_device(TOUCH_DEVICE);
	files->gen = open_node("gen", O_RDWR);
	files->node = open_node(TOUCH_DEVICE, O_RDWR);
	files->control = open_node("control", O_RDWR);
	if (files->server < 0 || files->gen < 0 || files->node < 0 || files->control < 0)
		return -ENODEV;
	files->subscription = subscribe(files->node, &args);
	if (files->subscription < 0)
		return files->subscription;
	files->recorder = subscribe(files->node, &recorder);
	return files->recorder < 0 ? files->recorder : 0;
}

int touch_close(struct touch_files *files)
{
	close(files->recorder);
	close(files->subscription);
	close(files->control);
	close(files->node);
	close(files->gen);
	close(files->server);
	return remove_device(TOUCH_DEVICE);
}

/* ---- Others ---- */

static struct {
	const char *doing;
	pthread_t thread;
} others;

/* What others are at, or could not do; NULL at the end. */
static bool at(const char *doing)
{
	__atomic_store_n(&others.doing, doing, __ATOMIC_RELAXED);
	return true;
}

static bool look(void)
{
	struct query query;
	bool ok;

	if (query_open(&query))
		return false;
	ok = query_count(&query, TANDEM_CMD_DEVICE_GET, NULL) > 1 &&
	     query_count(&query, TANDEM_CMD_SERVER_GET, NULL) > 0 &&
	     query_count(&query, TANDEM_CMD_SUBSCRIPTION_GET, NULL) > 0;
	query_close(&query);
	return ok;
}

static bool map_store(int gen)
{
	char *store = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, gen, 0);

	if (store == MAP_FAILED)
		return false;
	__atomic_store_n(&store[100], 1, __ATOMIC_RELAXED);
	return !munmap(store, page_size());
}

static bool may_poll(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, 0) >= 0;
}

static bool use_half(void)
{
	char buffer[64] = "";
	int gen;

	at("others cannot open a half's device");
	gen = open_node("gen", O_RDWR);
	return gen >= 0 &&
	       at("others cannot ask a half") && !control(gen, buffer, 64, buffer, 64) &&
	       at("others cannot write to a half") && pwrite(gen, buffer, 64, 0) == 64 &&
	       at("others cannot read from a half") && pread(gen, buffer, 64, 0) == 64 &&
	       at("others cannot map a half's memory") && map_store(gen) &&
	       at("others cannot close a half's device") && !close(gen);
}

/* It never sleeps, so that it has an end whatever becomes of those it reads beside. */
static bool read_at_once(int subscription)
{
	char buffer[4096];
	const struct iovec to = { .iov_base = buffer, .iov_len = sizeof(buffer) };

	return preadv2(subscription, &to, 1, -1, RWF_NOWAIT) > 0;
}

static bool use_events(const struct touch_files *files)
{
	struct tandem_subscribe args = { .ring_size = RING };
	char buffer[64];
	int node, sub;

	at("others cannot open the device");
	node = open_node(TOUCH_DEVICE, O_RDONLY);
	at("others cannot subscribe");
	sub = subscribe(node, &args);
	return sub >= 0 &&
	       at("others cannot post") && !post_something(files) &&
	       at("others cannot read events") && read(sub, buffer, sizeof(buffer)) == 24 &&
	       at("others cannot look at the subscription") && may_poll(files->subscription) &&
	       at("others cannot read from the same subscription") &&
	       read_at_once(files->subscription) &&
	       at("others cannot read from the same flight recorder") &&
	       read_at_once(files->recorder) &&
	       at("others cannot leave events to be read") && !post_something(files) &&
	       at("others cannot unsubscribe") && !close(sub) &&
	       at("others cannot close the device") && !close(node);
}

static bool serve(void)
{
	int server;

	at("others cannot make a device");
	server = bind_device(OTHER);
	return server >= 0 &&
	       at("others cannot end a server") && !close(server) &&
	       at("others cannot remove a device") && !remove_device(OTHER);
}

static void *go_on(void *data)
{
	const struct touch_files *files = data;

	if (use_half() && use_events(files) && serve() && at("others cannot look") && look())
		at(NULL);
	return NULL;
}

const char *touch_others(const struct touch_files *files)
{
	at("others do not start");
	if (pthread_create(&others.thread, NULL, go_on, (void *)files))
		return others.doing;
	if (!thread_join(others.thread, PATIENCE))
		others.thread = 0;
	return __atomic_load_n(&others.doing, __ATOMIC_RELAXED);
}

void touch_release(void)
{
	if (others.thread)
		pthread_join(others.thread, NULL);
	others.thread = 0;
}
