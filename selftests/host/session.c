// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

#define PAGE			4096U
#define SUBMISSIONS		(4 * SESSION_DEPTH)
#define COMPLETIONS_OFFSET	PAGE
#define SLOTS_OFFSET		(2 * PAGE)
#define SERVER_SIZE		(SLOTS_OFFSET + SESSION_DEPTH * SESSION_SLOT_SIZE)
#define SUBMISSIONS_OFFSET	PAGE
#define KERNEL_SIZE		(2 * PAGE)
#define NSEC_PER_SEC		1000000000ULL

static struct session *current;

static struct timespec moment_in(uint64_t ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ns += (uint64_t)ts.tv_nsec;
	ts.tv_sec += (time_t)(ns / NSEC_PER_SEC);
	ts.tv_nsec = (long)(ns % NSEC_PER_SEC);
	return ts;
}

/* Whichever fd of it that is. */
static struct session_queue *queue_of(int fd)
{
	struct stat file, own;
	unsigned int i;

	for (i = 0; current && i < current->queues; i++) {
		if (!fstat(fd, &file) && !fstat(current->queue[i].fd, &own) &&
		    file.st_dev == own.st_dev && file.st_ino == own.st_ino)
			return &current->queue[i];
	}
	return NULL;
}

static bool ended(const struct session_queue *q)
{
	return __atomic_load_n(&q->told->ended, __ATOMIC_RELAXED);
}

/* Takes the completions; with the lock. */
static void take(struct session_queue *q)
{
	uint64_t completed = __atomic_load_n(&q->shared->completed, __ATOMIC_ACQUIRE);

	for (; q->taken != completed; q->taken++) {
		const struct tandem_completion *c = &q->completions[q->taken % SESSION_DEPTH];

		q->answer[TANDEM_TAG(c->id)] = *c;
		q->answered |= 1U << TANDEM_TAG(c->id);
	}
	pthread_cond_broadcast(&current->change);
}

static int reply_wait(struct session_queue *q, const struct tandem_reply_wait *args)
{
	/* For ever is longer than any test. */
	struct timespec until = moment_in(args->timeout == TANDEM_FOREVER ? 60 * NSEC_PER_SEC :
									   args->timeout);
	int error = 0;

	pthread_mutex_lock(&current->lock);
	q->waits++;
	take(q);
	while (!error && !ended(q) && q->told->published - q->shared->consumed < args->min)
		error = pthread_cond_timedwait(&current->change, &current->lock, &until);
	if (ended(q))
		error = ESTALE;
	pthread_mutex_unlock(&current->lock);
	return -error;
}

static int ready(const struct tandem_ready *args)
{
	current->ready_file = args->file;
	current->ready_events = args->events;
	return args->file == 404 ? -ENOENT : 0;
}

static int adopt(struct tandem_adopt *args)
{
	if (args->flags)
		return -EINVAL;
	args->queues = current->queues;
	args->depth = SESSION_DEPTH;
	args->slot_size = SESSION_SLOT_SIZE;
	args->server_size = SERVER_SIZE;
	args->kernel_size = KERNEL_SIZE;
	return 0;
}

