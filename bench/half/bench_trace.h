/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoint that BPF programs are attached to. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tandem_bench

#if !defined(_BENCH_HALF_BENCH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _BENCH_HALF_BENCH_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(tandem_bench,
	    TP_PROTO(u32 size),
	    TP_ARGS(size),
	    TP_STRUCT__entry(__field(u32, size)),
	    TP_fast_assign(__entry->size = size;),
	    TP_printk("size=%u", __entry->size));

#endif /* _BENCH_HALF_BENCH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE bench_trace
#include <trace/define_trace.h>
