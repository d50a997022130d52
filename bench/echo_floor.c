// SPDX-License-Identifier: GPL-2.0
/* The floor of all echoes: two processes, or two threads, that sleep and wake each other. */
#include <err.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "echo.h"

/* How often it was asked, and answered. */
static struct {
	uint32_t asked;
	uint8_t pad[124];
	uint32_t answered;
} *words;

/* FUTEX_PRIVATE_FLAG between threads, which is cheaper. */
static int private;

static void post(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	if (syscall(SYS_futex, word, FUTEX_WAKE | private, 1, NULL, NULL, 0) < 0)
		err(1, "cannot wake by a futex");
}

static void await(uint32_t *word, uint32_t value)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != value)
		if (syscall(SYS_futex, word, FUTEX_WAIT | private, seen, NULL, NULL, 0) &&
		    errno != EAGAIN && errno != EINTR)
			err(1, "cannot wait for a futex");
}

void floor_init(void)
{
	words = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (words == MAP_FAILED)
		err(1, "cannot share memory");
}

static void answer(void)
{
	uint32_t turn = 0;

	for (;;) {
		turn++;
		await(&words->asked, turn);
		post(&words->answered, turn);
	}
}

static void serve(const struct echo *echo)
{
	(void)echo;
	memset(words, 0, sizeof(*words));
	echo_ready();
	answer();
}

static void *serve_thread(void *arg)
{
	(void)arg;
	pin(0);
	answer();
	return NULL;
}

void floor_start_thread(void)
{
	pthread_t thread;

	private = FUTEX_PRIVATE_FLAG;
	memset(words, 0, sizeof(*words));
	if (pthread_create(&thread, NULL, serve_thread, NULL))
		die(0, "cannot make a thread");
}

void floor_run(struct client *client, size_t size)
{
	(void)size;
	client->turn++;
	post(&words->asked, client->turn);
	await(&words->answered, client->turn);
}

const struct echo echo_floor = {
	.name = "futex",
	.path = "/dev/null",
	.serve = serve,
};

const struct echo echo_floor_threads = {
	.name = "futex-threads",
	.path = "/dev/null",
};
