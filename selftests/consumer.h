/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A consumer: a subscription whose rings are mapped. It checks whatever it reads.
 */
#ifndef SELFTESTS_CONSUMER_H
#define SELFTESTS_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/tandem.h>

#define CONSUMER_RINGS_MAX	64

/**
 * struct ring - one mapped ring
 * @consumer: page 0
 * @producer: page 1
 * @data: the rest
 * @size: bytes of data
 * @shared: it is of all CPUs, and a record in it may be TANDEM_RECORD_BUSY
 * @cons: local position, stored by ring_release()
 * @time: of the last record
 * @records: consumed, without discarded ones
 * @lost: sum of lost_before over all records consumed
 */
struct ring {
	struct tandem_ring_consumer *consumer;
	const struct tandem_ring_producer *producer;
	const uint8_t *data;
	uint64_t size;
	bool shared;
	uint64_t cons;
	uint64_t time;
	uint64_t records;
	uint64_t lost;
};

/**
 * struct consumer - a subscription and its rings
 * @fd: the subscription
 * @args: as the kernel answered
 * @ring: one for each possible CPU, or one
 * @error: what was wrong with a record, or NULL
 */
struct consumer {
	int fd;
	struct tandem_subscribe args;
	struct ring ring[CONSUMER_RINGS_MAX];
	const char *error;
};

/* TANDEM_IOC_SUBSCRIBE with everything in @args. Return: the fd or -errno. */
int subscribe(int node, struct tandem_subscribe *args);

/* The same on the device @name. */
int subscribe_by(const char *name, struct tandem_subscribe *args);

/* TANDEM_IOC_WAIT. Return: 0 or -errno. */
int wait_for(int fd, uint64_t timeout);

/* TANDEM_IOC_SNAPSHOT; sets *@overwritten if that is not NULL. Return: bytes or -errno. */
ssize_t snapshot(int fd, uint32_t ring, void *buffer, uint64_t length, uint64_t *overwritten);

/* TANDEM_IOC_UNSUBSCRIBE. Return: 0 or -errno. */
int unsubscribe(int node, const char *name);

/* Subscribes by @args on the open @node and maps the rings. Return: 0 or -errno. */
int consumer_open_args(struct consumer *consumer, int node, const struct tandem_subscribe *args);

/* The same on the device @name. */
int consumer_open_by(struct consumer *consumer, const char *name,
		     const struct tandem_subscribe *args);

/* The same for all its events, in rings of @ring_size. */
int consumer_open(struct consumer *consumer, const char *name, uint64_t ring_size);

/* Maps the rings of @consumer->fd, by @consumer->args. Return: 0 or -errno. */
int consumer_map(struct consumer *consumer);

void consumer_unmap(struct consumer *consumer);
void consumer_close(struct consumer *consumer);

uint64_t ring_published(const struct ring *ring);

/* Are there records that were not consumed, and may be? */
bool consumer_ready(const struct consumer *consumer);

/*
 * The next record of @ring, or NULL if there is none or it is malformed (then @consumer->error).
 * Discarded ones are skipped, but counted for their losses. The record is valid until
 * ring_release().
 */
const struct tandem_record *ring_next(struct consumer *consumer, struct ring *ring);

/* Gives everything back that ring_next() returned. */
void ring_release(struct ring *ring);

/* Consumes all there is. @check may be NULL; what it returns becomes @consumer->error. */
uint64_t consumer_drain(struct consumer *consumer,
			const char *(*check)(void *data, const struct ring *ring,
					     const struct tandem_record *record),
			void *data);

/* Sums over the rings: consumed, their lost_before, the kernel's lost_records. */
uint64_t consumer_records(const struct consumer *consumer);
uint64_t consumer_lost_before(const struct consumer *consumer);
uint64_t consumer_lost_records(const struct consumer *consumer);

/* Bytes of payload. */
size_t record_payload(const struct tandem_record *record);

#endif
