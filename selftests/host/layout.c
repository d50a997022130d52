// SPDX-License-Identifier: GPL-2.0
/*
 * The layout of every struct that crosses into the kernel, written down a second time. layout.sh
 * compiles this for 64 and 32 bits.
 */
#include <stddef.h>

#include <linux/tandem.h>

#define SIZE(type, bytes) static_assert(sizeof(struct type) == (bytes), #type)
#define AT(type, field, offset) static_assert(offsetof(struct type, field) == (offset), #type)
#define LONG(type, field, bytes) \
	static_assert(sizeof(((struct type *)0)[0].field) == (bytes), #type)
#define NUMBER(name, value) static_assert((name) == (value), "a number has changed")

SIZE(tandem_bind, 88);
AT(tandem_bind, name, 0);
LONG(tandem_bind, name, 64);
AT(tandem_bind, flags, 64);
LONG(tandem_bind, flags, 4);
AT(tandem_bind, mode, 68);
LONG(tandem_bind, mode, 4);
AT(tandem_bind, uid, 72);
LONG(tandem_bind, uid, 4);
AT(tandem_bind, gid, 76);
LONG(tandem_bind, gid, 4);
AT(tandem_bind, events_mode, 80);
LONG(tandem_bind, events_mode, 4);
AT(tandem_bind, generation, 84);
LONG(tandem_bind, generation, 4);

SIZE(tandem_remove, 72);
AT(tandem_remove, name, 0);
LONG(tandem_remove, name, 64);
AT(tandem_remove, flags, 64);
LONG(tandem_remove, flags, 4);
AT(tandem_remove, reserved, 68);
LONG(tandem_remove, reserved, 4);

SIZE(tandem_post, 32);
AT(tandem_post, type, 0);
LONG(tandem_post, type, 4);
AT(tandem_post, event_class, 4);
LONG(tandem_post, event_class, 4);
AT(tandem_post, len, 8);
LONG(tandem_post, len, 4);
AT(tandem_post, flags, 12);
LONG(tandem_post, flags, 4);
AT(tandem_post, data, 16);
LONG(tandem_post, data, 8);
AT(tandem_post, timeout, 24);
LONG(tandem_post, timeout, 8);

SIZE(tandem_device_control, 32);
AT(tandem_device_control, code, 0);
LONG(tandem_device_control, code, 4);
AT(tandem_device_control, in_len, 4);
LONG(tandem_device_control, in_len, 4);
AT(tandem_device_control, in, 8);
LONG(tandem_device_control, in, 8);
AT(tandem_device_control, out, 16);
LONG(tandem_device_control, out, 8);
AT(tandem_device_control, out_len, 24);
LONG(tandem_device_control, out_len, 4);
AT(tandem_device_control, returned, 28);
LONG(tandem_device_control, returned, 4);

SIZE(tandem_subscribe, 120);
AT(tandem_subscribe, flags, 0);
LONG(tandem_subscribe, flags, 4);
AT(tandem_subscribe, overflow, 4);
LONG(tandem_subscribe, overflow, 4);
AT(tandem_subscribe, ring_size, 8);
LONG(tandem_subscribe, ring_size, 8);
AT(tandem_subscribe, types, 16);
LONG(tandem_subscribe, types, 8);
AT(tandem_subscribe, types_count, 24);
LONG(tandem_subscribe, types_count, 4);
AT(tandem_subscribe, classes, 28);
LONG(tandem_subscribe, classes, 4);
AT(tandem_subscribe, rings, 32);
LONG(tandem_subscribe, rings, 4);
AT(tandem_subscribe, attached, 36);
LONG(tandem_subscribe, attached, 4);
AT(tandem_subscribe, map_size, 40);
LONG(tandem_subscribe, map_size, 8);
AT(tandem_subscribe, watermark, 48);
LONG(tandem_subscribe, watermark, 8);
AT(tandem_subscribe, name, 56);
LONG(tandem_subscribe, name, 64);

SIZE(tandem_unsubscribe, 72);
AT(tandem_unsubscribe, name, 0);
LONG(tandem_unsubscribe, name, 64);
AT(tandem_unsubscribe, flags, 64);
LONG(tandem_unsubscribe, flags, 4);
AT(tandem_unsubscribe, reserved, 68);
LONG(tandem_unsubscribe, reserved, 4);

SIZE(tandem_snapshot, 40);
AT(tandem_snapshot, ring, 0);
LONG(tandem_snapshot, ring, 4);
AT(tandem_snapshot, flags, 4);
LONG(tandem_snapshot, flags, 4);
AT(tandem_snapshot, buffer, 8);
LONG(tandem_snapshot, buffer, 8);
AT(tandem_snapshot, length, 16);
LONG(tandem_snapshot, length, 8);
AT(tandem_snapshot, returned, 24);
LONG(tandem_snapshot, returned, 8);
AT(tandem_snapshot, overwritten, 32);
LONG(tandem_snapshot, overwritten, 8);

SIZE(tandem_wait, 8);
AT(tandem_wait, timeout, 0);
LONG(tandem_wait, timeout, 8);

SIZE(tandem_ring_consumer, 0x88);
AT(tandem_ring_consumer, cons_pos, 0);
LONG(tandem_ring_consumer, cons_pos, 8);
AT(tandem_ring_consumer, wake_at, 0x80);
LONG(tandem_ring_consumer, wake_at, 8);

SIZE(tandem_ring_producer, 0x120);
AT(tandem_ring_producer, pub_pos, 0);
LONG(tandem_ring_producer, pub_pos, 8);
AT(tandem_ring_producer, lost_records, 0x80);
LONG(tandem_ring_producer, lost_records, 8);
AT(tandem_ring_producer, lost_bytes, 0x88);
LONG(tandem_ring_producer, lost_bytes, 8);
AT(tandem_ring_producer, lost_recursion, 0x90);
LONG(tandem_ring_producer, lost_recursion, 8);
AT(tandem_ring_producer, lost_too_big, 0x98);
LONG(tandem_ring_producer, lost_too_big, 8);
AT(tandem_ring_producer, lost_class, 0xa0);
LONG(tandem_ring_producer, lost_class, 32);
AT(tandem_ring_producer, state, 0xc0);
LONG(tandem_ring_producer, state, 4);
AT(tandem_ring_producer, generation, 0xc4);
LONG(tandem_ring_producer, generation, 4);
AT(tandem_ring_producer, blocked, 0xc8);
LONG(tandem_ring_producer, blocked, 4);
AT(tandem_ring_producer, magic, 0x100);
LONG(tandem_ring_producer, magic, 8);
AT(tandem_ring_producer, size, 0x108);
LONG(tandem_ring_producer, size, 8);
AT(tandem_ring_producer, abi, 0x110);
LONG(tandem_ring_producer, abi, 4);
AT(tandem_ring_producer, cpu, 0x114);
LONG(tandem_ring_producer, cpu, 4);
AT(tandem_ring_producer, clock, 0x118);
LONG(tandem_ring_producer, clock, 4);
AT(tandem_ring_producer, layout, 0x11c);
LONG(tandem_ring_producer, layout, 4);

SIZE(tandem_record, 16);
AT(tandem_record, len, 0);
LONG(tandem_record, len, 4);
AT(tandem_record, type_flags, 4);
LONG(tandem_record, type_flags, 2);
AT(tandem_record, lost_before, 6);
LONG(tandem_record, lost_before, 2);
AT(tandem_record, time, 8);
LONG(tandem_record, time, 8);
AT(tandem_record, data, 16);

SIZE(tandem_slist_entry, 4);
AT(tandem_slist_entry, next, 0);
LONG(tandem_slist_entry, next, 4);

SIZE(tandem_slist_head, 8);
AT(tandem_slist_head, top, 0);
LONG(tandem_slist_head, top, 8);
AT(tandem_slist_head, first, 0);
LONG(tandem_slist_head, first, 4);
AT(tandem_slist_head, pushes, 4);
LONG(tandem_slist_head, pushes, 4);

NUMBER(TANDEM_SLIST_ALIGN, 16);

SIZE(tandem_process_event, 56);
AT(tandem_process_event, pid, 0);
LONG(tandem_process_event, pid, 4);
AT(tandem_process_event, tgid, 4);
LONG(tandem_process_event, tgid, 4);
AT(tandem_process_event, ppid, 8);
LONG(tandem_process_event, ppid, 4);
AT(tandem_process_event, parent_tid, 12);
LONG(tandem_process_event, parent_tid, 4);
AT(tandem_process_event, uid, 16);
LONG(tandem_process_event, uid, 4);
AT(tandem_process_event, exit_code, 20);
LONG(tandem_process_event, exit_code, 4);
AT(tandem_process_event, exit_signal, 24);
LONG(tandem_process_event, exit_signal, 4);
AT(tandem_process_event, flags, 28);
LONG(tandem_process_event, flags, 4);
AT(tandem_process_event, start_time, 32);
LONG(tandem_process_event, start_time, 8);
AT(tandem_process_event, comm, 40);
LONG(tandem_process_event, comm, 16);

SIZE(tandem_gen_event, 16);
AT(tandem_gen_event, seq, 0);
LONG(tandem_gen_event, seq, 8);
AT(tandem_gen_event, cpu, 8);
LONG(tandem_gen_event, cpu, 2);
AT(tandem_gen_event, context, 10);
LONG(tandem_gen_event, context, 2);
AT(tandem_gen_event, run, 12);
LONG(tandem_gen_event, run, 4);
AT(tandem_gen_event, fill, 16);

SIZE(tandem_gen_start, 56);
AT(tandem_gen_start, contexts, 0);
LONG(tandem_gen_start, contexts, 4);
AT(tandem_gen_start, type, 4);
LONG(tandem_gen_start, type, 4);
AT(tandem_gen_start, event_class, 8);
LONG(tandem_gen_start, event_class, 4);
AT(tandem_gen_start, size, 12);
LONG(tandem_gen_start, size, 4);
AT(tandem_gen_start, rate, 16);
LONG(tandem_gen_start, rate, 4);
AT(tandem_gen_start, batch, 20);
LONG(tandem_gen_start, batch, 4);
AT(tandem_gen_start, cpus, 24);
LONG(tandem_gen_start, cpus, 8);
AT(tandem_gen_start, cpus_len, 32);
LONG(tandem_gen_start, cpus_len, 4);
AT(tandem_gen_start, flags, 36);
LONG(tandem_gen_start, flags, 4);
AT(tandem_gen_start, count, 40);
LONG(tandem_gen_start, count, 8);
AT(tandem_gen_start, run, 48);
LONG(tandem_gen_start, run, 4);
AT(tandem_gen_start, reserved2, 52);
LONG(tandem_gen_start, reserved2, 4);

SIZE(tandem_gen_status, 48);
AT(tandem_gen_status, running, 0);
LONG(tandem_gen_status, running, 4);
AT(tandem_gen_status, run, 4);
LONG(tandem_gen_status, run, 4);
AT(tandem_gen_status, posted, 8);
LONG(tandem_gen_status, posted, 40);

SIZE(tandem_gen_bench, 32);
AT(tandem_gen_bench, count, 0);
LONG(tandem_gen_bench, count, 8);
AT(tandem_gen_bench, size, 8);
LONG(tandem_gen_bench, size, 4);
AT(tandem_gen_bench, batch, 12);
LONG(tandem_gen_bench, batch, 4);
AT(tandem_gen_bench, type, 16);
LONG(tandem_gen_bench, type, 4);
AT(tandem_gen_bench, event_class, 20);
LONG(tandem_gen_bench, event_class, 4);
AT(tandem_gen_bench, ns, 24);
LONG(tandem_gen_bench, ns, 8);

NUMBER(TANDEM_IOC_BIND, 0xc058d701);
NUMBER(TANDEM_IOC_REMOVE, 0x4048d702);
NUMBER(TANDEM_IOC_POST, 0x4020d703);
NUMBER(TANDEM_IOC_DEVICE_CONTROL, 0xc020d710);
NUMBER(TANDEM_IOC_SUBSCRIBE, 0xc078d711);
NUMBER(TANDEM_IOC_UNSUBSCRIBE, 0x4048d712);
NUMBER(TANDEM_IOC_SNAPSHOT, 0xc028d720);
NUMBER(TANDEM_IOC_WAIT, 0xc008d722);
NUMBER(TANDEM_IOC_ROOM, 0xd721);
NUMBER(TANDEM_GEN_IOC_START, 0xc038d801);
NUMBER(TANDEM_GEN_IOC_STOP, 0xd802);
NUMBER(TANDEM_GEN_IOC_WAIT, 0xd803);
NUMBER(TANDEM_GEN_IOC_STATUS, 0x8030d804);
NUMBER(TANDEM_GEN_IOC_BENCH, 0xc020d805);

NUMBER(TANDEM_RING_EMPTY, 0);
NUMBER(TANDEM_RING_ACTIVE, 1);
NUMBER(TANDEM_RING_CORRUPT, 2);
NUMBER(TANDEM_RING_GONE, 3);
NUMBER(TANDEM_RING_SHARED, 1);
NUMBER(TANDEM_RECORD_DISCARDED, 0x4000);
NUMBER(TANDEM_RECORD_BUSY, 0x8000);
NUMBER(TANDEM_RECORD_TYPE(0x7abc), 0xabc);
NUMBER(TANDEM_RECORD_CLASS(0x7abc), 3);
NUMBER(TANDEM_RECORD_STRIDE(17), 24);
NUMBER(TANDEM_CMD_MAX, 13);
NUMBER(TANDEM_CMD_CORRUPT, 11);
NUMBER(TANDEM_CMD_SUBSCRIPTION_DETACHED, 13);
NUMBER(TANDEM_ATTR_MAX, 39);
NUMBER(TANDEM_ATTR_MEMORY, 34);
NUMBER(TANDEM_ATTR_ATTACHED, 39);
