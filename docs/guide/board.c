// SPDX-License-Identifier: GPL-2.0
/* A board in shared memory: numbers that all change, and lists of jobs. */
#include <errno.h>
#include <stddef.h>

#include "guide.h"

/* [interlocked] */
int board_enter(struct board *board)
{
	if (tandem_interlocked_or(&board->closed, 0))
		return -ECANCELED;
	return tandem_interlocked_increment(&board->users);
}

/* Who is the first to close it? */
int board_close(struct board *board)
{
	return !tandem_interlocked_compare_exchange(&board->closed, 1, 0);
}

/* [end] */

/* [slist] */
int board_jobs(struct board *board, struct tandem_slist *jobs)
{
	return tandem_slist_init(jobs, board, sizeof(*board), offsetof(struct board, jobs),
				 sizeof(struct job));
}

int board_post(const struct tandem_slist *jobs, struct job *job)
{
	return tandem_slist_push(jobs, &job->entry);
}

/* Takes all that were posted, and returns the sum of their numbers. */
int64_t board_work(const struct tandem_slist *jobs)
{
	struct tandem_slist_chain chain = tandem_slist_flush(jobs);
	struct tandem_slist_entry *entry;
	int64_t sum = 0;
	int ret;

	while ((ret = tandem_slist_next(&chain, &entry)) > 0)
		sum += ((struct job *)entry)->number;
	return ret ?: sum;
}

/* [end] */
