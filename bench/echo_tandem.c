// SPDX-License-Identifier: GPL-2.0
/* The echo, served by the library in mapped memory. */
#include <string.h>

#include "bench.h"
#include "echo.h"

#define NAME	"bench-echo"

static int64_t echo_open(struct tandem_request *r)
{
	(void)r;
	return 0;
}

static int64_t echo_read(struct tandem_request *r)
{
	memcpy(r->out, echo_stored, r->out_len);
	return r->out_len;
}

static int64_t echo_write(struct tandem_request *r)
{
	memcpy(echo_stored, r->in, r->in_len);
	return r->in_len;
}

static int64_t echo_value(struct tandem_request *r)
{
	const uint32_t value = ECHO_VALUE;

	memcpy(r->out, &value, sizeof(value));
	return 0;
}

static void echo_serve(const struct echo *echo)
{
	static const struct tandem_server_ops ops = {
		.open = echo_open,
		.release = echo_open,
		.read = echo_read,
		.write = echo_write,
	};
	static const struct tandem_server_command commands[] = {
		TANDEM_ON_IOCTL(ECHO_IOC_VALUE, TANDEM_ACCESS_ANY, echo_value),
	};
	const struct tandem_server_options options = {
		.ops = &ops,
		.commands = commands,
		.commands_count = ARRAY_SIZE(commands),
		.flags = TANDEM_BIND_CREATE,
		.mode = 0600,
		.depth = 64,
		.slot_size = 64 * 1024,
		.spin_ns = echo->spin_ns,
	};
	struct tandem_server *server;
	int error = tandem_server_create(&server, NAME, &options);

	if (error)
		die(error, "cannot serve a device");
	echo_ready();
	die(tandem_server_run(server, 0), "the device's server has ended");
}

static void remove_device(void)
{
	int error = tandem_remove(NAME);

	if (error)
		die(error, "cannot remove the device that was served");
}

const struct echo echo_tandem = {
	.name = "tandem",
	.path = "/dev/tandem/" NAME,
	.serve = echo_serve,
	.remove = remove_device,
};

const struct echo echo_tandem_spin = {
	.name = "tandem-spin",
	.path = "/dev/tandem/" NAME,
	.serve = echo_serve,
	.remove = remove_device,
	.spin_ns = 100000,
};
