/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a server keeps for each open file: open()'s pointer, and how many requests there are.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct file;
struct request;

#define FILE_SHARDS	64

/**
 * struct files - the open files of a server
 * @lock: of a shard, protects its tree and the files in it; nothing nests inside
 * @root: tree of tsearch(3)
 */
struct files {
	struct {
		pthread_mutex_t lock;
		void *root;
	} shard[FILE_SHARDS];
};

void tandem_files_init(struct files *files);
void tandem_files_exit(struct files *files);

/* A request of the file @id begins. Return: the file, new if it was not known; NULL: no memory. */
struct file *tandem_file_begin(struct files *files, uint64_t id, void **data);

/* Its open() was answered. @data: what its requests find, if it was accepted; else none follow. */
void tandem_file_opened(struct files *files, struct file *file, bool accepted, void *data);

/*
 * A request of the file ends. Return: NULL, or its release, which has waited for that; then the
 * file is known no more.
 */
struct request *tandem_file_end(struct files *files, struct file *file);

/*
 * The file @id is released. Return: true: it is known no more, and had @data; false: it has
 * requests, and tandem_file_end() of the last returns @release.
 */
bool tandem_file_release(struct files *files, uint64_t id, struct request *release, void **data);

#endif /* LIB_FILE_H */
