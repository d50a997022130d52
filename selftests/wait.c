// SPDX-License-Identifier: GPL-2.0
/*
 * TANDEM_IOC_WAIT: what it waits for, for how long, and what ends it. That no wake-up is lost is
 * for wakeup.c.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "util.h"

#define DEVICE	"t-wait"
#define RING	(64 * 1024)
#define MS	1000000ULL
#define SECOND	(1000 * MS)

FIXTURE(wait)
{
	int server;
	int fd;
};

FIXTURE_SETUP(wait)
{
	struct tandem_subscribe args = { .ring_size = RING };

	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->fd = subscribe_by(DEVICE, &args);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(wait)
{
	close(self->fd);
	close(self->server);
	remove_device(DEVICE);
}

static int post_one(int server)
{
	return post_event(server, 3, TANDEM_CLASS_NORMAL, NULL, 0);
}

TEST_F(wait, what_is_there)
{
	EXPECT_EQ(-ETIMEDOUT, wait_for(self->fd, 0));
	ASSERT_EQ(0, post_one(self->server));
	EXPECT_EQ(0, wait_for(self->fd, 0));
	EXPECT_EQ(0, wait_for(self->fd, SECOND));
	EXPECT_EQ(0, wait_for(self->fd, TANDEM_FOREVER));
	/* It takes nothing. */
	EXPECT_EQ(0, wait_for(self->fd, 0));
}

TEST_F(wait, time_is_over)
{
	uint64_t begin = now_ns();

	EXPECT_EQ(-ETIMEDOUT, wait_for(self->fd, 1));
	EXPECT_EQ(-ETIMEDOUT, wait_for(self->fd, 50 * MS));
	EXPECT_LE(begin + 50 * MS, now_ns());
}

TEST_F(wait, bad_arguments)
{
	struct {
		struct tandem_wait args;
		uint64_t unknown;
	} larger = { .unknown = 1 };
	const unsigned int size = _IOC_SIZE(TANDEM_IOC_WAIT);
	int node = open_node(DEVICE, O_RDONLY);

	ASSERT_LE(0, node);
	EXPECT_EQ(-1, ioctl(self->fd, TANDEM_IOC_WAIT, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, TANDEM_IOC_WAIT - (1 << _IOC_SIZESHIFT), &larger));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, TANDEM_IOC_WAIT + (size << _IOC_SIZESHIFT), &larger));
	EXPECT_EQ(E2BIG, errno);
	larger.unknown = 0;
	EXPECT_EQ(-1, ioctl(self->fd, TANDEM_IOC_WAIT + (size << _IOC_SIZESHIFT), &larger));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(-1, ioctl(node, TANDEM_IOC_WAIT, &larger));
	EXPECT_EQ(ENOTTY, errno);
	close(node);
}

/* A thread that waits. */
struct waiter {
	int fd;
	pid_t tid;
	struct tandem_wait args;
	int result;
};

static void *wait_in_thread(void *data)
{
	struct waiter *waiter = data;

	__atomic_store_n(&waiter->tid, gettid(), __ATOMIC_RELEASE);
	waiter->result = ioctl(waiter->fd, TANDEM_IOC_WAIT, &waiter->args) ? -errno : 0;
	return NULL;
}

FIXTURE(waiter)
{
	struct waiter waiter;
	pthread_t thread;
	int server;
};

FIXTURE_VARIANT(waiter)
{
	uint64_t timeout;
	uint64_t watermark;
};

FIXTURE_VARIANT_ADD(waiter, for_ever)
{
	.timeout = TANDEM_FOREVER,
};

FIXTURE_VARIANT_ADD(waiter, for_long)
{
	.timeout = 1000 * SECOND,
};

FIXTURE_VARIANT_ADD(waiter, for_longer_than_there_is)
{
	.timeout = TANDEM_FOREVER - 1,
};

FIXTURE_VARIANT_ADD(waiter, with_watermark)
{
	.timeout = TANDEM_FOREVER,
	.watermark = 64,
};

static void nothing(int signal)
{
	(void)signal;
}

FIXTURE_SETUP(waiter)
{
	struct tandem_subscribe args = { .ring_size = RING, .watermark = variant->watermark };
	/* The handler asks for calls to be begun again; this one is not. */
	const struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->waiter = (struct waiter){
		.fd = subscribe_by(DEVICE, &args),
		.args.timeout = variant->timeout,
	};
	ASSERT_LE(0, self->waiter.fd);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, wait_in_thread, &self->waiter));
	ASSERT_TRUE(thread_asleep(&self->waiter.tid));
}

FIXTURE_TEARDOWN(waiter)
{
	close(self->waiter.fd);
	if (self->server >= 0)
		close(self->server);
	remove_device(DEVICE);
}

TEST_F(waiter, an_event)
{
	unsigned int i;

	/* Below the watermark nobody is woken. */
	for (i = sizeof(struct tandem_record); i < variant->watermark;
	     i += sizeof(struct tandem_record)) {
		ASSERT_EQ(0, post_one(self->server));
		ASSERT_TRUE(thread_asleep(&self->waiter.tid));
	}
	ASSERT_EQ(0, post_one(self->server));
	ASSERT_EQ(0, thread_join(self->thread, 10));
	EXPECT_EQ(0, self->waiter.result);
	EXPECT_EQ(variant->timeout, self->waiter.args.timeout);
}

TEST_F(waiter, the_end)
{
	close(self->server);
	self->server = -1;
	ASSERT_EQ(0, remove_device(DEVICE));
	ASSERT_EQ(0, thread_join(self->thread, 10));
	EXPECT_EQ(0, self->waiter.result);
}

TEST_F(waiter, a_signal)
{
	ASSERT_EQ(0, pthread_kill(self->thread, SIGUSR1));
	ASSERT_EQ(0, thread_join(self->thread, 10));
	EXPECT_EQ(-EINTR, self->waiter.result);
	if (variant->timeout == TANDEM_FOREVER) {
		EXPECT_EQ(TANDEM_FOREVER, self->waiter.args.timeout);
	} else {
		EXPECT_GT(variant->timeout, self->waiter.args.timeout);
		EXPECT_LT(500 * SECOND, self->waiter.args.timeout);
	}
}

/*
 * Who is stopped and goes on goes on waiting, and not from the start: or it would not come to an
 * end here.
 */
TEST_F(wait, stopped)
{
	const struct timespec some = { .tv_nsec = 50 * MS };
	const uint64_t deadline = deadline_in(20);
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child)
		_exit(-wait_for(self->fd, SECOND));
	do {
		nanosleep(&some, NULL);
		ASSERT_EQ(0, kill(child, SIGSTOP));
		ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
		if (WIFSTOPPED(status))
			ASSERT_EQ(0, kill(child, SIGCONT));
	} while (WIFSTOPPED(status) && !deadline_passed(deadline));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ETIMEDOUT, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
