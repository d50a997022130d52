// SPDX-License-Identifier: GPL-2.0
/*
 * The layout of every struct that crosses into the kernel, written down a second time. layout.sh
 * compiles this for 64 and 32 bits.
 */
#include <stddef.h>

#include <linux/tandem.h>

#define SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), "size of struct " #type)
#define FIELD(type, field, offset, bytes) \
	_Static_assert(offsetof(struct type, field) == (offset) && \
		       sizeof(((struct type *)0)->field) == (bytes), #type "." #field)
#define NUMBER(name, value) _Static_assert((name) == (value), #name)

SIZE(tandem_bind, 88);
FIELD(tandem_bind, name, 0, 64);
FIELD(tandem_bind, flags, 64, 4);
FIELD(tandem_bind, mode, 68, 4);
FIELD(tandem_bind, uid, 72, 4);
FIELD(tandem_bind, gid, 76, 4);
FIELD(tandem_bind, events_mode, 80, 4);
FIELD(tandem_bind, generation, 84, 4);

SIZE(tandem_remove, 72);
FIELD(tandem_remove, name, 0, 64);
FIELD(tandem_remove, flags, 64, 4);
FIELD(tandem_remove, reserved, 68, 4);

SIZE(tandem_post, 24);
FIELD(tandem_post, type, 0, 4);
FIELD(tandem_post, event_class, 4, 4);
FIELD(tandem_post, len, 8, 4);
FIELD(tandem_post, flags, 12, 4);
FIELD(tandem_post, data, 16, 8);

SIZE(tandem_device_control, 32);
FIELD(tandem_device_control, code, 0, 4);
FIELD(tandem_device_control, in_len, 4, 4);
FIELD(tandem_device_control, in, 8, 8);
FIELD(tandem_device_control, out, 16, 8);
FIELD(tandem_device_control, out_len, 24, 4);
FIELD(tandem_device_control, returned, 28, 4);

SIZE(tandem_subscribe, 48);
FIELD(tandem_subscribe, flags, 0, 4);
FIELD(tandem_subscribe, overflow, 4, 4);
FIELD(tandem_subscribe, ring_size, 8, 8);
FIELD(tandem_subscribe, types, 16, 8);
FIELD(tandem_subscribe, types_count, 24, 4);
FIELD(tandem_subscribe, classes, 28, 4);
FIELD(tandem_subscribe, rings, 32, 4);
FIELD(tandem_subscribe, reserved, 36, 4);
FIELD(tandem_subscribe, map_size, 40, 8);

SIZE(tandem_ring_consumer, 0x88);
FIELD(tandem_ring_consumer, cons_pos, 0, 8);
FIELD(tandem_ring_consumer, wake_at, 0x80, 8);

SIZE(tandem_ring_producer, 0x120);
FIELD(tandem_ring_producer, pub_pos, 0, 8);
FIELD(tandem_ring_producer, lost_records, 0x80, 8);
FIELD(tandem_ring_producer, lost_bytes, 0x88, 8);
FIELD(tandem_ring_producer, lost_recursion, 0x90, 8);
FIELD(tandem_ring_producer, lost_too_big, 0x98, 8);
FIELD(tandem_ring_producer, lost_class, 0xa0, 32);
FIELD(tandem_ring_producer, state, 0xc0, 4);
FIELD(tandem_ring_producer, generation, 0xc4, 4);
FIELD(tandem_ring_producer, magic, 0x100, 8);
FIELD(tandem_ring_producer, size, 0x108, 8);
FIELD(tandem_ring_producer, abi, 0x110, 4);
FIELD(tandem_ring_producer, cpu, 0x114, 4);
FIELD(tandem_ring_producer, clock, 0x118, 4);
FIELD(tandem_ring_producer, layout, 0x11c, 4);

SIZE(tandem_record, 16);
FIELD(tandem_record, len, 0, 4);
FIELD(tandem_record, type_flags, 4, 2);
FIELD(tandem_record, lost_before, 6, 2);
FIELD(tandem_record, time, 8, 8);
_Static_assert(offsetof(struct tandem_record, data) == 16, "tandem_record.data");

SIZE(tandem_process_event, 56);
FIELD(tandem_process_event, pid, 0, 4);
FIELD(tandem_process_event, tgid, 4, 4);
FIELD(tandem_process_event, ppid, 8, 4);
FIELD(tandem_process_event, parent_tid, 12, 4);
FIELD(tandem_process_event, uid, 16, 4);
FIELD(tandem_process_event, exit_code, 20, 4);
FIELD(tandem_process_event, exit_signal, 24, 4);
FIELD(tandem_process_event, flags, 28, 4);
FIELD(tandem_process_event, start_time, 32, 8);
FIELD(tandem_process_event, comm, 40, 16);

SIZE(tandem_gen_event, 16);
FIELD(tandem_gen_event, seq, 0, 8);
FIELD(tandem_gen_event, cpu, 8, 2);
FIELD(tandem_gen_event, context, 10, 2);
FIELD(tandem_gen_event, run, 12, 4);
_Static_assert(offsetof(struct tandem_gen_event, fill) == 16, "tandem_gen_event.fill");

SIZE(tandem_gen_start, 56);
FIELD(tandem_gen_start, contexts, 0, 4);
FIELD(tandem_gen_start, type, 4, 4);
FIELD(tandem_gen_start, event_class, 8, 4);
FIELD(tandem_gen_start, size, 12, 4);
FIELD(tandem_gen_start, rate, 16, 4);
FIELD(tandem_gen_start, batch, 20, 4);
FIELD(tandem_gen_start, cpus, 24, 8);
FIELD(tandem_gen_start, cpus_len, 32, 4);
FIELD(tandem_gen_start, reserved, 36, 4);
FIELD(tandem_gen_start, count, 40, 8);
FIELD(tandem_gen_start, run, 48, 4);
FIELD(tandem_gen_start, reserved2, 52, 4);

SIZE(tandem_gen_status, 48);
FIELD(tandem_gen_status, running, 0, 4);
FIELD(tandem_gen_status, run, 4, 4);
FIELD(tandem_gen_status, posted, 8, 40);

SIZE(tandem_gen_bench, 32);
FIELD(tandem_gen_bench, count, 0, 8);
FIELD(tandem_gen_bench, size, 8, 4);
FIELD(tandem_gen_bench, batch, 12, 4);
FIELD(tandem_gen_bench, type, 16, 4);
FIELD(tandem_gen_bench, event_class, 20, 4);
FIELD(tandem_gen_bench, ns, 24, 8);

NUMBER(TANDEM_IOC_BIND, 0xc058d701);
NUMBER(TANDEM_IOC_REMOVE, 0x4048d702);
NUMBER(TANDEM_IOC_POST, 0x4018d703);
NUMBER(TANDEM_IOC_DEVICE_CONTROL, 0xc020d710);
NUMBER(TANDEM_IOC_SUBSCRIBE, 0xc030d711);
NUMBER(TANDEM_GEN_IOC_START, 0xc038d801);
NUMBER(TANDEM_GEN_IOC_STOP, 0xd802);
NUMBER(TANDEM_GEN_IOC_WAIT, 0xd803);
NUMBER(TANDEM_GEN_IOC_STATUS, 0x8030d804);
NUMBER(TANDEM_GEN_IOC_BENCH, 0xc020d805);

NUMBER(TANDEM_RING_EMPTY, 0);
NUMBER(TANDEM_RING_ACTIVE, 1);
NUMBER(TANDEM_RING_CORRUPT, 2);
NUMBER(TANDEM_RING_GONE, 3);
NUMBER(TANDEM_RECORD_DISCARDED, 0x4000);
NUMBER(TANDEM_RECORD_TYPE(0x7abc), 0xabc);
NUMBER(TANDEM_RECORD_CLASS(0x7abc), 3);
NUMBER(TANDEM_RECORD_STRIDE(17), 24);
NUMBER(TANDEM_CMD_MAX, 11);
NUMBER(TANDEM_CMD_CORRUPT, 11);
NUMBER(TANDEM_ATTR_MAX, 34);
NUMBER(TANDEM_ATTR_MEMORY, 34);
