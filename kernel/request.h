/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Request: one operation that the user half answers.
 */
#ifndef _TANDEM_REQUEST_H
#define _TANDEM_REQUEST_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/types.h>

#include <linux/tandem.h>

struct tandem_client;
struct tandem_device;
struct tandem_queue;

/**
 * enum tandem_request_state - where a request is
 * @TANDEM_REQUEST_WAITING: in &tandem_queue.waiting, for a tag
 * @TANDEM_REQUEST_FILLING: it has a tag, and its client fills the slot
 * @TANDEM_REQUEST_SENT: the server has it
 * @TANDEM_REQUEST_DONE: it is the client's again, with an answer; stored with release
 */
enum tandem_request_state {
	TANDEM_REQUEST_WAITING,
	TANDEM_REQUEST_FILLING,
	TANDEM_REQUEST_SENT,
	TANDEM_REQUEST_DONE,
};

/**
 * struct tandem_request - a request, on its client's stack
 * @message: what is asked; its id and the caller's ids are filled in on the way
 * @deadline: jiffies that it may take; 0: as long as the session says
 * @client: the file, or NULL for one of the kernel half
 * @queue: where it is, while it has a tag or waits for one
 * @task: who waits
 * @node: in &tandem_queue.waiting
 * @state: &enum tandem_request_state; written under the queue's lock
 * @sleeping: counted in &tandem_queue.sleepers
 * @notice: nobody waits: it is sent as soon as there is a tag, and freed then
 * @expires: when it has waited too long for a tag
 * @generation: of the session that has it
 * @tag: valid from FILLING on
 * @result: the answer's
 * @len: likewise, bytes of output
 * @flags: likewise
 * @position: likewise
 */
struct tandem_request {
	struct tandem_submission message;
	unsigned long deadline;
	struct tandem_client *client;
	struct tandem_queue *queue;
	struct task_struct *task;
	struct list_head node;
	enum tandem_request_state state;
	bool sleeping;
	bool notice;
	unsigned long expires;
	u32 generation;
	unsigned int tag;
	s64 result;
	u32 len;
	u32 flags;
	u64 position;
};

int tandem_request_begin(struct tandem_request *r, struct tandem_device *dev, int absent);
s64 tandem_request_run(struct tandem_request *r);
void tandem_request_end(struct tandem_request *r);
void *tandem_request_data(const struct tandem_request *r);
unsigned int tandem_request_room(const struct tandem_request *r);
void *tandem_request_detach(struct tandem_request *r, size_t from, size_t len);

#endif /* _TANDEM_REQUEST_H */
