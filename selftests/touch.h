/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every way in which Tandem touches memory of user space, and what others expect to go on while one
 * of them waits for a page.
 */
#ifndef SELFTESTS_TOUCH_H
#define SELFTESTS_TOUCH_H

#define TOUCH_DEVICE	"t-touch"

/**
 * struct touch_files - what is touched with
 * @gen: the generator's node
 * @node: that of TOUCH_DEVICE
 * @control: the control node, not bound
 * @server: the server of TOUCH_DEVICE
 * @subscription: to TOUCH_DEVICE
 * @recorder: likewise, a flight recorder
 */
struct touch_files {
	int gen;
	int node;
	int control;
	int server;
	int subscription;
	int recorder;
};

/**
 * struct touch - one way
 * @name: for people
 * @call: touches @page, and returns what the system call did
 */
struct touch {
	const char *name;
	long (*call)(const struct touch_files *files, void *page);
};

extern const struct touch touches[];
extern const unsigned int touches_count;

/* Makes TOUCH_DEVICE and opens all. Return: 0 or -errno. */
int touch_open(struct touch_files *files);

/* Closes all and removes TOUCH_DEVICE. Return: 0 or -errno. */
int touch_close(struct touch_files *files);

/*
 * Does what others do: they open, ask, read, write, map, post, subscribe, make and remove devices,
 * and look at everything. Return: NULL, or what went wrong, or what did not end in time; then
 * touch_release() must follow once it can end.
 */
const char *touch_others(const struct touch_files *files);
void touch_release(void);

#endif
