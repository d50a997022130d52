/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test needs: deadlines and loads that suit the machine, nodes, and servers' devices.
 */
#ifndef SELFTESTS_UTIL_H
#define SELFTESTS_UTIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/tandem.h>

#define CONTROL_NODE	"/dev/tandem/control"
#define GEN_NODE	"/dev/tandem/gen"
#define NOBODY		65534

/*
 * The harness gives each test 30 seconds, on every machine. How long is too long is for the runner
 * to say, which knows the machine. So include this after the harness.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	600

/* How many times slower than usual this kernel is: TANDEM_TEST_SCALE, at least 1. */
unsigned int test_scale(void);

/* A load of @n for the usual kernel, less for a slow one, at least 1. */
uint64_t test_load(uint64_t n);

uint64_t now_ns(void);

/* The moment in @seconds, more on a slow kernel. */
uint64_t deadline_in(unsigned int seconds);

bool deadline_passed(uint64_t deadline);

/* Milliseconds left, for poll(): at least 0. */
int deadline_left(uint64_t deadline);

/* Runs the calling thread on @cpu alone. Return: 0 or -errno. */
int pin_to_cpu(unsigned int cpu);

/* Repeatable pseudo-random numbers; @state starts with any value but 0. */
uint64_t next_random(uint64_t *state);

/* The number in a file of one number. Return: false if it cannot be read. */
bool read_number(const char *path, uint64_t *number);

/* Writes a word to a file. Return: 0 or -errno. */
int write_word(const char *path, const char *word);

/* A parameter of the module tandem. */
bool module_parameter(const char *name, uint64_t *value);

/* Loads a module of this tree. Return: 0 or -errno. */
int load_module(const char *name);

/* Return: 0 or -errno; -EWOULDBLOCK if it is in use. */
int unload_module(const char *name);

/* Waits until the child @pid has ended. Return: its wait status, or -ETIMEDOUT. */
int wait_child(pid_t pid, uint64_t deadline);

/*
 * Waits until a thread of this process sleeps, which stores its id in *@tid as it begins. Return:
 * false if it does not within 10 seconds.
 */
bool thread_asleep(const pid_t *tid);

/* pthread_join() for at most @seconds, more on a slow kernel. Return: 0 or an errno. */
int thread_join(pthread_t thread, unsigned int seconds);

/* open() of /dev/tandem/NAME. Return: the fd or -errno. */
int open_node(const char *name, int flags);

/* Fills @bind in for a device @name with an open node. */
void bind_init(struct tandem_bind *bind, const char *name);

/* Opens the control node and makes the device @name there. Return: the server's fd or -errno. */
int bind_device(const char *name);
/* The same with further &enum tandem_bind_flags. */
int bind_device_with(const char *name, uint32_t flags);

/* Removes the device @name. Return: 0 or -errno. */
int remove_device(const char *name);

/* TANDEM_IOC_POST. Return: 0 or -errno. */
int post_event(int server, unsigned int type, enum tandem_class event_class, const void *data,
	       size_t len);

#endif
