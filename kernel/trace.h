/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of Tandem.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tandem

#if !defined(_TANDEM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TANDEM_TRACE_H

#include <linux/tracepoint.h>

#include "device.h"
#include "server.h"
#include "subscription.h"

DECLARE_EVENT_CLASS(tandem_device_template,
	TP_PROTO(const struct tandem_device *dev),
	TP_ARGS(dev),
	TP_STRUCT__entry(
		__array(char, name, TANDEM_NAME_SIZE)
		__field(u32, id)
	),
	TP_fast_assign(
		strscpy(__entry->name, tandem_device_name(dev), TANDEM_NAME_SIZE);
		__entry->id = dev->id;
	),
	TP_printk("%s id=%u", __entry->name, __entry->id)
);

DEFINE_EVENT(tandem_device_template, tandem_device_add,
	TP_PROTO(const struct tandem_device *dev),
	TP_ARGS(dev)
);

DEFINE_EVENT(tandem_device_template, tandem_device_remove,
	TP_PROTO(const struct tandem_device *dev),
	TP_ARGS(dev)
);

DECLARE_EVENT_CLASS(tandem_server_template,
	TP_PROTO(const struct tandem_device *dev, const struct tandem_server *server),
	TP_ARGS(dev, server),
	TP_STRUCT__entry(
		__array(char, name, TANDEM_NAME_SIZE)
		__field(u32, generation)
		__field(pid_t, pid)
	),
	TP_fast_assign(
		strscpy(__entry->name, tandem_device_name(dev), TANDEM_NAME_SIZE);
		__entry->generation = server->generation;
		__entry->pid = pid_nr(server->pid);
	),
	TP_printk("%s generation=%u pid=%d", __entry->name, __entry->generation, __entry->pid)
);

DEFINE_EVENT(tandem_server_template, tandem_server_bound,
	TP_PROTO(const struct tandem_device *dev, const struct tandem_server *server),
	TP_ARGS(dev, server)
);

DEFINE_EVENT(tandem_server_template, tandem_server_gone,
	TP_PROTO(const struct tandem_device *dev, const struct tandem_server *server),
	TP_ARGS(dev, server)
);

DECLARE_EVENT_CLASS(tandem_subscription_template,
	TP_PROTO(const struct tandem_subscription *sub),
	TP_ARGS(sub),
	TP_STRUCT__entry(
		__array(char, name, TANDEM_NAME_SIZE)
		__field(u32, id)
		__field(pid_t, pid)
		__field(u64, ring_size)
	),
	TP_fast_assign(
		strscpy(__entry->name, tandem_device_name(sub->dev), TANDEM_NAME_SIZE);
		__entry->id = sub->id;
		__entry->pid = pid_nr(sub->pid);
		__entry->ring_size = sub->ring_size;
	),
	TP_printk("%s subscription=%u pid=%d ring_size=%llu", __entry->name, __entry->id,
		  __entry->pid, __entry->ring_size)
);

DEFINE_EVENT(tandem_subscription_template, tandem_subscribe,
	TP_PROTO(const struct tandem_subscription *sub),
	TP_ARGS(sub)
);

DEFINE_EVENT(tandem_subscription_template, tandem_unsubscribe,
	TP_PROTO(const struct tandem_subscription *sub),
	TP_ARGS(sub)
);

DEFINE_EVENT(tandem_subscription_template, tandem_attach,
	TP_PROTO(const struct tandem_subscription *sub),
	TP_ARGS(sub)
);

DEFINE_EVENT(tandem_subscription_template, tandem_detach,
	TP_PROTO(const struct tandem_subscription *sub),
	TP_ARGS(sub)
);

DEFINE_EVENT(tandem_subscription_template, tandem_overflow,
	TP_PROTO(const struct tandem_subscription *sub),
	TP_ARGS(sub)
);

DEFINE_EVENT(tandem_subscription_template, tandem_corrupt,
	TP_PROTO(const struct tandem_subscription *sub),
	TP_ARGS(sub)
);

TRACE_EVENT(tandem_control,
	TP_PROTO(const struct tandem_device *dev, u32 code, u32 in_len, u32 out_len),
	TP_ARGS(dev, code, in_len, out_len),
	TP_STRUCT__entry(
		__array(char, name, TANDEM_NAME_SIZE)
		__field(u32, code)
		__field(u32, in_len)
		__field(u32, out_len)
	),
	TP_fast_assign(
		strscpy(__entry->name, tandem_device_name(dev), TANDEM_NAME_SIZE);
		__entry->code = code;
		__entry->in_len = in_len;
		__entry->out_len = out_len;
	),
	TP_printk("%s code=%#x in=%u out=%u", __entry->name, __entry->code, __entry->in_len,
		  __entry->out_len)
);

#endif /* _TANDEM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
