// SPDX-License-Identifier: GPL-2.0
/*
 * Subscriptions by the thousand: up to the cap for a user, up to what memory there is for root. The
 * one that is too many is refused, the others work, and all that they took is given back.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-many"
#define RING	(64 * 1024)
#define MOST	10000
#define ROOT	"/sys/fs/cgroup"
#define GROUP	ROOT "/t-many"
#define MIB	(1024 * 1024ULL)

FIXTURE(many)
{
	int server;
	int node;
	struct consumer bystander;
	struct query query;
	/* By children as well, who do not have the bystander's rings. */
	uint64_t *posted;
	int *fds;
};

FIXTURE_SETUP(many)
{
	const struct rlimit limit = { MOST + 100, MOST + 100 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	self->fds = malloc(MOST * sizeof(*self->fds));
	ASSERT_NE(NULL, self->fds);
	self->posted = mmap(NULL, sizeof(*self->posted), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->posted);
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, consumer_open(&self->bystander, DEVICE, MIB));
	ASSERT_EQ(0, query_open(&self->query));
}

FIXTURE_TEARDOWN(many)
{
	/* All the time nothing was lost. */
	EXPECT_EQ(*self->posted, consumer_drain(&self->bystander, NULL, NULL));
	EXPECT_LT(0, *self->posted);
	EXPECT_EQ(0, consumer_lost_records(&self->bystander));
	query_close(&self->query);
	consumer_close(&self->bystander);
	close(self->node);
	close(self->server);
	EXPECT_EQ(0, remove_device(DEVICE));
	munmap(self->posted, sizeof(*self->posted));
	free(self->fds);
}

static void post(FIXTURE_DATA(many) * self)
{
	if (!post_event(self->server, 1, TANDEM_CLASS_NORMAL, "many", 4))
		++*self->posted;
}

/* Subscribes until @most or an error, which is in *@error, and posts now and then. */
static unsigned int subscribe_many(FIXTURE_DATA(many) * self, uint64_t ring_size, unsigned int most,
				   int *error)
{
	struct tandem_subscribe args = { .ring_size = ring_size };
	unsigned int count;

	*error = 0;
	for (count = 0; count < most; count++) {
		self->fds[count] = subscribe(self->node, &args);
		if (self->fds[count] < 0) {
			*error = self->fds[count];
			break;
		}
		if (count % 64 == 0)
			post(self);
	}
	return count;
}

static void close_many(FIXTURE_DATA(many) * self, unsigned int count)
{
	while (count--) {
		close(self->fds[count]);
		if (count % 64 == 0)
			post(self);
	}
}

/* Each of them gets what is posted now, and nothing else went wrong with it. */
static bool all_work(FIXTURE_DATA(many) * self, unsigned int count)
{
	struct pollfd ready = { .events = POLLIN };
	uint8_t buffer[4096];
	unsigned int i;

	for (i = 0; i < count; i++) {
		fcntl(self->fds[i], F_SETFL, O_NONBLOCK);
		while (read(self->fds[i], buffer, sizeof(buffer)) > 0)
			;
		ready.fd = self->fds[i];
		if (poll(&ready, 1, 0))
			return false;
	}
	post(self);
	for (i = 0; i < count; i++) {
		ready.fd = self->fds[i];
		if (poll(&ready, 1, 0) != 1 || ready.revents != POLLIN)
			return false;
		if (read(self->fds[i], buffer, sizeof(buffer)) != 24 ||
		    memcmp(buffer + 16, "many", 4))
			return false;
	}
	return true;
}

/* ---- A user's ---- */

static int become_nobody(void)
{
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	       setresuid(NOBODY, NOBODY, NOBODY);
}

static int subscribe_as_nobody(FIXTURE_DATA(many) * self, unsigned int cap)
{
	struct tandem_subscribe args = { .ring_size = RING };
	int error;

	if (subscribe_many(self, RING, cap + 1, &error) != cap || error != -EDQUOT)
		return 1;
	if (!all_work(self, cap))
		return 2;
	/* One goes, one comes. */
	close(self->fds[cap / 2]);
	self->fds[cap / 2] = subscribe(self->node, &args);
	if (self->fds[cap / 2] < 0 || subscribe(self->node, &args) != -EDQUOT)
		return 3;
	close_many(self, cap);
	/* What was closed does not count, though it may not be freed yet. */
	if (subscribe_many(self, RING, cap / 8, &error) != cap / 8)
		return 4;
	close_many(self, cap / 8);
	return 0;
}

