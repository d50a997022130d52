/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A simulated kernel: rings in plain shared memory, and a producer that does to them what the real
 * one does, so that the library's reader can be tested without one.
 */
#ifndef SELFTESTS_HOST_SIM_H
#define SELFTESTS_HOST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../lib/subscription.h"

#define SIM_RINGS_MAX	64

/**
 * struct sim_ring - one ring, as its producer sees it
 * @consumer: page 0
 * @producer: page 1, writable here
 * @data: its data, twice
 * @size: bytes of it
 * @head: reserved up to here, published by sim_publish()
 * @pending: losses that no lost_before has told of yet
 */
struct sim_ring {
	struct tandem_ring_consumer *consumer;
	struct tandem_ring_producer *producer;
	unsigned char *data;
	uint64_t size;
	uint64_t head;
	uint64_t pending;
};

/**
 * struct sim - the rings of one subscription
 * @rings: how many
 * @size: bytes of data of each
 * @map_size: bytes of one mapping
 * @memory: the memory behind
 * @own: the producer's mappings
 * @view: the consumer's, read only where they ought to be
 * @attached: @view and @fd are the library's
 * @wake: eventfd, written by a wake-up
 * @fd: the same, for the subscription
 * @ring: the rings
 */
struct sim {
	unsigned int rings;
	uint64_t size;
	size_t map_size;
	int memory;
	unsigned char *own;
	unsigned char *view;
	bool attached;
	int wake;
	int fd;
	struct sim_ring ring[SIM_RINGS_MAX];
};

/* Return: false if the machine lacks memory. */
bool sim_init(struct sim *sim, unsigned int rings, uint64_t size);
void sim_exit(struct sim *sim);

/* A subscription to the rings. Return: 0 or -errno, as tandem_subscription_attach(). */
int sim_attach(struct sim *sim, struct tandem_subscription **sub,
	       const struct tandem_subscribe_options *options);

/* Return: the record, its payload to be filled, or NULL: no room, counted. */
struct tandem_record *sim_reserve(struct sim_ring *ring, unsigned int type_flags, size_t len,
				  uint64_t time);

/* Makes all that was reserved visible. Return: is the consumer to be woken? */
bool sim_publish(struct sim_ring *ring);

/* In a ring of all CPUs: a record that is published and busy. Return: NULL: no room, counted. */
struct tandem_record *sim_begin(struct sim_ring *ring, unsigned int type_flags, size_t len,
				uint64_t time);

/* Its poster is done with it. Return: is the consumer to be woken? */
bool sim_done(struct sim_ring *ring, struct tandem_record *record);

/* Reserves, fills with the bytes of @time, publishes, and wakes. Return: false: lost. */
bool sim_post(struct sim *sim, unsigned int ring, unsigned int type_flags, size_t len,
	      uint64_t time);

/* Is the payload as sim_post() made it? */
bool sim_payload_ok(const struct tandem_record *record);

/* Where @record is in the consumer's view of @ring, as a position below @ring's head. */
uint64_t sim_position(const struct sim *sim, unsigned int ring, const struct tandem_record *record);

/* Passes a little time, another one each round, so that two threads meet everywhere. */
void sim_pause(uint64_t round);

/* Spins until a value is what is wanted, but lets others run if there are not enough CPUs. */
void sim_await(const uint64_t *value, uint64_t wanted);

#endif
