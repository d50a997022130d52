// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"

#include "service.h"
#include "util.h"

#define NSEC_PER_MSEC	1000000ULL

/* What open() keeps of a file. */
struct open_file {
	uint32_t count;
	uint32_t requests;
};

static struct service_seen *seen;
static unsigned char store[SERVICE_STORE];
static size_t stored;

/* Requests to be answered by another thread, and those that wait for their end. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct tandem_request *later;
	struct tandem_request *waiting;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };

static void count(uint32_t *number)
{
	__atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST);
}

static void note(const struct tandem_request *r)
{
	struct rusage usage;

	count(&seen->requests[r->queue]);
	if (!getrusage(RUSAGE_THREAD, &usage))
		__atomic_store_n(&seen->switches, (uint64_t)usage.ru_nvcsw, __ATOMIC_SEQ_CST);
}

static int64_t on_open(struct tandem_request *r)
{
	struct open_file *file;

	if (r->code & O_SYNC)
		return -EPERM;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	r->data = file;
	count(&seen->opened);
	return 0;
}

static int64_t on_release(struct tandem_request *r)
{
	struct open_file *file = r->data;

	if (!file || __atomic_load_n(&file->requests, __ATOMIC_SEQ_CST))
		count(&seen->too_early);
	free(file);
	count(&seen->released);
	return 0;
}

static int64_t on_read(struct tandem_request *r)
{
	size_t n = r->offset < stored ? stored - r->offset : 0;

	note(r);
	if (n > r->out_len)
		n = r->out_len;
	memcpy(r->out, store + r->offset, n);
	return (int64_t)n;
}

static int64_t on_write(struct tandem_request *r)
{
	uint64_t offset = r->flags & TANDEM_SUBMISSION_APPEND ? stored : r->offset;

	note(r);
	if (offset > sizeof(store) || r->in_len > sizeof(store) - offset)
		return -ENOSPC;
	memcpy(store + offset, r->in, r->in_len);
	if (offset + r->in_len > stored)
		stored = offset + r->in_len;
	r->position = offset + r->in_len;
	if (r->flags & TANDEM_SUBMISSION_APPEND)
		r->answer_flags = TANDEM_COMPLETION_POSITION;
	return (int64_t)r->in_len;
}

static int64_t on_lseek(struct tandem_request *r)
{
	return r->code == SEEK_END ? (int64_t)(stored + r->offset) : -EINVAL;
}

static int64_t on_fsync(struct tandem_request *r)
{
	return r->code ? -EDOM : 0;
}

static int64_t on_sum(struct tandem_request *r)
{
	struct service_sum *sum = r->out;

	note(r);
	sum->sum = (uint64_t)sum->a + sum->b;
	return 5;
}

static int64_t on_who(struct tandem_request *r)
{
	*(struct service_who *)r->out = (struct service_who){
		.pid = r->pid, .uid = r->uid, .gid = r->gid, .queue = r->queue,
	};
	return 0;
}

static int64_t on_fail(struct tandem_request *r)
{
	memset(r->out, 0xff, r->out_len);
	return -ERANGE;
}

static int64_t on_count(struct tandem_request *r)
{
	struct open_file *file = r->data;

	return __atomic_add_fetch(&file->count, 1, __ATOMIC_SEQ_CST);
}

static int64_t on_later(struct tandem_request *r)
{
	pthread_mutex_lock(&pool.lock);
	r->context = pool.later;
	pool.later = r;
	pthread_cond_signal(&pool.change);
	pthread_mutex_unlock(&pool.lock);
	return TANDEM_LATER;
}

static void *answer_later(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct tandem_request *r = pool.later;

		if (!r) {
			pthread_cond_wait(&pool.change, &pool.lock);
			continue;
		}
		pool.later = r->context;
		pthread_mutex_unlock(&pool.lock);
		++*(__u64 *)r->out;
		tandem_reply(r, 0);
		pthread_mutex_lock(&pool.lock);
	}
	return NULL;
}

static int64_t on_wait(struct tandem_request *r)
{
	struct open_file *file = r->data;

	__atomic_add_fetch(&file->requests, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&pool.lock);
	r->context = pool.waiting;
	pool.waiting = r;
	pthread_mutex_unlock(&pool.lock);
	count(&seen->waiting);
	return TANDEM_LATER;
}

static void on_cancel(struct tandem_request *r)
{
	struct tandem_request **at = &pool.waiting;

	pthread_mutex_lock(&pool.lock);
	while (*at && *at != r)
		at = (struct tandem_request **)&(*at)->context;
	if (*at)
		*at = r->context;
	else
		r = NULL;
	pthread_mutex_unlock(&pool.lock);
	if (r) {
		struct open_file *file = r->data;

		__atomic_sub_fetch(&file->requests, 1, __ATOMIC_SEQ_CST);
		count(&seen->cancelled);
		tandem_reply(r, -EINTR);
	}
}

static int64_t on_busy(struct tandem_request *r)
{
	uint64_t end = now_ns() + r->offset * NSEC_PER_MSEC;
	const struct timespec pause = { .tv_nsec = 10 * NSEC_PER_MSEC };

	while (now_ns() < end) {
		int ret = tandem_progress(r);

		if (ret)
			return ret;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int64_t on_ready(struct tandem_request *r)
{
	return tandem_server_ready(r->server, r->file, (uint32_t)r->offset);
}

static int64_t on_answer_ready(struct tandem_request *r)
{
	r->answer_flags = TANDEM_COMPLETION_READY;
	r->ready = (uint16_t)r->offset;
	return 0;
}

static int64_t on_post(struct tandem_request *r)
{
	return tandem_post(tandem_server_fd(r->server, 0), (unsigned int)r->offset,
			   TANDEM_CLASS_NORMAL, "posted", 6);
}

static int64_t on_fork(struct tandem_request *r)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (!child) {
		tandem_server_destroy(r->server);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		return -errno;
	return status;
}

static int64_t on_stop(struct tandem_request *r)
{
	return tandem_server_stop(r->server);
}

static int64_t on_reverse(struct tandem_request *r)
{
	unsigned char *data = r->out;
	size_t i, n = r->in_len;

	if (n > r->out_len)
		return -ENOSPC;
	for (i = 0; i < n / 2; i++) {
		unsigned char c = data[i];

		data[i] = data[n - 1 - i];
		data[n - 1 - i] = c;
	}
	r->len = n;
	return n % 2 ? -EXDEV : (int64_t)n;
}

static const struct tandem_server_ops ops = {
	.open = on_open, .release = on_release, .read = on_read, .write = on_write,
	.lseek = on_lseek, .fsync = on_fsync, .cancel = on_cancel,
};

static const struct tandem_server_command commands[] = {
	TANDEM_ON_IOCTL(SERVICE_SUM, TANDEM_ACCESS_READ | TANDEM_ACCESS_WRITE, on_sum),
	TANDEM_ON_IOCTL(SERVICE_WHO, TANDEM_ACCESS_ANY, on_who),
	TANDEM_ON_IOCTL(SERVICE_FAIL, TANDEM_ACCESS_ANY, on_fail),
	TANDEM_ON_IOCTL(SERVICE_COUNT, TANDEM_ACCESS_ANY, on_count),
	TANDEM_ON_IOCTL(SERVICE_LATER, TANDEM_ACCESS_ANY, on_later),
	TANDEM_ON_IOCTL(SERVICE_WAIT, TANDEM_ACCESS_ANY, on_wait),
	TANDEM_ON_IOCTL(SERVICE_BUSY, TANDEM_ACCESS_ANY, on_busy),
	TANDEM_ON_IOCTL(SERVICE_READY, TANDEM_ACCESS_ANY, on_ready),
	TANDEM_ON_IOCTL(SERVICE_ANSWER_READY, TANDEM_ACCESS_ANY, on_answer_ready),
	TANDEM_ON_IOCTL(SERVICE_POST, TANDEM_ACCESS_ANY, on_post),
	TANDEM_ON_IOCTL(SERVICE_FORK, TANDEM_ACCESS_ANY, on_fork),
	TANDEM_ON_IOCTL(SERVICE_STOP, TANDEM_ACCESS_ANY, on_stop),
	TANDEM_ON_CONTROL(SERVICE_REVERSE, TANDEM_ACCESS_READ, 1, 64, 4, on_reverse),
};

static struct tandem_server_options options_for(enum service_way way, uint64_t deadline)
{
	return (struct tandem_server_options){
		.ops = &ops,
		.commands = commands,
		.commands_count = ARRAY_SIZE(commands),
		.flags = TANDEM_BIND_CREATE | TANDEM_BIND_SEEKABLE,
		.mode = 0666,
		.events_mode = 0444,
		.queues = way == SERVICE_MANY ? SERVICE_QUEUES : 1,
		.deadline = deadline,
		.spin_ns = way == SERVICE_SPIN ? UINT64_MAX : 0,
	};
}

static int serve_by_epoll(struct tandem_server *server)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), ret;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, tandem_server_fd(server, 0), &event))
		return -errno;
	do {
		ret = tandem_server_dispatch(server, 0, 0);
		if (ret >= 0 && epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR)
			ret = -errno;
	} while (ret >= 0);
	return ret;
}

static int serve_by_dispatch(struct tandem_server *server)
{
	int ret;

	do {
		ret = tandem_server_dispatch(server, 0, 100);
	} while (ret >= 0 || ret == -EINTR);
	return ret;
}

static void *run_second(void *server)
{
	return (void *)(intptr_t)tandem_server_run(server, 1);
}

static int serve_by_many(struct tandem_server *server)
{
	pthread_t thread;
	void *second;
	int ret = -pthread_create(&thread, NULL, run_second, server);

	if (ret)
		return ret;
	ret = tandem_server_run(server, 0);
	pthread_join(thread, &second);
	return ret ? ret : (int)(intptr_t)second;
}

static int serve(struct tandem_server *server, enum service_way way)
{
	int ret;

	switch (way) {
	case SERVICE_EPOLL:
		ret = serve_by_epoll(server);
		break;
	case SERVICE_DISPATCH:
		ret = serve_by_dispatch(server);
		break;
	case SERVICE_MANY:
		return serve_by_many(server);
	default:
		return tandem_server_run(server, 0);
	}
	/* Who dispatches by himself is told of the end. */
	return ret == -ESTALE ? 0 : ret;
}

