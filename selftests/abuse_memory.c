// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that another process serves, and may never serve: whoever gives it to Tandem waits until
 * it comes or he is killed, and nobody waits with him.
 *
 * TIMEOUT=120
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "kselftest_harness.h"

#include "faults.h"
#include "query.h"
#include "touch.h"
#include "util.h"

FIXTURE(absent)
{
	struct touch_files files;
	struct query query;
	int subscriptions;
	int devices;
};

FIXTURE_VARIANT(absent)
{
	bool comes;
};

FIXTURE_VARIANT_ADD(absent, for_ever)
{
	.comes = false,
};

FIXTURE_VARIANT_ADD(absent, for_long)
{
	.comes = true,
};

FIXTURE_SETUP(absent)
{
	ASSERT_EQ(0, touch_open(&self->files));
	ASSERT_EQ(0, query_open(&self->query));
	self->subscriptions = query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL);
	self->devices = query_count(&self->query, TANDEM_CMD_DEVICE_GET, NULL);
}

FIXTURE_TEARDOWN(absent)
{
	EXPECT_EQ(0, touch_close(&self->files));
	query_close(&self->query);
}

struct toucher {
	const struct touch *touch;
	const struct touch_files *files;
	void *page;
};

static void *touch_page(void *data)
{
	struct toucher *toucher = data;

	toucher->touch->call(toucher->files, toucher->page);
	return NULL;
}

/* Touches a page, says so at @touched, and lets it come when @come is closed. */
static void touch(const struct touch *touch, const struct touch_files *files, int touched, int come)
{
	int faults = faults_open();
	struct toucher toucher = { touch, files, faults_page(faults) };
	pthread_t thread;
	char byte = 0;

	if (!toucher.page || pthread_create(&thread, NULL, touch_page, &toucher))
		_exit(1);
	if (!faults_wait(faults))
		_exit(2);
	if (write(touched, &byte, 1) != 1 || read(come, &byte, 1))
		_exit(3);
	if (faults_end(faults, toucher.page))
		_exit(4);
	_exit(thread_join(thread, 10) ? 5 : 0);
}

TEST_F(absent, holds_nobody_else)
{
	const uint64_t deadline = deadline_in(60);
	int faults = faults_open();
	unsigned int i;

	if (faults < 0)
		SKIP(return, "userfaultfd cannot be used here: %s", strerror(-faults));
	close(faults);
	for (i = 0; i < touches_count; i++) {
		int touched[2], come[2];
		const char *error;
		char byte;
		pid_t pid;

		ASSERT_EQ(0, pipe(touched));
		ASSERT_EQ(0, pipe(come));
		pid = fork();
		if (!pid) {
			close(come[1]);
			touch(&touches[i], &self->files, touched[1], come[0]);
		}
		close(touched[1]);
		close(come[0]);
		EXPECT_EQ(1, read(touched[0], &byte, 1)) {
			TH_LOG("%s is not touched", touches[i].name);
		}
		error = touch_others(&self->files);
		EXPECT_EQ(NULL, error) {
			TH_LOG("%s: %s", touches[i].name, error);
		}
		if (variant->comes)
			close(come[1]);
		else
			EXPECT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(variant->comes ? 0 : SIGKILL, wait_child(pid, deadline)) {
			TH_LOG("who gave %s does not end", touches[i].name);
		}
		if (!variant->comes)
			close(come[1]);
		close(touched[0]);
		touch_release();
	}
	while (query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL) > self->subscriptions) {
		ASSERT_FALSE(deadline_passed(deadline));
	}
	EXPECT_EQ(self->devices, query_count(&self->query, TANDEM_CMD_DEVICE_GET, NULL));
}

TEST_HARNESS_MAIN
