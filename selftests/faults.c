// SPDX-License-Identifier: GPL-2.0
/* Pages that come only when somebody says so. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"
#include "util.h"

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

int faults_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, UFFDIO_API, &api))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void *faults_page(int faults)
{
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)page, .len = page_size() },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return page == MAP_FAILED || ioctl(faults, UFFDIO_REGISTER, &range) ? NULL : page;
}

bool faults_wait(int faults)
{
	struct pollfd ready = { .fd = faults, .events = POLLIN };
	struct uffd_msg message;

	return poll(&ready, 1, deadline_left(deadline_in(10))) == 1 &&
	       read(faults, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

int faults_end(int faults, void *page)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)page, .len = page_size() },
	};

	return ioctl(faults, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}
