/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel's side of a server session, simulated: the queues are those of the ABI, clients are
 * functions of the test, and the library's ioctls come here.
 */
#ifndef HOST_SESSION_H
#define HOST_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <tandem.h>

#define SESSION_QUEUES_MAX	4

/**
 * struct session_queue - a queue
 * @fd: memory that the library maps
 * @shared: what the server says
 * @told: what it is told
 * @completions: its answers
 * @submissions: what it is asked
 * @slots: data
 * @free: tags, bit n: n
 * @answered: by tag: @answer is of the request that has it
 * @answer: by tag
 * @taken: completions so far
 * @waits: how often TANDEM_IOC_REPLY_WAIT was called
 */
struct session_queue {
	int fd;
	struct tandem_queue_server *shared;
	struct tandem_queue_kernel *told;
	struct tandem_completion *completions;
	struct tandem_submission *submissions;
	unsigned char *slots;
	uint32_t free;
	uint32_t answered;
	struct tandem_completion answer[32];
	uint64_t taken;
	unsigned int waits;
};

/**
 * struct session - a session
 * @lock: protects all that follows
 * @change: of anything
 * @queues: how many
 * @seq: ids so far
 * @ready_file: what the last TANDEM_IOC_READY said
 * @ready_events: likewise
 * @progress: id of the last TANDEM_IOC_PROGRESS
 * @queue: the queues
 */
struct session {
	pthread_mutex_t lock;
	pthread_cond_t change;
	unsigned int queues;
	uint64_t seq;
	uint64_t ready_file;
	uint32_t ready_events;
	uint64_t progress;
	struct session_queue queue[SESSION_QUEUES_MAX];
};

#define SESSION_DEPTH		8
#define SESSION_SLOT_SIZE	4096

/* The one session that there is. Return: false: no memory. */
bool session_init(struct session *session, unsigned int queues);
void session_exit(struct session *session);

/* Ends it, as the server's death does. */
void session_end(struct session *session);

/*
 * Sends a message, whose id is filled in unless it is a CANCEL, with its in_len bytes of @in.
 * Return: the id.
 */
uint64_t session_send(struct session *session, unsigned int queue,
		      struct tandem_submission *submission, const void *in);

/* The data in a request's slot. */
unsigned char *session_data(const struct session *session, unsigned int queue, uint64_t id);

/* Looks for the answer, as a client that does not sleep. Return: false: there is none. */
bool session_poll(struct session *session, unsigned int queue, uint64_t id,
		  struct tandem_completion *answer);

/* Sleeps until TANDEM_IOC_REPLY_WAIT brings the answer. Return: false: 10 seconds are over. */
bool session_wait(struct session *session, unsigned int queue, uint64_t id,
		  struct tandem_completion *answer);

#endif
