// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Dispatch: functions registered by type, called for the events that are there.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "subscription.h"

int tandem_on(struct tandem_subscription *sub, unsigned int type, tandem_callback callback,
	      void *arg)
{
	if (type > TANDEM_TYPES)
		return -EINVAL;
	if (!sub->handlers) {
		sub->handlers = calloc(TANDEM_TYPES + 1, sizeof(sub->handlers[0]));
		if (!sub->handlers)
			return -ENOMEM;
	}
	sub->handlers[type] = (struct handler){ .callback = callback, .arg = arg };
	return 0;
}

static int handle(struct tandem_subscription *sub, const struct tandem_record *record)
{
	const struct handler *handler;

	if (!sub->handlers)
		return 0;
	handler = &sub->handlers[TANDEM_RECORD_TYPE(record->type_flags)];
	if (!handler->callback)
		handler = &sub->handlers[TANDEM_TYPES];
	return handler->callback ? handler->callback(sub, record, handler->arg) : 0;
}

int tandem_dispatch(struct tandem_subscription *sub, unsigned int max)
{
	const struct tandem_record *record;
	int events = 0;

	if (!max || max > INT_MAX)
		max = INT_MAX;
	while ((unsigned int)events < max) {
		int ret;

		record = tandem_next(sub);
		if (!record)
			break;
		if (record->type_flags & TANDEM_RECORD_DISCARDED)
			continue;
		ret = handle(sub, record);
		if (ret)
			return ret;
		events++;
	}
	return events;
}