/* An fd, or none if @fd is negative, with @value. */
static int send_fd(int socket, int fd, int value)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(socket, &message, 0) == sizeof(value) ? 0 : -errno;
}

static int receive_fd(int socket, int *value)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct iovec iov = { .iov_base = value, .iov_len = sizeof(*value) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof(*value)) {
		*value = -EPIPE;
		return -1;
	}
	header = CMSG_FIRSTHDR(&message);
	if (header)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* The service's process. Return: its exit status. */
static int service_main(int socket, enum service_way way, uint64_t deadline)
{
	struct tandem_server_options options = options_for(way, deadline);
	struct tandem_server *server;
	pthread_t thread;
	int ret, value;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way == SERVICE_PASSED) {
		int fd = receive_fd(socket, &value);

		ret = fd < 0 ? -EBADF : tandem_server_adopt(&server, fd, &options);
	} else {
		ret = tandem_server_create(&server, SERVICE_DEVICE, &options);
	}
	if (!ret)
		ret = -pthread_create(&thread, NULL, answer_later, NULL);
	if (send_fd(socket, -1, ret) || ret)
		return 1;
	ret = serve(server, way);
	tandem_server_destroy(server);
	return ret ? 2 : 0;
}

/* Makes the session, has it adopted, and forgets it. Return: what the other says. */
static int pass(int socket, uint64_t deadline)
{
	struct tandem_server_options options = options_for(SERVICE_PASSED, deadline);
	struct tandem_server *server;
	int ret = tandem_server_create(&server, SERVICE_DEVICE, &options);

	if (ret)
		return ret;
	ret = send_fd(socket, tandem_server_fd(server, 0), 0);
	if (!ret)
		receive_fd(socket, &ret);
	tandem_server_destroy(server);
	return ret;
}

int service_start(struct service *service, enum service_way way, uint64_t deadline)
{
	int sockets[2], ret = 0;

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0);
	if (seen == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	service->seen = seen;
	service->socket = sockets[0];
	service->pid = fork();
	if (service->pid < 0)
		return -errno;
	if (!service->pid) {
		close(sockets[0]);
		_exit(service_main(sockets[1], way, deadline));
	}
	close(sockets[1]);
	if (way == SERVICE_PASSED)
		ret = pass(service->socket, deadline);
	else
		receive_fd(service->socket, &ret);
	return ret;
}

int service_end(struct service *service)
{
	int status;

	kill(service->pid, SIGKILL);
	status = wait_child(service->pid, deadline_in(10));
	close(service->socket);
	munmap(service->seen, sizeof(*service->seen));
	remove_device(SERVICE_DEVICE);
	return status;
}

bool service_sees(const uint32_t *number, uint32_t value)
{
	uint64_t deadline = deadline_in(10);

	while (__atomic_load_n(number, __ATOMIC_SEQ_CST) < value) {
		if (deadline_passed(deadline))
			return false;
		sched_yield();
	}
	return true;
}
