// SPDX-License-Identifier: GPL-2.0
/*
 * Sections that a server makes, and what clients may map of them.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "util.h"

#define DEVICE	"t-grant"
#define PAGES	4

FIXTURE(grant)
{
	int server;
	int client;
	size_t page;
	uint64_t offset;
};

/* TANDEM_IOC_SECTION. Return: 0 or -errno; *@offset is where it is mapped. */
static int section_open(int server, uint32_t id, uint32_t flags, uint64_t size, uint64_t *offset)
{
	struct tandem_section_open args = { .id = id, .flags = flags, .size = size };

	if (ioctl(server, TANDEM_IOC_SECTION, &args))
		return -errno;
	if (offset)
		*offset = args.offset;
	return 0;
}

static int grant(int server, uint32_t id, uint32_t access, uint64_t offset, uint64_t start,
		 uint64_t length)
{
	struct tandem_grant args = {
		.section = id,
		.access = access,
		.offset = offset,
		.start = start,
		.length = length,
	};

	return ioctl(server, TANDEM_IOC_GRANT, &args) ? -errno : 0;
}

/* Makes a session on the device that is there. Return: the server's fd or -errno. */
static int bind_again(void)
{
	int server = open_node("control", O_RDWR);
	struct tandem_bind bind;

	bind_init(&bind, DEVICE);
	bind.flags = 0;
	if (server >= 0 && ioctl(server, TANDEM_IOC_BIND, &bind)) {
		int error = -errno;

		close(server);
		return error;
	}
	return server;
}

static void *map(int fd, int prot, uint64_t offset, size_t length)
{
	void *at = mmap(NULL, length, prot, MAP_SHARED, fd, offset);

	return at == MAP_FAILED ? NULL : at;
}

FIXTURE_SETUP(grant)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->client = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, section_open(self->server, 7, TANDEM_SECTION_CREATE, PAGES * self->page,
				  &self->offset));
}

FIXTURE_TEARDOWN(grant)
{
	close(self->client);
	close(self->server);
	remove_device(DEVICE);
}

TEST_F(grant, shared)
{
	const int both = PROT_READ | PROT_WRITE;
	unsigned char *server = map(self->server, both, self->offset, PAGES * self->page);
	unsigned char *client;

	ASSERT_NE(NULL, server);
	EXPECT_EQ(NULL, map(self->client, PROT_READ, 0, self->page));
	EXPECT_EQ(ENODEV, errno);
	ASSERT_EQ(0, grant(self->server, 7, TANDEM_ACCESS_READ | TANDEM_ACCESS_WRITE, 0x100000,
			   self->page, 2 * self->page));
	client = map(self->client, both, 0x100000, 2 * self->page);
	ASSERT_NE(NULL, client);
	server[self->page] = 1;
	client[self->page] = 2;
	EXPECT_EQ(1, client[0]);
	EXPECT_EQ(2, server[2 * self->page]);
	munmap(client, 2 * self->page);

	client = map(self->client, PROT_READ, 0x100000 + self->page, self->page);
	ASSERT_NE(NULL, client);
	EXPECT_EQ(2, client[0]);
	munmap(client, self->page);
	munmap(server, PAGES * self->page);
}

TEST_F(grant, bounds)
{
	const uint32_t both = TANDEM_ACCESS_READ | TANDEM_ACCESS_WRITE;
	size_t page = self->page;

	ASSERT_EQ(0, grant(self->server, 7, both, 4 * page, page, 2 * page));
	EXPECT_EQ(NULL, map(self->client, PROT_READ, 3 * page, page));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, map(self->client, PROT_READ, 3 * page, 2 * page));
	EXPECT_EQ(NULL, map(self->client, PROT_READ, 5 * page, 2 * page));
	EXPECT_EQ(NULL, map(self->client, PROT_READ, 4 * page, 3 * page));
	EXPECT_EQ(NULL, map(self->server, PROT_READ, self->offset, (PAGES + 1) * page));
	EXPECT_EQ(NULL, map(self->server, PROT_READ, self->offset + TANDEM_SECTION_SIZE_MAX, page));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_PRIVATE, self->client, 4 * page));
	EXPECT_EQ(EINVAL, errno);

	EXPECT_EQ(-EEXIST, grant(self->server, 7, both, 5 * page, 0, page));
	EXPECT_EQ(-ENOENT, grant(self->server, 8, both, 0, 0, page));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, both, 0, 0, (PAGES + 1) * page));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, both, 0, -page, page));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, both, 0, 0, 0));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, both, 1, 0, page));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, TANDEM_ACCESS_WRITE, 0, 0, page));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, 4, 0, 0, page));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, both, TANDEM_SECTION_OFFSET, 0, page));
	EXPECT_EQ(-EINVAL, grant(self->server, 7, both, -page, 0, page));
	EXPECT_EQ(-ENOENT, grant(self->server, 7, 0, 4 * page, 0, page));
	EXPECT_EQ(0, grant(self->server, 7, 0, 4 * page, page, 2 * page));
	EXPECT_EQ(NULL, map(self->client, PROT_READ, 4 * page, page));

	EXPECT_EQ(-EINVAL, section_open(self->server, TANDEM_SECTIONS_MAX, TANDEM_SECTION_CREATE,
					page, NULL));
	EXPECT_EQ(-EINVAL, section_open(self->server, 1, TANDEM_SECTION_CREATE, 0, NULL));
	EXPECT_EQ(-EINVAL, section_open(self->server, 1, TANDEM_SECTION_CREATE,
					TANDEM_SECTION_SIZE_MAX + 1, NULL));
	EXPECT_EQ(-EINVAL, section_open(self->server, 1, TANDEM_SECTION_EXCLUSIVE, page, NULL));
	EXPECT_EQ(-EINVAL, section_open(self->server, 1, 4, page, NULL));
	EXPECT_EQ(-ENOENT, section_open(self->server, 1, 0, 0, NULL));
	EXPECT_EQ(-EEXIST, section_open(self->server, 7,
					TANDEM_SECTION_CREATE | TANDEM_SECTION_EXCLUSIVE, page,
					NULL));
}

