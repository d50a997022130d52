// SPDX-License-Identifier: GPL-2.0
/*
 * What operations on a device take that another process serves: from a client's system call to its
 * return.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "echo.h"
#include "peer.h"

#define ROUNDS		50
#define SAMPLES		10000
#define CLIENTS_MAX	32

/**
 * struct operation - what is measured
 * @name: in the results
 * @run: once
 * @size: bytes that it moves
 * @turns: of the shorter loop
 * @clients: threads that do it at once
 */
struct operation {
	const char *name;
	void (*run)(struct client *client, size_t size);
	uint32_t size;
	unsigned int turns;
	unsigned int clients;
};

/* Of the server, which is a process: it writes a byte when it begins. */
static int ready_pipe[2];

unsigned char echo_stored[ECHO_SIZE];

void echo_ready(void)
{
	if (write(ready_pipe[1], "", 1) != 1)
		err(1, "cannot say that a device is served");
}

/* ---- Operations ---- */

static void run_ioctl(struct client *client, size_t size)
{
	uint32_t value = 0;

	(void)size;
	if (ioctl(client->fd, ECHO_IOC_VALUE, &value) || value != ECHO_VALUE)
		err(1, "%s: no answer", client->echo->path);
}

static void run_read(struct client *client, size_t size)
{
	if (read(client->fd, client->buffer, size) != (ssize_t)size)
		err(1, "%s: not all was read", client->echo->path);
}

static void run_write(struct client *client, size_t size)
{
	if (write(client->fd, client->buffer, size) != (ssize_t)size)
		err(1, "%s: not all was written", client->echo->path);
}

static void run_poll(struct client *client, size_t size)
{
	struct pollfd pollfd = { .fd = client->fd, .events = POLLIN | POLLOUT };

	(void)size;
	if (poll(&pollfd, 1, 0) != 1)
		err(1, "%s: is not ready", client->echo->path);
}

static void run_open(struct client *client, size_t size)
{
	int fd = open(client->echo->path, O_RDWR | O_CLOEXEC);

	(void)size;
	if (fd < 0)
		err(1, "%s: cannot be opened", client->echo->path);
	close(fd);
}

static const struct operation operations[] = {
	{ "ioctl", run_ioctl, 4, 64, 1 },
	{ "read", run_read, 4096, 64, 1 },
	{ "write", run_write, 4096, 64, 1 },
	{ "ioctl", run_ioctl, 4, 8, CLIENTS_MAX },
	{ "read", run_read, 4096, 8, CLIENTS_MAX },
	{ "write", run_write, 4096, 8, CLIENTS_MAX },
	{ "read", run_read, ECHO_SIZE, 4, 1 },
	{ "poll", run_poll, 0, 64, 1 },
	{ "open and close", run_open, 0, 64, 1 },
};

/* ---- Measuring ---- */

static pid_t start_server(const struct echo *echo)
{
	pid_t pid;
	char byte;

	if (pipe2(ready_pipe, O_CLOEXEC))
		err(1, "cannot make a pipe");
	pid = fork();
	if (pid < 0)
		err(1, "cannot fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready_pipe[0]);
		pin(0);
		echo->serve(echo);
		_exit(1);
	}
	close(ready_pipe[1]);
	if (read(ready_pipe[0], &byte, 1) != 1)
		die(0, "the server has not begun");
	close(ready_pipe[0]);
	return pid;
}

static void end_server(const struct echo *echo, pid_t pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		err(1, "the server is gone");
	if (echo->remove)
		echo->remove();
}

/* One measure, by as many threads as it has clients; the first of them times. */
struct measure {
	const struct operation *operation;
	const struct echo *echo;
	unsigned int cpu;
	pthread_barrier_t barrier;
	uint64_t once[ROUNDS];
	uint64_t twice[ROUNDS];
};

static uint64_t run_turns(struct measure *m, struct client *client, unsigned int turns)
{
	uint64_t begin;

	pthread_barrier_wait(&m->barrier);
	begin = now_ns();
	while (turns--)
		m->operation->run(client, m->operation->size);
	pthread_barrier_wait(&m->barrier);
	return now_ns() - begin;
}

static void run_rounds(struct measure *m, bool times)
{
	struct client client = { .echo = m->echo };
	unsigned int turns = m->operation->turns;
	unsigned int i;

	pin(m->cpu);
	client.fd = open(m->echo->path, O_RDWR | O_CLOEXEC);
	client.buffer = calloc(1, ECHO_SIZE);
	if (client.fd < 0 || !client.buffer)
		err(1, "cannot open %s", m->echo->path);
	run_turns(m, &client, turns);
	for (i = 0; i < ROUNDS; i++) {
		uint64_t once = run_turns(m, &client, turns);
		uint64_t twice = run_turns(m, &client, 2 * turns);

		if (times) {
			m->once[i] = once;
			m->twice[i] = twice;
		}
	}
	free(client.buffer);
	close(client.fd);
}

