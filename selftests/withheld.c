// SPDX-License-Identifier: GPL-2.0
/* A page of another process that comes only when somebody here says so. */
#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "util.h"
#include "withheld.h"

/* The whole file system is this one file. */
#define PLACE	"/run/tandem-withheld"
/* From where the runner says that this kernel's modules are, if it does. */
#define LOAD_FUSE \
	"modprobe -q ${TANDEM_KERNEL_MODULES:+-d \"$TANDEM_KERNEL_MODULES/../../..\"} fuse"

/* ---- The FUSE server ---- */

static void answer_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info)
{
	const struct stat attributes = {
		.st_ino = FUSE_ROOT_ID,
		.st_mode = S_IFREG | 0600,
		.st_nlink = 1,
		.st_size = page_size(),
	};

	fuse_reply_attr(request, &attributes, 3600);
}

static void keep_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
		      struct fuse_file_info *info)
{
	struct withheld *withheld = fuse_req_userdata(request);

	withheld->reading = request;
}

static const struct fuse_lowlevel_ops server = {
	.getattr = answer_getattr,
	.read = keep_read,
};

static int fuse_open(struct withheld *withheld)
{
	char *name = "withheld";
	struct fuse_args args = FUSE_ARGS_INIT(1, &name);
	int place = open(PLACE, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (place < 0)
		return -errno;
	close(place);
	withheld->session = fuse_session_new(&args, &server, sizeof(server), withheld);
	if (!withheld->session)
		return -ENOMEM;
	if (!fuse_session_mount(withheld->session, PLACE))
		return 0;
	fuse_session_destroy(withheld->session);
	return -ENODEV;
}

static void *fuse_page(struct withheld *withheld)
{
	struct stat attributes;
	void *page;
	int file;

	/* Else this process would keep the server alive. */
	close(fuse_session_fd(withheld->session));
	file = open(PLACE, O_RDONLY | O_CLOEXEC);
	/* For a page's sake the kernel does not ask how large the file is. */
	if (fstat(file, &attributes))
		return NULL;
	page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	/* The kernel asks the server, which answers now. */
	close(file);
	return page == MAP_FAILED ? NULL : page;
}

static bool fuse_wait(struct withheld *withheld)
{
	struct pollfd ready = { .fd = fuse_session_fd(withheld->session), .events = POLLIN };
	const uint64_t deadline = deadline_in(10);
	struct fuse_buf request = { .mem = NULL };

	while (!withheld->reading && poll(&ready, 1, deadline_left(deadline)) == 1 &&
	       fuse_session_receive_buf(withheld->session, &request) > 0)
		fuse_session_process_buf(withheld->session, &request);
	free(request.mem);
	return withheld->reading;
}

static int fuse_give(struct withheld *withheld)
{
	char *zeros = calloc(1, page_size());
	fuse_req_t request = withheld->reading;
	int ret;

	if (!zeros || !request)
		return -ENODATA;
	/* This frees the request, however it ends. */
	withheld->reading = NULL;
	ret = fuse_reply_buf(request, zeros, page_size());
	free(zeros);
	return ret;
}

static void fuse_close(struct withheld *withheld)
{
	/* This frees it, and does not answer. */
	if (withheld->reading)
		fuse_reply_none(withheld->reading);
	fuse_session_unmount(withheld->session);
	fuse_session_destroy(withheld->session);
	unlink(PLACE);
}

/* ---- Both kinds ---- */

const char *withheld_missing(enum withheld_kind kind)
{
	int faults;

	if (kind == WITHHELD_FUSE) {
		if (access("/dev/fuse", F_OK) && system(LOAD_FUSE))
			return "this kernel has no FUSE";
		return NULL;
	}
	faults = faults_open();
	if (faults < 0)
		return "userfaultfd cannot be used here";
	close(faults);
	return NULL;
}

int withheld_open(struct withheld *withheld, enum withheld_kind kind)
{
	*withheld = (struct withheld){ .kind = kind, .faults = -1 };
	if (kind == WITHHELD_FUSE)
		return fuse_open(withheld);
	return pipe2(withheld->told, O_CLOEXEC) ? -errno : 0;
}

void *withheld_page(struct withheld *withheld)
{
	if (withheld->kind == WITHHELD_FUSE)
		return fuse_page(withheld);
	withheld->faults = faults_open();
	withheld->page = faults_page(withheld->faults);
	if (write(withheld->told[1], withheld, sizeof(*withheld)) != sizeof(*withheld))
		return NULL;
	return withheld->page;
}

bool withheld_wait(struct withheld *withheld, pid_t pid)
{
	struct withheld other;
	int process;

	if (withheld->kind == WITHHELD_FUSE)
		return fuse_wait(withheld);
	close(withheld->told[1]);
	withheld->told[1] = -1;
	if (read(withheld->told[0], &other, sizeof(other)) != sizeof(other) || !other.page)
		return false;
	process = pidfd_open(pid, 0);
	withheld->faults = pidfd_getfd(process, other.faults, 0);
	withheld->page = other.page;
	close(process);
	return faults_wait(withheld->faults);
}

int withheld_give(struct withheld *withheld)
{
	if (withheld->kind == WITHHELD_FUSE)
		return fuse_give(withheld);
	return faults_end(withheld->faults, withheld->page);
}

void withheld_close(struct withheld *withheld)
{
	if (withheld->kind == WITHHELD_FUSE) {
		fuse_close(withheld);
		return;
	}
	close(withheld->faults);
	close(withheld->told[0]);
}