TEST_F(grant, read_only)
{
	int reader = open_node(DEVICE, O_RDONLY);
	unsigned char *at;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, grant(self->server, 7, TANDEM_ACCESS_READ, 0, 0, self->page));
	EXPECT_EQ(NULL, map(self->client, PROT_READ | PROT_WRITE, 0, self->page));
	EXPECT_EQ(EACCES, errno);
	at = map(self->client, PROT_READ, 0, self->page);
	ASSERT_NE(NULL, at);
	EXPECT_EQ(-1, mprotect(at, self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(at, self->page);

	/* What a section allows, a file that was not opened for it does not. */
	ASSERT_EQ(0, grant(self->server, 7, TANDEM_ACCESS_READ | TANDEM_ACCESS_WRITE,
			   self->page, 0, self->page));
	EXPECT_EQ(NULL, map(reader, PROT_READ | PROT_WRITE, self->page, self->page));
	EXPECT_EQ(EACCES, errno);
	close(reader);
}

static sigjmp_buf caught;

static void on_bus(int sig)
{
	siglongjmp(caught, 1);
}

/* Return: does reading @at raise SIGBUS? */
static bool faults(const unsigned char *at)
{
	struct sigaction action = { .sa_handler = on_bus }, old;
	bool fault = true;

	sigaction(SIGBUS, &action, &old);
	if (!sigsetjmp(caught, 1)) {
		__atomic_load_n(at, __ATOMIC_RELAXED);
		fault = false;
	}
	sigaction(SIGBUS, &old, NULL);
	return fault;
}

TEST_F(grant, survives_server)
{
	unsigned char *server = map(self->server, PROT_READ | PROT_WRITE, self->offset, self->page);
	unsigned char *client;
	int next;

	ASSERT_NE(NULL, server);
	server[0] = 42;
	ASSERT_EQ(0, grant(self->server, 7, TANDEM_ACCESS_READ, 0, 0, self->page));
	client = map(self->client, PROT_READ, 0, self->page);
	ASSERT_NE(NULL, client);
	munmap(server, self->page);
	close(self->server);
	EXPECT_FALSE(faults(client));
	EXPECT_EQ(42, client[0]);

	next = bind_again();
	ASSERT_LE(0, next);
	self->server = next;
	ASSERT_EQ(0, section_open(next, 7, 0, 0, &self->offset));
	server = map(next, PROT_READ, self->offset, self->page);
	ASSERT_NE(NULL, server);
	EXPECT_EQ(42, server[0]);
	munmap(server, self->page);
	munmap(client, self->page);
}

TEST_F(grant, revoked)
{
	unsigned char *server = map(self->server, PROT_READ | PROT_WRITE, self->offset, self->page);
	unsigned char *client, *other;

	ASSERT_NE(NULL, server);
	ASSERT_EQ(0, grant(self->server, 7, TANDEM_ACCESS_READ, 0, 0, self->page));
	client = map(self->client, PROT_READ, 0, self->page);
	ASSERT_NE(NULL, client);
	EXPECT_FALSE(faults(client));
	ASSERT_EQ(0, ioctl(self->server, TANDEM_IOC_SECTION_REVOKE, 7));
	EXPECT_TRUE(faults(client));
	EXPECT_TRUE(faults(server));
	EXPECT_EQ(-1, ioctl(self->server, TANDEM_IOC_SECTION_REVOKE, 7));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(NULL, map(self->client, PROT_READ, 0, self->page));

	/* Another of the same number has nothing to do with it. */
	ASSERT_EQ(0, section_open(self->server, 7, TANDEM_SECTION_CREATE, self->page, NULL));
	other = map(self->server, PROT_READ, self->offset, self->page);
	ASSERT_NE(NULL, other);
	EXPECT_FALSE(faults(other));
	EXPECT_TRUE(faults(client));

	/* The device goes, and its sections with it. */
	ASSERT_EQ(-EBUSY, remove_device(DEVICE));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	EXPECT_TRUE(faults(other));
	munmap(other, self->page);
	munmap(client, self->page);
	munmap(server, self->page);
	self->server = bind_device(DEVICE);
	EXPECT_LE(0, self->server);
}

TEST_HARNESS_MAIN
