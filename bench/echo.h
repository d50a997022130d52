/* SPDX-License-Identifier: GPL-2.0 */
/* Echo: a device served from user space, by each way to do that. */
#ifndef _BENCH_ECHO_H
#define _BENCH_ECHO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define ECHO_SIZE	(1024 * 1024)

#define ECHO_IOC_VALUE	_IOR('e', 1, uint32_t)
#define ECHO_VALUE	0x0ec40ec4

/**
 * struct echo - a way to serve a device
 * @name: in the results
 * @path: the node
 * @serve: serves; it tells by echo_ready() when it begins, and never returns
 * @remove: after the server's death; NULL: nothing is left of it
 * @spin_ns: Tandem: for how long the server looks for requests before it sleeps
 */
struct echo {
	const char *name;
	const char *path;
	void (*serve)(const struct echo *echo);
	void (*remove)(void);
	uint64_t spin_ns;
};

/**
 * struct client - a thread that asks
 * @echo: whom
 * @fd: its file
 * @turn: counts the turns of the floor
 * @buffer: of its own
 */
struct client {
	const struct echo *echo;
	int fd;
	uint32_t turn;
	unsigned char *buffer;
};

extern const struct echo echo_tandem;
extern const struct echo echo_tandem_spin;
extern const struct echo echo_cuse;

/*
 * The floor is a futex in memory that two processes share, or two threads, by which they wake each
 * other. Nothing is handed over. The thread lives as long as its process.
 */
extern const struct echo echo_floor;
extern const struct echo echo_floor_threads;
void floor_init(void);
void floor_start_thread(void);
void floor_run(struct client *client, size_t size);

/* What was written last, which is what is read: all ways copy it to and from here. */
extern unsigned char echo_stored[ECHO_SIZE];

void echo_ready(void);

#endif /* _BENCH_ECHO_H */
