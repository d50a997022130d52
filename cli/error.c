// SPDX-License-Identifier: GPL-2.0
/* Errors, as sentences that say what to do. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <tandem.h>

#include "cli.h"

#define NODE_DIR "/dev/tandem/"

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list args)
{
	fputs("tandemctl: ", stderr);
	vfprintf(stderr, format, args);
}

int complain(const struct cli *cli, int status, const char *format, ...)
{
	va_list args;

	(void)cli;
	va_start(args, format);
	say(format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int complain_usage(const struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	if (cli->command)
		fprintf(stderr, " See 'tandemctl help %s'.\n", cli->command->name);
	else
		fputs(" See 'tandemctl --help'.\n", stderr);
	return STATUS_USAGE;
}

void no_memory(void)
{
	fputs("tandemctl: There is not enough memory.\n", stderr);
	exit(STATUS_FAILED);
}

/* An update of the kernel leaves modules behind that were built for the one before. */
static bool module_is_installed(const char *release)
{
	char path[PATH_MAX], line[4096];
	bool found = false;
	FILE *list;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	list = fopen(path, "re");
	if (!list)
		return false;
	while (!found && fgets(line, sizeof(line), list))
		found = strstr(line, "/tandem.ko");
	fclose(list);
	return found;
}

int no_kernel(const struct cli *cli)
{
	struct utsname system;

	if (uname(&system) || module_is_installed(system.release))
		return complain(cli, STATUS_NO_KERNEL,
				"Tandem is not in this kernel: load the module with 'modprobe tandem'.");
	return complain(cli, STATUS_NO_KERNEL,
			"Tandem is not in this kernel, and no module of it is installed for %s: build and install it for this kernel, then 'modprobe tandem'.",
			system.release);
}

static bool kernel_has_tandem(void)
{
	return !access("/sys/module/tandem", F_OK) || !access(NODE_DIR "control", F_OK);
}

int no_such_device(const struct cli *cli, const char *device)
{
	if (!kernel_has_tandem())
		return no_kernel(cli);
	if (!strcmp(device, "process") || !strcmp(device, "gen"))
		return complain(cli, STATUS_NO_DEVICE,
				"There is no device '%s': load it with 'modprobe tandem_%s'.",
				device, device);
	return complain(cli, STATUS_NO_DEVICE,
			"There is no device '%s'; 'tandemctl list' shows those there are.", device);
}

const char *device_name(const char *node)
{
	const char *slash = strrchr(node, '/');

	return slash ? slash + 1 : node;
}

/* May the node's group open it so, and would joining it be news to the caller? */
static bool group_would_help(const struct stat *st, int flags)
{
	mode_t need = flags == O_RDONLY ? 0040 : flags == O_WRONLY ? 0020 : 0060;

	return st->st_gid && (st->st_mode & need) == need && !group_member(st->st_gid);
}

static int denied(const struct cli *cli, const char *path, int flags)
{
	const char *way = flags == O_RDONLY ? "reading" :
			  flags == O_WRONLY ? "writing" : "reading and writing";
	const struct passwd *user;
	const struct group *group;
	struct stat st;

	if (stat(path, &st))
		return complain(cli, STATUS_PERMISSION,
				"You may not open '%s': a directory above it is closed to you.",
				path);
	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	if (group && group_would_help(&st, flags))
		return complain(cli, STATUS_PERMISSION,
				"You may not open '%s' for %s (mode %04o, user %s, group %s): join the group with 'usermod -aG %s USER' and log in again, or run this as root.",
				path, way, st.st_mode & 07777, user ? user->pw_name : "unknown",
				group->gr_name, group->gr_name);
	return complain(cli, STATUS_PERMISSION,
			"You may not open '%s' for %s (mode %04o, user %s, group %s): run this as root%s.",
			path, way, st.st_mode & 07777, user ? user->pw_name : "unknown",
			group ? group->gr_name : "unknown",
			flags == O_RDWR ? ", or try --read-only" : "");
}

static int bad_name(const struct cli *cli, const char *device)
{
	return complain_usage(cli,
			      "'%s' is no name for a device: up to 63 letters, digits, points, underscores and hyphens, the first a letter or digit, and neither 'control' nor 'sync'.",
			      device);
}

