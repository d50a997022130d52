// SPDX-License-Identifier: GPL-2.0
/* A board in shared memory: numbers that all change. */
#include <errno.h>

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