static void *help(void *arg)
{
	run_rounds(arg, false);
	return NULL;
}

static void measure(const struct echo *echo, const struct operation *operation, unsigned int cpu)
{
	struct measure m = { .operation = operation, .echo = echo, .cpu = cpu };
	pthread_t threads[CLIENTS_MAX];
	unsigned int i;
	char group[64];

	if (pthread_barrier_init(&m.barrier, NULL, operation->clients))
		die(0, "cannot make a barrier");
	for (i = 1; i < operation->clients; i++)
		if (pthread_create(&threads[i], NULL, help, &m))
			die(0, "cannot make a thread");
	run_rounds(&m, true);
	for (i = 1; i < operation->clients; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&m.barrier);

	snprintf(group, sizeof(group), "request, %s", operation->name);
	peer_result(group, echo->name, operation->size, operation->clients,
		    cpu ? "another CPU" : "same CPU",
		    (median(m.twice, ROUNDS) - median(m.once, ROUNDS)) / operation->turns /
			    operation->clients);
}

/* How often the server's only thread has fallen asleep. */
static uint64_t count_sleeps(pid_t server)
{
	char path[64], line[128];
	unsigned long long count;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", server);
	file = fopen(path, "re");
	if (!file)
		err(1, "cannot read %s", path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &count) == 1) {
			fclose(file);
			return count;
		}
	}
	die(0, "it is not known how often the server has slept");
}

/* One by one: how far they lie apart. */
static void measure_spread(const struct echo *echo, pid_t server, unsigned int cpu, bool counts)
{
	/* Where only the sleeps are looked at, and another CPU has to be woken, fewer will do. */
	unsigned int count = counts ? SAMPLES : SAMPLES / 10;
	static uint64_t samples[SAMPLES];
	struct client client = { .echo = echo };
	uint64_t sleeps;
	char group[64];
	unsigned int i;

	pin(cpu);
	client.fd = open(echo->path, O_RDWR | O_CLOEXEC);
	if (client.fd < 0)
		err(1, "cannot open %s", echo->path);
	run_ioctl(&client, 0);
	sleeps = count_sleeps(server);
	for (i = 0; i < count; i++) {
		samples[i] = now_ns();
		run_ioctl(&client, 0);
		samples[i] = now_ns() - samples[i];
	}
	sleeps = count_sleeps(server) - sleeps;
	close(client.fd);
	sort(samples, count);
	snprintf(group, sizeof(group), "request, each, %s CPU", cpu ? "another" : "same");
	peer_result(group, echo->name, 4, 1, "p50", samples[count / 2]);
	peer_result(group, echo->name, 4, 1, "p99.9", samples[count * 999 / 1000]);
	peer_result(group, echo->name, 4, 1, "sleeps", (double)sleeps / count);
}

static void measure_floor(unsigned int cpu)
{
	static const struct operation operation = { "ioctl", floor_run, 4, 64, 1 };
	pid_t pid = start_server(&echo_floor);
	int status;

	measure(&echo_floor, &operation, cpu);
	end_server(&echo_floor, pid);

	pid = fork();
	if (pid < 0)
		err(1, "cannot fork");
	if (!pid) {
		floor_start_thread();
		measure(&echo_floor_threads, &operation, cpu);
		exit(EXIT_SUCCESS);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die(0, "two threads could not be measured");
}

static void measure_all(const struct echo *echo, unsigned int cpu, bool counts)
{
	pid_t pid = start_server(echo);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		measure(echo, &operations[i], cpu);
	measure_spread(echo, pid, cpu, counts);
	end_server(echo, pid);
}

int main(int argc, char **argv)
{
	bool counts;

	if (argc != 2 || (strcmp(argv[1], "instructions") && strcmp(argv[1], "time")))
		errx(2, "usage: %s instructions|time", argv[0]);
	counts = !strcmp(argv[1], "instructions");
	/*
	 * Who is woken does not push aside who wakes, so that each side sleeps before the other
	 * runs, as on a busy machine.
	 */
	if (sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 }))
		err(1, "cannot become a batch");
	floor_init();
	measure_floor(0);
	measure_all(&echo_tandem, 0, counts);
	measure_all(&echo_cuse, 0, counts);
	if (!counts) {
		measure_floor(1);
		measure_all(&echo_tandem, 1, counts);
		measure_all(&echo_tandem_spin, 1, counts);
		measure_all(&echo_cuse, 1, counts);
	}
	return EXIT_SUCCESS;
}
