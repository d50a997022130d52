// SPDX-License-Identifier: GPL-2.0
/*
 * Abi: the layouts that are frozen. What does not hold here does not build.
 */
#include <linux/build_bug.h>
#include <linux/stddef.h>

#include <linux/tandem.h>

#include "device.h"

/*
 * The kernel's own looks for sizes that are too large by a variable that does not exist, and for
 * clang that is no constant. With such a size no number below would be right.
 */
#undef _IOC_TYPECHECK
#define _IOC_TYPECHECK(t)	sizeof(t)

/* Where each member ends: with all of them, and no holes, that is where each begins. */
#define TANDEM_FROZEN(type, member, offset, size)					\
	static_assert(offsetofend(struct type, member) == (offset) + (size),		\
		      #type "." #member " has moved")

#define TANDEM_FROZEN_SIZE(type, size)							\
	static_assert(sizeof(struct type) == (size), #type " has changed its size")

TANDEM_FROZEN_SIZE(tandem_bind, 144);
TANDEM_FROZEN(tandem_bind, name, 0, 64);
TANDEM_FROZEN(tandem_bind, flags, 64, 4);
TANDEM_FROZEN(tandem_bind, mode, 68, 4);
TANDEM_FROZEN(tandem_bind, uid, 72, 4);
TANDEM_FROZEN(tandem_bind, gid, 76, 4);
TANDEM_FROZEN(tandem_bind, events_mode, 80, 4);
TANDEM_FROZEN(tandem_bind, generation, 84, 4);
TANDEM_FROZEN(tandem_bind, queues, 88, 4);
TANDEM_FROZEN(tandem_bind, depth, 92, 4);
TANDEM_FROZEN(tandem_bind, slot_size, 96, 4);
TANDEM_FROZEN(tandem_bind, operations, 100, 4);
TANDEM_FROZEN(tandem_bind, deadline, 104, 8);
TANDEM_FROZEN(tandem_bind, commands, 112, 8);
TANDEM_FROZEN(tandem_bind, commands_count, 120, 4);
TANDEM_FROZEN(tandem_bind, reserved, 124, 4);
TANDEM_FROZEN(tandem_bind, server_size, 128, 8);
TANDEM_FROZEN(tandem_bind, kernel_size, 136, 8);

TANDEM_FROZEN_SIZE(tandem_command, 40);
TANDEM_FROZEN(tandem_command, code, 0, 4);
TANDEM_FROZEN(tandem_command, kind, 4, 4);
TANDEM_FROZEN(tandem_command, method, 8, 4);
TANDEM_FROZEN(tandem_command, access, 12, 4);
TANDEM_FROZEN(tandem_command, in_min, 16, 4);
TANDEM_FROZEN(tandem_command, in_len, 20, 4);
TANDEM_FROZEN(tandem_command, out_len, 24, 4);
TANDEM_FROZEN(tandem_command, reserved, 28, 4);
TANDEM_FROZEN(tandem_command, deadline, 32, 8);

TANDEM_FROZEN_SIZE(tandem_submission, 64);
TANDEM_FROZEN(tandem_submission, id, 0, 8);
TANDEM_FROZEN(tandem_submission, file, 8, 8);
TANDEM_FROZEN(tandem_submission, op, 16, 4);
TANDEM_FROZEN(tandem_submission, flags, 20, 4);
TANDEM_FROZEN(tandem_submission, offset, 24, 8);
TANDEM_FROZEN(tandem_submission, code, 32, 4);
TANDEM_FROZEN(tandem_submission, in_len, 36, 4);
TANDEM_FROZEN(tandem_submission, out_len, 40, 4);
TANDEM_FROZEN(tandem_submission, pid, 44, 4);
TANDEM_FROZEN(tandem_submission, uid, 48, 4);
TANDEM_FROZEN(tandem_submission, gid, 52, 4);
TANDEM_FROZEN(tandem_submission, reserved, 56, 8);

TANDEM_FROZEN_SIZE(tandem_completion, 32);
TANDEM_FROZEN(tandem_completion, id, 0, 8);
TANDEM_FROZEN(tandem_completion, result, 8, 8);
TANDEM_FROZEN(tandem_completion, len, 16, 4);
TANDEM_FROZEN(tandem_completion, flags, 20, 2);
TANDEM_FROZEN(tandem_completion, ready, 22, 2);
TANDEM_FROZEN(tandem_completion, position, 24, 8);

TANDEM_FROZEN(tandem_queue_server, consumed, 0x000, 8);
TANDEM_FROZEN(tandem_queue_server, completed, 0x080, 8);

TANDEM_FROZEN(tandem_queue_kernel, published, 0x000, 8);
TANDEM_FROZEN(tandem_queue_kernel, need_reply, 0x080, 4);
TANDEM_FROZEN(tandem_queue_kernel, ended, 0x084, 4);
TANDEM_FROZEN(tandem_queue_kernel, magic, 0x100, 8);
TANDEM_FROZEN(tandem_queue_kernel, abi, 0x108, 4);
TANDEM_FROZEN(tandem_queue_kernel, depth, 0x10c, 4);
TANDEM_FROZEN(tandem_queue_kernel, slot_size, 0x110, 4);
TANDEM_FROZEN(tandem_queue_kernel, submissions, 0x114, 4);
TANDEM_FROZEN(tandem_queue_kernel, completions_offset, 0x118, 8);
TANDEM_FROZEN(tandem_queue_kernel, slots_offset, 0x120, 8);
TANDEM_FROZEN(tandem_queue_kernel, submissions_offset, 0x128, 8);

TANDEM_FROZEN_SIZE(tandem_adopt, 40);
TANDEM_FROZEN(tandem_adopt, flags, 0, 4);
TANDEM_FROZEN(tandem_adopt, generation, 4, 4);
TANDEM_FROZEN(tandem_adopt, queues, 8, 4);
TANDEM_FROZEN(tandem_adopt, depth, 12, 4);
TANDEM_FROZEN(tandem_adopt, slot_size, 16, 4);
TANDEM_FROZEN(tandem_adopt, operations, 20, 4);
TANDEM_FROZEN(tandem_adopt, server_size, 24, 8);
TANDEM_FROZEN(tandem_adopt, kernel_size, 32, 8);

TANDEM_FROZEN_SIZE(tandem_reply_wait, 16);
TANDEM_FROZEN(tandem_reply_wait, min, 0, 4);
TANDEM_FROZEN(tandem_reply_wait, flags, 4, 4);
TANDEM_FROZEN(tandem_reply_wait, timeout, 8, 8);

TANDEM_FROZEN_SIZE(tandem_section_open, 24);
TANDEM_FROZEN(tandem_section_open, id, 0, 4);
TANDEM_FROZEN(tandem_section_open, flags, 4, 4);
TANDEM_FROZEN(tandem_section_open, size, 8, 8);
TANDEM_FROZEN(tandem_section_open, offset, 16, 8);

TANDEM_FROZEN_SIZE(tandem_grant, 32);
TANDEM_FROZEN(tandem_grant, section, 0, 4);
TANDEM_FROZEN(tandem_grant, access, 4, 4);
TANDEM_FROZEN(tandem_grant, offset, 8, 8);
TANDEM_FROZEN(tandem_grant, start, 16, 8);
TANDEM_FROZEN(tandem_grant, length, 24, 8);

TANDEM_FROZEN_SIZE(tandem_ready, 16);
TANDEM_FROZEN(tandem_ready, file, 0, 8);
TANDEM_FROZEN(tandem_ready, events, 8, 4);
TANDEM_FROZEN(tandem_ready, flags, 12, 4);

TANDEM_FROZEN_SIZE(tandem_remove, 72);
TANDEM_FROZEN(tandem_remove, name, 0, 64);
TANDEM_FROZEN(tandem_remove, flags, 64, 4);
TANDEM_FROZEN(tandem_remove, reserved, 68, 4);

TANDEM_FROZEN_SIZE(tandem_post, 32);
TANDEM_FROZEN(tandem_post, type, 0, 4);
TANDEM_FROZEN(tandem_post, event_class, 4, 4);
TANDEM_FROZEN(tandem_post, len, 8, 4);
TANDEM_FROZEN(tandem_post, flags, 12, 4);
TANDEM_FROZEN(tandem_post, data, 16, 8);
TANDEM_FROZEN(tandem_post, timeout, 24, 8);

TANDEM_FROZEN_SIZE(tandem_device_control, 32);
TANDEM_FROZEN(tandem_device_control, code, 0, 4);
TANDEM_FROZEN(tandem_device_control, in_len, 4, 4);
TANDEM_FROZEN(tandem_device_control, in, 8, 8);
TANDEM_FROZEN(tandem_device_control, out, 16, 8);
TANDEM_FROZEN(tandem_device_control, out_len, 24, 4);
TANDEM_FROZEN(tandem_device_control, returned, 28, 4);

TANDEM_FROZEN_SIZE(tandem_subscribe, 120);
TANDEM_FROZEN(tandem_subscribe, flags, 0, 4);
TANDEM_FROZEN(tandem_subscribe, overflow, 4, 4);
TANDEM_FROZEN(tandem_subscribe, ring_size, 8, 8);
TANDEM_FROZEN(tandem_subscribe, types, 16, 8);
TANDEM_FROZEN(tandem_subscribe, types_count, 24, 4);
TANDEM_FROZEN(tandem_subscribe, classes, 28, 4);
TANDEM_FROZEN(tandem_subscribe, rings, 32, 4);
TANDEM_FROZEN(tandem_subscribe, attached, 36, 4);
TANDEM_FROZEN(tandem_subscribe, map_size, 40, 8);
TANDEM_FROZEN(tandem_subscribe, watermark, 48, 8);
TANDEM_FROZEN(tandem_subscribe, name, 56, 64);

TANDEM_FROZEN_SIZE(tandem_unsubscribe, 72);
TANDEM_FROZEN(tandem_unsubscribe, name, 0, 64);
TANDEM_FROZEN(tandem_unsubscribe, flags, 64, 4);
TANDEM_FROZEN(tandem_unsubscribe, reserved, 68, 4);

TANDEM_FROZEN_SIZE(tandem_snapshot, 40);
TANDEM_FROZEN(tandem_snapshot, ring, 0, 4);
TANDEM_FROZEN(tandem_snapshot, flags, 4, 4);
TANDEM_FROZEN(tandem_snapshot, buffer, 8, 8);
TANDEM_FROZEN(tandem_snapshot, length, 16, 8);
TANDEM_FROZEN(tandem_snapshot, returned, 24, 8);
TANDEM_FROZEN(tandem_snapshot, overwritten, 32, 8);

TANDEM_FROZEN_SIZE(tandem_wait, 8);
TANDEM_FROZEN(tandem_wait, timeout, 0, 8);

TANDEM_FROZEN(tandem_ring_consumer, cons_pos, 0x000, 8);
TANDEM_FROZEN(tandem_ring_consumer, wake_at, 0x080, 8);

TANDEM_FROZEN(tandem_ring_producer, pub_pos, 0x000, 8);
TANDEM_FROZEN(tandem_ring_producer, lost_records, 0x080, 8);
TANDEM_FROZEN(tandem_ring_producer, lost_bytes, 0x088, 8);
TANDEM_FROZEN(tandem_ring_producer, lost_recursion, 0x090, 8);
TANDEM_FROZEN(tandem_ring_producer, lost_too_big, 0x098, 8);
TANDEM_FROZEN(tandem_ring_producer, lost_class, 0x0a0, 32);
TANDEM_FROZEN(tandem_ring_producer, state, 0x0c0, 4);
TANDEM_FROZEN(tandem_ring_producer, generation, 0x0c4, 4);
TANDEM_FROZEN(tandem_ring_producer, blocked, 0x0c8, 4);
TANDEM_FROZEN(tandem_ring_producer, magic, 0x100, 8);
TANDEM_FROZEN(tandem_ring_producer, size, 0x108, 8);
TANDEM_FROZEN(tandem_ring_producer, abi, 0x110, 4);
TANDEM_FROZEN(tandem_ring_producer, cpu, 0x114, 4);
TANDEM_FROZEN(tandem_ring_producer, clock, 0x118, 4);
TANDEM_FROZEN(tandem_ring_producer, layout, 0x11c, 4);

TANDEM_FROZEN_SIZE(tandem_record, 16);
TANDEM_FROZEN(tandem_record, len, 0, 4);
TANDEM_FROZEN(tandem_record, type_flags, 4, 2);
TANDEM_FROZEN(tandem_record, lost_before, 6, 2);
TANDEM_FROZEN(tandem_record, time, 8, 8);

TANDEM_FROZEN_SIZE(tandem_slist_entry, 4);
TANDEM_FROZEN(tandem_slist_entry, next, 0, 4);

TANDEM_FROZEN_SIZE(tandem_slist_head, 8);
TANDEM_FROZEN(tandem_slist_head, top, 0, 8);
TANDEM_FROZEN(tandem_slist_head, first, 0, 4);
TANDEM_FROZEN(tandem_slist_head, pushes, 4, 4);

TANDEM_FROZEN_SIZE(tandem_process_event, 56);
TANDEM_FROZEN(tandem_process_event, start_time, 32, 8);
TANDEM_FROZEN(tandem_process_event, comm, 40, 16);

TANDEM_FROZEN_SIZE(tandem_gen_event, 16);
TANDEM_FROZEN_SIZE(tandem_gen_start, 56);
TANDEM_FROZEN_SIZE(tandem_gen_status, 48);
TANDEM_FROZEN_SIZE(tandem_gen_bench, 32);

static_assert(TANDEM_IOC_BIND == 0xc090d701);
static_assert(TANDEM_IOC_REMOVE == 0x4048d702);
static_assert(TANDEM_IOC_POST == 0x4020d703);
static_assert(TANDEM_IOC_QUEUE == 0xd704);
static_assert(TANDEM_IOC_ADOPT == 0xc028d705);
static_assert(TANDEM_IOC_REPLY_WAIT == 0x4010d706);
static_assert(TANDEM_IOC_READY == 0x4010d707);
static_assert(TANDEM_IOC_PROGRESS == 0x4008d708);
static_assert(TANDEM_IOC_UNBIND == 0xd709);
static_assert(TANDEM_IOC_SECTION == 0xc018d70a);
static_assert(TANDEM_IOC_GRANT == 0x4020d70b);
static_assert(TANDEM_IOC_SECTION_REVOKE == 0xd70c);
static_assert(TANDEM_CTL_CODE(0x22, 0x800, 0, 0) == 0x222000);
static_assert(TANDEM_IOC_DEVICE_CONTROL == 0xc020d710);
static_assert(TANDEM_IOC_SUBSCRIBE == 0xc078d711);
static_assert(TANDEM_IOC_UNSUBSCRIBE == 0x4048d712);
static_assert(TANDEM_IOC_SNAPSHOT == 0xc028d720);
static_assert(TANDEM_IOC_WAIT == 0xc008d722);
static_assert(TANDEM_IOC_ROOM == 0xd721);

/* tandem_listening(), compiled into kernel halves, reads the first member. */
static_assert(offsetof(struct tandem_device, listeners) == 0);