TEST_F(many, as_many_as_the_cap_of_a_user)
{
	uint64_t cap, bytes;
	char word[32];
	pid_t pid;

	ASSERT_TRUE(module_parameter("user_max_subscriptions", &cap));
	ASSERT_TRUE(module_parameter("user_max_bytes", &bytes));
	/* As the module is loaded: the count is what ends it, not the bytes. */
	ASSERT_EQ(1024, cap);
	ASSERT_LT(cap * (RING + 2 * sysconf(_SC_PAGESIZE)) * sysconf(_SC_NPROCESSORS_CONF), bytes);
	/* Fewer where each takes long. */
	cap = test_load(cap);
	snprintf(word, sizeof(word), "%ju", (uintmax_t)cap);
	ASSERT_EQ(0, write_word("/sys/module/tandem/parameters/user_max_subscriptions", word));
	pid = fork();
	if (!pid)
		_exit(become_nobody() ? 100 : subscribe_as_nobody(self, cap));
	EXPECT_EQ(0, wait_child(pid, deadline_in(60)));
}

/* ---- Root's ---- */

static uint64_t group_bytes(void)
{
	uint64_t bytes = 0;

	read_number(GROUP "/memory.current", &bytes);
	return bytes;
}

/* Moves this process. Return: 0 or -errno. */
static int join(const char *group)
{
	char path[64], pid[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", getpid());
	return write_word(path, pid);
}

/**
 * struct many - what is to be tried in a group
 * @self: by which test
 * @ring_size: with rings of this size
 * @most: this many, or until there is no memory
 * @fits: all of them must fit
 */
struct many {
	FIXTURE_DATA(many) * self;
	uint64_t ring_size;
	unsigned int most;
	bool fits;
};

static int subscribe_in_group(const struct many *many)
{
	FIXTURE_DATA(many) * self = many->self;
	const uint64_t deadline = deadline_in(20);
	uint64_t before, full;
	unsigned int count;
	int error;

	/* What the first one makes the kernel keep is there before. */
	close_many(self, subscribe_many(self, RING, 1, &error));
	before = group_bytes();
	count = subscribe_many(self, many->ring_size, many->most, &error);
	full = group_bytes();
	/* The memory of this process itself would not fit any more. */
	if (join(ROOT))
		return 1;
	fprintf(stderr, "# %u subscriptions, %ju MiB, then: %s\n", count,
		(uintmax_t)((full - before) / MIB), strerror(-error));
	if (many->fits ? count != many->most : error != -ENOMEM || !count)
		return 2;
	if (!all_work(self, count))
		return 3;
	if (query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, DEVICE) != (int)count + 1)
		return 4;
	close_many(self, count);
	while (group_bytes() > before + (full - before) / 10)
		if (deadline_passed(deadline))
			return 5;
	return 0;
}

/* Tries it in a group that has so much memory, "max" for all. Return: its wait status. */
static int run_in_group(const struct many *many, const char *memory)
{
	int status;
	pid_t pid;

	if (write_word(ROOT "/cgroup.subtree_control", "+memory") || mkdir(GROUP, 0755))
		return -1;
	pid = fork();
	if (!pid)
		_exit(write_word(GROUP "/memory.max", memory) || join(GROUP) ?
		      100 : subscribe_in_group(many));
	status = wait_child(pid, deadline_in(60));
	if (status == -ETIMEDOUT) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	rmdir(GROUP);
	return status;
}

/* Who asks for more than fits is told so, and neither he nor anybody else is killed for it. */
TEST_F(many, more_than_fit)
{
	const struct many many = { .self = self, .ring_size = 16 * MIB, .most = MOST };

	EXPECT_EQ(0, run_in_group(&many, "167772160"));
}

static uint64_t available_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uintmax_t kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %ju", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

/* Or as many as this machine has memory for. */
TEST_F(many, ten_thousand)
{
	const uint64_t each = sysconf(_SC_NPROCESSORS_ONLN) * (RING + 16 * 1024);
	const uint64_t room = available_memory() / 3 * 2 / each;
	const struct many many = {
		.self = self,
		.ring_size = RING,
		/* Where each takes long, far fewer. */
		.most = test_load(test_load(room < MOST ? room : MOST)),
		.fits = true,
	};

	EXPECT_EQ(0, run_in_group(&many, "max"));
}

TEST_HARNESS_MAIN
