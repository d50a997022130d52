// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that another process serves, and may never serve: whoever gives it to Tandem waits until
 * it comes, or cannot come any more, or he is killed; and nobody waits with him.
 *
 * TIMEOUT=180
 */
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "touch.h"
#include "util.h"
#include "withheld.h"

FIXTURE(withheld)
{
	struct touch_files files;
	struct query query;
	int subscriptions;
	int devices;
};

enum end {
	IT_IS_KILLED,
	PAGE_COMES,
	SERVER_ENDS,
};

FIXTURE_VARIANT(withheld)
{
	enum withheld_kind kind;
	enum end end;
};

FIXTURE_VARIANT_ADD(withheld, by_userfault_for_ever)
{
	.kind = WITHHELD_USERFAULT,
	.end = IT_IS_KILLED,
};

FIXTURE_VARIANT_ADD(withheld, by_userfault_for_long)
{
	.kind = WITHHELD_USERFAULT,
	.end = PAGE_COMES,
};

FIXTURE_VARIANT_ADD(withheld, by_fuse_for_ever)
{
	.kind = WITHHELD_FUSE,
	.end = IT_IS_KILLED,
};

FIXTURE_VARIANT_ADD(withheld, by_fuse_for_long)
{
	.kind = WITHHELD_FUSE,
	.end = PAGE_COMES,
};

FIXTURE_VARIANT_ADD(withheld, by_fuse_until_its_server_ends)
{
	.kind = WITHHELD_FUSE,
	.end = SERVER_ENDS,
};

FIXTURE_SETUP(withheld)
{
	ASSERT_EQ(0, touch_open(&self->files));
	ASSERT_EQ(0, query_open(&self->query));
	self->subscriptions = query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL);
	self->devices = query_count(&self->query, TANDEM_CMD_DEVICE_GET, NULL);
}

FIXTURE_TEARDOWN(withheld)
{
	EXPECT_EQ(0, touch_close(&self->files));
	query_close(&self->query);
}

/* No errno. */
#define NO_PAGE	255

/* Ends with the errno of the call, or 0. */
static void touch(const struct touch *touch, const struct touch_files *files,
		  struct withheld *withheld)
{
	void *page = withheld_page(withheld);

	if (!page)
		_exit(NO_PAGE);
	_exit(touch->call(files, page) < 0 ? errno : 0);
}

/* How it ends. Return: NULL, or what is wrong with that. */
static const char *end_it(struct withheld *withheld, enum end end, pid_t pid)
{
	int status;

	switch (end) {
	case IT_IS_KILLED:
		kill(pid, SIGKILL);
		break;
	case PAGE_COMES:
		if (withheld_give(withheld))
			return "the page cannot be given";
		break;
	case SERVER_ENDS:
		withheld_close(withheld);
		break;
	}
	status = wait_child(pid, deadline_in(10));
	if (end != SERVER_ENDS)
		withheld_close(withheld);
	if (status == -ETIMEDOUT)
		return "who waits for its page does not end";
	if (WIFSIGNALED(status))
		return end == IT_IS_KILLED ? NULL : "who waits for its page dies";
	if (WEXITSTATUS(status) == NO_PAGE || end == IT_IS_KILLED)
		return "nobody waits for its page";
	if (end == SERVER_ENDS)
		return WEXITSTATUS(status) == EFAULT ? NULL :
						       "a page that cannot come is no EFAULT";
	return WEXITSTATUS(status) == EFAULT ? "a page that comes is an EFAULT" : NULL;
}

TEST_F(withheld, holds_nobody_else)
{
	const char *missing = withheld_missing(variant->kind);
	const uint64_t deadline = deadline_in(60);
	unsigned int i;

	if (missing)
		SKIP(return, "%s", missing);
	for (i = 0; i < touches_count; i++) {
		struct withheld withheld;
		const char *error;
		pid_t pid;

		ASSERT_EQ(0, withheld_open(&withheld, variant->kind));
		pid = fork();
		if (!pid)
			touch(&touches[i], &self->files, &withheld);
		EXPECT_TRUE(withheld_wait(&withheld, pid)) {
			TH_LOG("%s is not touched", touches[i].name);
		}
		error = touch_others(&self->files);
		EXPECT_EQ(NULL, error) {
			TH_LOG("%s: %s", touches[i].name, error);
		}
		error = end_it(&withheld, variant->end, pid);
		EXPECT_EQ(NULL, error) {
			TH_LOG("%s: %s", touches[i].name, error);
		}
		touch_release();
	}
	while (query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL) > self->subscriptions)
		ASSERT_FALSE(deadline_passed(deadline));
	EXPECT_EQ(self->devices, query_count(&self->query, TANDEM_CMD_DEVICE_GET, NULL));
}

/* Larger than what one allocation from the page allocator can be. */
#define LARGE	(8 * 1024 * 1024)

/* Is there memory that a function of this name took by vmalloc()? */
static bool holds(const char *function)
{
	FILE *list = fopen("/proc/vmallocinfo", "r");
	bool found = false;
	char line[512];

	while (!found && fgets(line, sizeof(line), list))
		found = strstr(line, function);
	fclose(list);
	return found;
}

static long snapshot_large(const struct touch_files *files, void *page)
{
	uint32_t ring = 0;

	while (!snapshot(files->recorder, ring, page, LARGE, NULL))
		ring++;
	return -1;
}

/* Else somebody with many threads could have as many copies of his rings in the kernel. */
TEST(snapshot_that_waits_holds_no_copy)
{
	const char *missing = withheld_missing(WITHHELD_USERFAULT);
	const struct touch large = { "a snapshot", snapshot_large };
	struct tandem_subscribe args = {
		.ring_size = LARGE, .overflow = TANDEM_OVERFLOW_OVERWRITE };
	struct touch_files files;
	struct withheld withheld;
	pid_t pid;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, touch_open(&files));
	close(files.recorder);
	files.recorder = subscribe(files.node, &args);
	ASSERT_LE(0, files.recorder);
	ASSERT_EQ(0, post_event(files.server, 1, TANDEM_CLASS_NORMAL, "event", 5));
	/* What is looked for below is found, where it should be. */
	EXPECT_TRUE(holds("tandem_ring_prepare"));
	ASSERT_EQ(0, withheld_open(&withheld, WITHHELD_USERFAULT));
	pid = fork();
	if (!pid)
		touch(&large, &files, &withheld);
	EXPECT_TRUE(withheld_wait(&withheld, pid));
	EXPECT_FALSE(holds("tandem_recorder_snapshot"));
	EXPECT_EQ(NULL, end_it(&withheld, IT_IS_KILLED, pid));
	EXPECT_EQ(0, touch_close(&files));
}

TEST_HARNESS_MAIN
