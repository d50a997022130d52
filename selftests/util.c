// SPDX-License-Identifier: GPL-2.0
/*
 * What every test needs: deadlines and loads that suit the machine, nodes, and servers' devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

unsigned int test_scale(void)
{
	const char *value = getenv("TANDEM_TEST_SCALE");
	int scale = value ? atoi(value) : 1;

	return scale > 1 ? scale : 1;
}

uint64_t test_load(uint64_t n)
{
	uint64_t load = n / test_scale();

	return load ? load : 1;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

uint64_t deadline_in(unsigned int seconds)
{
	return now_ns() + seconds * NSEC_PER_SEC * test_scale();
}

bool deadline_passed(uint64_t deadline)
{
	return now_ns() >= deadline;
}

int deadline_left(uint64_t deadline)
{
	uint64_t now = now_ns();

	return now >= deadline ? 0 : (int)((deadline - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

int pin_to_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

bool read_number(const char *path, uint64_t *number)
{
	FILE *file = fopen(path, "re");
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "%ju", number) == 1;
	fclose(file);
	return ok;
}

int write_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return -errno;
	done = write(fd, word, strlen(word));
	if (done < 0)
		done = -errno;
	close(fd);
	return done < 0 ? (int)done : 0;
}

bool module_parameter(const char *name, uint64_t *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/tandem/parameters/%s", name);
	return read_number(path, value);
}

int load_module(const char *name)
{
	char path[512];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s.ko", getenv("TANDEM_MODULES") ?: ".", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

int unload_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

int wait_child(pid_t pid, uint64_t deadline)
{
	struct pollfd end = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status;

	if (end.fd < 0)
		return -errno;
	while (poll(&end, 1, deadline_left(deadline)) < 0 && errno == EINTR)
		;
	close(end.fd);
	if (!end.revents)
		return -ETIMEDOUT;
	return waitpid(pid, &status, 0) == pid ? status : -errno;
}

bool thread_asleep(const pid_t *tid)
{
	const uint64_t deadline = deadline_in(10);
	char path[64], state = 0;

	while (state != 'S' && !deadline_passed(deadline)) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
			 __atomic_load_n(tid, __ATOMIC_ACQUIRE));
		file = fopen(path, "re");
		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (file)
			fclose(file);
	}
	return state == 'S';
}

int thread_join(pthread_t thread, unsigned int seconds)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += seconds * test_scale();
	return pthread_timedjoin_np(thread, NULL, &end);
}

int open_node(const char *name, int flags)
{
	char path[sizeof("/dev/tandem/") + TANDEM_NAME_SIZE];
	int fd;

	snprintf(path, sizeof(path), "/dev/tandem/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void bind_init(struct tandem_bind *bind, const char *name)
{
	memset(bind, 0, sizeof(*bind));
	strncpy(bind->name, name, sizeof(bind->name) - 1);
	bind->flags = TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE;
	bind->mode = 0666;
	bind->events_mode = 0444;
}

int bind_device(const char *name)
{
	return bind_device_with(name, 0);
}

int bind_device_with(const char *name, uint32_t flags)
{
	int fd = open_node("control", O_RDWR);
	struct tandem_bind bind;
	int err;

	if (fd < 0)
		return fd;
	bind_init(&bind, name);
	bind.flags |= flags;
	if (!ioctl(fd, TANDEM_IOC_BIND, &bind))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int remove_device(const char *name)
{
	int fd = open_node("control", O_RDWR);
	struct tandem_remove args = { .flags = 0 };
	int err;

	if (fd < 0)
		return fd;
	strncpy(args.name, name, sizeof(args.name) - 1);
	err = ioctl(fd, TANDEM_IOC_REMOVE, &args) ? -errno : 0;
	close(fd);
	return err;
}

int post_event(int server, unsigned int type, enum tandem_class event_class, const void *data,
	       size_t len)
{
	struct tandem_post post = {
		.type = type,
		.event_class = event_class,
		.len = len,
		.data = (uintptr_t)data,
	};

	return ioctl(server, TANDEM_IOC_POST, &post) ? -errno : 0;
}