static int command(struct session_queue *q, unsigned long request, void *arg)
{
	switch (request) {
	case TANDEM_IOC_ADOPT:
		return adopt(arg);
	case TANDEM_IOC_REPLY_WAIT:
		return reply_wait(q, arg);
	case TANDEM_IOC_READY:
		return ready(arg);
	case TANDEM_IOC_PROGRESS:
		current->progress = *(const __u64 *)arg;
		return 0;
	case TANDEM_IOC_UNBIND:
		session_end(current);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* The library's, which finds this one before that of the C library. */
int ioctl(int fd, unsigned long request, ...)
{
	struct session_queue *q = queue_of(fd);
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if (!q)
		return (int)syscall(SYS_ioctl, fd, request, arg);
	if (request == TANDEM_IOC_QUEUE)
		return dup(current->queue[(uintptr_t)arg].fd);
	errno = -command(q, request, arg);
	return errno ? -1 : 0;
}

static bool queue_init(struct session_queue *q)
{
	unsigned char *base;

	q->fd = memfd_create("queue", MFD_CLOEXEC);
	if (q->fd < 0 || ftruncate(q->fd, SERVER_SIZE + KERNEL_SIZE))
		return false;
	base = mmap(NULL, SERVER_SIZE + KERNEL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, 0);
	if (base == MAP_FAILED)
		return false;
	q->shared = (void *)base;
	q->completions = (void *)(base + COMPLETIONS_OFFSET);
	q->slots = base + SLOTS_OFFSET;
	q->told = (void *)(base + SERVER_SIZE);
	q->submissions = (void *)(base + SERVER_SIZE + SUBMISSIONS_OFFSET);
	q->free = (1U << SESSION_DEPTH) - 1;
	*q->told = (struct tandem_queue_kernel){
		.magic = TANDEM_QUEUE_MAGIC, .abi = TANDEM_ABI_VERSION, .depth = SESSION_DEPTH,
		.slot_size = SESSION_SLOT_SIZE, .submissions = SUBMISSIONS,
		.completions_offset = COMPLETIONS_OFFSET, .slots_offset = SLOTS_OFFSET,
		.submissions_offset = SUBMISSIONS_OFFSET,
	};
	return true;
}

bool session_init(struct session *session, unsigned int queues)
{
	unsigned int i;

	*session = (struct session){ .queues = queues };
	pthread_mutex_init(&session->lock, NULL);
	pthread_cond_init(&session->change, NULL);
	for (i = 0; i < queues; i++) {
		if (!queue_init(&session->queue[i]))
			return false;
	}
	current = session;
	return true;
}

void session_exit(struct session *session)
{
	unsigned int i;

	for (i = 0; i < session->queues; i++) {
		munmap(session->queue[i].shared, SERVER_SIZE + KERNEL_SIZE);
		close(session->queue[i].fd);
	}
	pthread_cond_destroy(&session->change);
	pthread_mutex_destroy(&session->lock);
	current = NULL;
}

void session_end(struct session *session)
{
	unsigned int i;

	pthread_mutex_lock(&session->lock);
	for (i = 0; i < session->queues; i++)
		__atomic_store_n(&session->queue[i].told->ended, 1, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&session->change);
	pthread_mutex_unlock(&session->lock);
}

uint64_t session_send(struct session *session, unsigned int queue,
		      struct tandem_submission *submission, const void *in)
{
	struct session_queue *q = &session->queue[queue];

	pthread_mutex_lock(&session->lock);
	if (submission->op != TANDEM_OP_CANCEL) {
		uint32_t tag;

		while (!q->free)
			pthread_cond_wait(&session->change, &session->lock);
		tag = (uint32_t)__builtin_ctz(q->free);
		q->free &= ~(1U << tag);
		q->answered &= ~(1U << tag);
		submission->id = ++session->seq << 16 | tag;
		if (submission->in_len)
			memcpy(session_data(session, queue, submission->id), in,
			       submission->in_len);
	}
	q->submissions[q->told->published % SUBMISSIONS] = *submission;
	__atomic_store_n(&q->told->published, q->told->published + 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&session->change);
	pthread_mutex_unlock(&session->lock);
	return submission->id;
}

unsigned char *session_data(const struct session *session, unsigned int queue, uint64_t id)
{
	return session->queue[queue].slots + TANDEM_TAG(id) * SESSION_SLOT_SIZE;
}

/* With the lock. */
static bool claim(struct session *session, struct session_queue *q, uint64_t id,
		  struct tandem_completion *answer)
{
	uint32_t bit = 1U << TANDEM_TAG(id);

	if (!(q->answered & bit) || q->answer[TANDEM_TAG(id)].id != id)
		return false;
	*answer = q->answer[TANDEM_TAG(id)];
	q->answered &= ~bit;
	q->free |= bit;
	pthread_cond_broadcast(&session->change);
	return true;
}

bool session_poll(struct session *session, unsigned int queue, uint64_t id,
		  struct tandem_completion *answer)
{
	struct session_queue *q = &session->queue[queue];
	bool found;

	pthread_mutex_lock(&session->lock);
	take(q);
	found = claim(session, q, id, answer);
	pthread_mutex_unlock(&session->lock);
	return found;
}

bool session_wait(struct session *session, unsigned int queue, uint64_t id,
		  struct tandem_completion *answer)
{
	struct session_queue *q = &session->queue[queue];
	struct timespec until = moment_in(10 * NSEC_PER_SEC);
	bool found;
	int error = 0;

	pthread_mutex_lock(&session->lock);
	__atomic_add_fetch(&q->told->need_reply, 1, __ATOMIC_SEQ_CST);
	/* Pairs with the fence in tandem_queue_wake(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	take(q);
	for (;;) {
		found = claim(session, q, id, answer);
		if (found || error)
			break;
		error = pthread_cond_timedwait(&session->change, &session->lock, &until);
	}
	__atomic_sub_fetch(&q->told->need_reply, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&session->lock);
	return found;
}