int open_failed(const struct cli *cli, const char *node, int flags, int error)
{
	bool is_path = strchr(node, '/');
	char path[sizeof(NODE_DIR) + TANDEM_NAME_SIZE];

	snprintf(path, sizeof(path), NODE_DIR "%s", node);
	switch (error) {
	case -ENOENT:
		if (is_path && strncmp(node, NODE_DIR, strlen(NODE_DIR)))
			return complain(cli, STATUS_NO_DEVICE, "There is no file '%s'.", node);
		return no_such_device(cli, device_name(node));
	case -ENODEV:
	case -ENXIO:
		return complain(cli, STATUS_NO_DEVICE, "The device behind '%s' is gone.", node);
	case -EACCES:
	case -EPERM:
		return denied(cli, is_path ? node : path, flags);
	case -ENAMETOOLONG:
	case -EINVAL:
		if (!is_path)
			return bad_name(cli, node);
		break;
	}
	return complain(cli, STATUS_FAILED, "'%s' cannot be opened: %s.", node, strerror(-error));
}

int control_failed(const struct cli *cli, const char *device, int error)
{
	switch (error) {
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return no_such_device(cli, device);
	case -EACCES:
		return denied(cli, NODE_DIR "control", O_WRONLY);
	case -EPERM:
		return complain(cli, STATUS_FAILED,
				"The device '%s' belongs to a kernel half, which alone may serve and remove it.",
				device);
	case -EBUSY:
		return complain(cli, STATUS_FAILED,
				"The device '%s' has a server; 'tandemctl show %s' tells which.",
				device, device);
	case -EINVAL:
	case -ENAMETOOLONG:
		return bad_name(cli, device);
	default:
		return complain(cli, STATUS_FAILED, "'%s': %s.", device, tandem_strerror(error));
	}
}

int subscription_failed(const struct cli *cli, const char *device, const char *name, int error)
{
	switch (error) {
	case -ENOENT:
		return complain(cli, STATUS_FAILED,
				"'%s' has no durable subscription '%s'; 'tandemctl subscription list %s' shows those there are.",
				device, name, device);
	case -EPERM:
		return complain(cli, STATUS_PERMISSION,
				"The subscription '%s' of '%s' is another user's: run this as that user, or as root.",
				name, device);
	case -EBUSY:
		return complain(cli, STATUS_FAILED,
				"Somebody is attached to the subscription '%s' of '%s'; 'tandemctl subscription show %s %s' tells who.",
				name, device, device, name);
	case -EEXIST:
		return complain(cli, STATUS_FAILED,
				"The subscription '%s' of '%s' was made with other options: leave yours out, or remove it with 'tandemctl subscription rm %s %s'.",
				name, device, device, name);
	case -EINVAL:
	case -ENAMETOOLONG:
		return complain_usage(cli,
				      "'%s' is no name for a subscription: up to 63 letters, digits, points, underscores and hyphens, the first a letter or digit.",
				      name);
	default:
		return complain(cli, STATUS_FAILED, "The subscription '%s' of '%s': %s.", name,
				device, tandem_strerror(error));
	}
}

int subscribe_failed(const struct cli *cli, const char *node, const char *name, int error)
{
	if (name && (error == -EPERM || error == -EBUSY || error == -EEXIST ||
		     error == -ENAMETOOLONG))
		return subscription_failed(cli, device_name(node), name, error);
	switch (error) {
	case -EOPNOTSUPP:
		return complain(cli, STATUS_FAILED,
				"'%s' does not let its consumers block its posters: use --overflow drop or overwrite.",
				node);
	case -EINVAL:
		return complain_usage(cli,
				      "'%s' takes no subscription of this kind: a watermark is at most half of a ring, and --overflow overwrite goes without --shared.",
				      node);
	case -EACCES:
		return complain(cli, STATUS_PERMISSION,
				"You may not read the events of '%s': 'tandemctl show %s' tells who may (events_mode).",
				node, device_name(node));
	case -ENOTTY:
		return complain(cli, STATUS_NO_DEVICE, "'%s' is no Tandem device.", node);
	case -EDQUOT:
		return complain(cli, STATUS_FAILED,
				"You have as many subscriptions, or as much memory in their rings, as a user may: end one, or ask for a smaller --ring-size.");
	case -EPROTO:
		return complain(cli, STATUS_NO_KERNEL,
				"The kernel module and this program are of different versions: reload the module.");
	default:
		return complain(cli, STATUS_FAILED, "The events of '%s' cannot be read: %s.", node,
				tandem_strerror(error));
	}
}
