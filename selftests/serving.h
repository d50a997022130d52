/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Serving: a device whose requests the test answers.
 *
 * A child is the server process, and does no more than live: so the test may be server and client
 * of one device, by whatever threads it likes, and end the server by ending the child.
 */
#ifndef SELFTESTS_SERVING_H
#define SELFTESTS_SERVING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/tandem.h>

#define OP(name)	(1U << TANDEM_OP_##name)

/**
 * struct queue - a queue of a server
 * @fd: its fd
 * @messages: it is served by read() and write(), not in mapped memory
 * @depth: as of the BIND
 * @slot_size: likewise
 * @server_size: likewise
 * @kernel_size: likewise
 * @server: what the server tells, mapped
 * @completions: likewise
 * @slots: likewise
 * @kernel: what the kernel tells, mapped
 * @submissions: likewise
 * @message: with @messages: the last one, and its data
 */
struct queue {
	int fd;
	bool messages;
	unsigned int depth;
	size_t slot_size;
	size_t server_size;
	size_t kernel_size;
	struct tandem_queue_server *server;
	struct tandem_completion *completions;
	uint8_t *slots;
	const struct tandem_queue_kernel *kernel;
	const struct tandem_submission *submissions;
	struct {
		struct tandem_submission submission;
		uint8_t data[];
	} *message;
};

/* Maps queue @fd of the session that @bind made. Return: 0 or -errno. */
int queue_map(struct queue *q, int fd, const struct tandem_bind *bind);
void queue_unmap(struct queue *q);

/* Takes the next message. Return: 0, -ETIMEDOUT, or -errno of the session. */
int queue_next(struct queue *q, struct tandem_submission *message, uint64_t deadline);
/* The same, for a message that has to be @op. Return: 0, -EPROTO if it is another, or as above. */
int queue_expect(struct queue *q, uint32_t op, struct tandem_submission *message);
/* Is there no message? */
bool queue_quiet(const struct queue *q);

/* The data of the message that was taken last. */
const void *queue_input(const struct queue *q, const struct tandem_submission *message);

/* Puts a completion into the ring, and says nothing. */
void queue_publish(struct queue *q, const struct tandem_completion *completion);
/* TANDEM_IOC_REPLY_WAIT, without a wait. Return: 0 or -errno. */
int queue_reply(const struct queue *q);
/* Answers, and says so if a client sleeps. Return: 0 or -errno. */
int queue_complete(struct queue *q, const struct tandem_completion *completion, const void *data,
		   size_t len);
/* The same for an answer of a result and as many bytes of data as @len. */
int queue_answer(struct queue *q, const struct tandem_submission *message, int64_t result,
		 const void *data, size_t len);

/**
 * struct serving - a device with a server
 * @bind: what made it
 * @fd: the server's
 * @owner: the server process
 * @gate: it lives until this is closed
 * @queue: queue 0
 */
struct serving {
	struct tandem_bind bind;
	int fd;
	pid_t owner;
	int gate;
	struct queue queue;
};

/*
 * A BIND of a device @name with one queue of 8 requests of a page, that answers all but OPEN,
 * RELEASE and CANCEL.
 */
void serving_init(struct tandem_bind *bind, const char *name);

/* Has a child bind, whose fd is shared with it. Return: 0 or -errno. */
int serving_begin(struct serving *s, const struct tandem_bind *bind);
/* Ends the server process, by @signal if that is not 0. Return: 0 or -errno. */
int serving_kill(struct serving *s, int signal);
/* Ends it, unless that was done, and gives up all that it had but the device. */
void serving_end(struct serving *s);

/* Fills *c in, and @c->result first of all. Return: is there an answer? */
typedef bool serving_handler(struct queue *q, const struct tandem_submission *message,
			     struct tandem_completion *c, void *data);

/**
 * struct server - a thread that answers what comes in a queue, until the session ends
 * @q: the queue
 * @handler: answers; output goes to queue_output()
 * @data: for @handler
 * @error: why it ended
 */
struct server {
	struct queue *q;
	serving_handler *handler;
	void *data;
	int error;
	pthread_t thread;
};

/* Where a handler puts output: at most slot_size bytes. */
void *queue_output(struct queue *q, const struct tandem_submission *message);

int server_begin(struct server *server);
/* Return: why it ended, or -ETIMEDOUT if it does not. */
int server_end(struct server *server);

#endif
