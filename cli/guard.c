// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for an ioctl. It ends at a page without access, so a kernel that takes or gives more than
 * it was told of gets EFAULT and shows itself, and cannot write over this program.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"

int guard_alloc(struct guarded *guarded, size_t len, const struct bytes *from)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (len + page - 1) / page * page;

	guarded->map_len = room + page;
	guarded->map = mmap(NULL, guarded->map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guarded->map == MAP_FAILED) {
		guarded->map = NULL;
		return -errno;
	}
	if (room && mprotect(guarded->map, room, PROT_READ | PROT_WRITE)) {
		int error = -errno;

		guard_free(guarded);
		return error;
	}
	guarded->len = len;
	guarded->data = (unsigned char *)guarded->map + room - len;
	if (from && from->len)
		memcpy(guarded->data, from->data, from->len < len ? from->len : len);
	return 0;
}

void guard_free(struct guarded *guarded)
{
	if (guarded->map)
		munmap(guarded->map, guarded->map_len);
	*guarded = (struct guarded){ .len = 0 };
}
