/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events as JSON objects, one and the same for the command and the daemon.
 *
 * The fields of every event:
 *
 *	device		name of the device
 *	cpu		whose ring it came from; missing if the ring is of all CPUs
 *	type		number of the type
 *	event		the type's name, for types that have one
 *	class		"bulk", "normal", "important" or "critical"
 *	time		CLOCK_MONOTONIC in nanoseconds
 *	lost_before	records lost since the one before it in the same ring
 *	len		bytes of payload
 *
 * A payload that is not understood follows as "data", in hex. One of the process device follows as
 *
 *	pid, tgid, ppid, uid, start_time, comm, thread
 *	parent_tid			fork
 *	filename, truncated		exec
 *	exit_code, signal, coredump	exit
 *
 * Events of a durable subscription also have
 *
 *	ring, position	where it was; two events of one device that agree in these and in time are
 *			one and the same, which was written twice
 *
 * JSON strings are UTF-8, names in Linux are bytes: bytes that are none become U+FFFD, and then
 * "data" is there as well.
 */
#ifndef DECODE_DECODE_H
#define DECODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/tandem.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

struct json_object;

/**
 * decode_event() - an event as a JSON object
 * @device: the device's name, without a path
 * @record: the event
 * @cpu: whose ring it came from; UINT_MAX: that of all CPUs
 *
 * Return: the object, the caller's to put, or NULL without memory.
 */
struct json_object *decode_event(const char *device, const struct tandem_record *record,
				 unsigned int cpu);

/* decode_add_place() - say where in which ring an event was; false without memory */
bool decode_add_place(struct json_object *object, unsigned int ring, __u64 position);

/**
 * decode_type_name() - the name of a type of event
 * @device: the device's name
 * @type: the type
 *
 * Return: the name, or NULL if it has none.
 */
const char *decode_type_name(const char *device, unsigned int type);

/**
 * decode_type_number() - the type of that name
 * @device: the device's name
 * @name: the name
 *
 * Return: the type, or -1 if there is none.
 */
int decode_type_number(const char *device, const char *name);

/**
 * decode_class_name() - the name of a class
 * @event_class: the class, below TANDEM_CLASSES
 */
const char *decode_class_name(unsigned int event_class);

/**
 * decode_class_number() - the class of that name
 * @name: the name
 *
 * Return: the class, or -1 if there is none.
 */
int decode_class_number(const char *name);

/* ---- For the decoders alone ---- */

/* Add a number, or a truth, to @object; false without memory. */
bool decode_add_int(struct json_object *object, const char *key, __u64 value);
bool decode_add_bool(struct json_object *object, const char *key, bool value);

/*
 * Add the bytes up to the first NUL, at most @len; false without memory. *@lossy becomes true
 * if they are not UTF-8.
 */
bool decode_add_string(struct json_object *object, const char *key, const char *bytes, size_t len,
		       bool *lossy);
bool decode_add_hex(struct json_object *object, const char *key, const void *data, size_t len);

/*
 * Add what the payload of a process event says. Return 1 if all of it was said, 0 if not, -1
 * without memory.
 */
int decode_process(struct json_object *object, unsigned int type, const void *data, size_t len);
const char *decode_process_type(unsigned int type);

#endif /* DECODE_DECODE_H */
