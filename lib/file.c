// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Open files of a server, found by their ids from the threads of all queues.
 */
#include <search.h>
#include <stdlib.h>

#include "file.h"

/**
 * struct file - an open file
 * @id: its name; first, because a key of tfind() is no more than that
 * @data: what open() left
 * @requests: how many are being answered
 * @refused: open() failed, and nothing follows
 * @release: its release, which waits for @requests to be 0
 */
struct file {
	uint64_t id;
	void *data;
	unsigned int requests;
	bool refused;
	struct request *release;
};

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static unsigned int shard_of(uint64_t id)
{
	return id % FILE_SHARDS;
}

void tandem_files_init(struct files *files)
{
	unsigned int i;

	for (i = 0; i < FILE_SHARDS; i++) {
		pthread_mutex_init(&files->shard[i].lock, NULL);
		files->shard[i].root = NULL;
	}
}

void tandem_files_exit(struct files *files)
{
	unsigned int i;

	for (i = 0; i < FILE_SHARDS; i++) {
		tdestroy(files->shard[i].root, free);
		pthread_mutex_destroy(&files->shard[i].lock);
	}
}

static struct file *make(void **root, uint64_t id)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->id = id;
	if (!tsearch(file, root, compare)) {
		free(file);
		return NULL;
	}
	return file;
}

struct file *tandem_file_begin(struct files *files, uint64_t id, void **data)
{
	unsigned int i = shard_of(id);
	struct file *const *found;
	struct file *file;

	pthread_mutex_lock(&files->shard[i].lock);
	found = tfind(&id, &files->shard[i].root, compare);
	file = found ? *found : make(&files->shard[i].root, id);
	if (file) {
		file->requests++;
		*data = file->data;
	}
	pthread_mutex_unlock(&files->shard[i].lock);
	return file;
}

void tandem_file_opened(struct files *files, struct file *file, bool accepted, void *data)
{
	unsigned int i = shard_of(file->id);

	pthread_mutex_lock(&files->shard[i].lock);
	file->refused = !accepted;
	file->data = accepted ? data : NULL;
	pthread_mutex_unlock(&files->shard[i].lock);
}

struct request *tandem_file_end(struct files *files, struct file *file)
{
	unsigned int i = shard_of(file->id);
	struct request *release = NULL;
	bool last;

	pthread_mutex_lock(&files->shard[i].lock);
	last = !--file->requests && (file->release || file->refused);
	if (last) {
		release = file->release;
		tdelete(file, &files->shard[i].root, compare);
	}
	pthread_mutex_unlock(&files->shard[i].lock);
	if (last)
		free(file);
	return release;
}

bool tandem_file_release(struct files *files, uint64_t id, struct request *release, void **data)
{
	unsigned int i = shard_of(id);
	struct file *const *found;
	struct file *file = NULL;
	bool busy = false;

	*data = NULL;
	pthread_mutex_lock(&files->shard[i].lock);
	found = tfind(&id, &files->shard[i].root, compare);
	if (found) {
		file = *found;
		*data = file->data;
		busy = file->requests;
		if (busy)
			file->release = release;
		else
			tdelete(file, &files->shard[i].root, compare);
	}
	pthread_mutex_unlock(&files->shard[i].lock);
	if (!busy)
		free(file);
	return !busy;
}
