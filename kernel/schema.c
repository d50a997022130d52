// SPDX-License-Identifier: GPL-2.0
/*
 * Schema: the commands that a server has declared, sorted by kind and code.
 */
#include <linux/bsearch.h>
#include <linux/err.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>

#include "schema.h"
#include "server.h"

/**
 * struct tandem_schema - commands
 * @count: how many
 * @commands: sorted; their deadlines in jiffies, as tandem_deadline() gives them, or 0
 */
struct tandem_schema {
	unsigned int count;
	struct tandem_command commands[];
};

/* What do_vfs_ioctl() answers before it asks a character device. */
static const u32 tandem_schema_reserved[] = {
	FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC, FIOQSIZE, FIFREEZE, FITHAW, FS_IOC_FIEMAP,
	FIGETBSZ, FICLONE, FICLONERANGE, FIDEDUPERANGE, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS,
	FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR,
};

static int tandem_command_compare(const void *a, const void *b)
{
	const struct tandem_command *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return 0;
}

static int tandem_command_check(const struct tandem_command *c, u32 slot_size)
{
	unsigned int i;

	if (c->kind > TANDEM_COMMAND_CONTROL || c->method >= TANDEM_METHOD_NEITHER ||
	    c->access & ~(TANDEM_ACCESS_READ | TANDEM_ACCESS_WRITE) || c->reserved ||
	    c->in_min > c->in_len || c->in_len > slot_size || c->out_len > slot_size)
		return -EINVAL;
	if (c->method != TANDEM_METHOD_BUFFERED)
		return -EOPNOTSUPP;
	if (c->kind != TANDEM_COMMAND_IOCTL)
		return 0;
	if (c->in_min || _IOC_TYPE(c->code) == TANDEM_IOC_MAGIC)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(tandem_schema_reserved); i++)
		if (c->code == tandem_schema_reserved[i])
			return -EINVAL;
	return 0;
}

/**
 * tandem_schema_create() - the commands of a BIND
 * @args: its argument
 *
 * Return: the schema, or ERR_PTR, as TANDEM_IOC_BIND says.
 */
struct tandem_schema *tandem_schema_create(const struct tandem_bind *args)
{
	struct tandem_schema *schema;
	unsigned int i, n = args->commands_count;
	int ret = -EFAULT;

	if (n > TANDEM_COMMANDS_MAX || (!args->commands && n))
		return ERR_PTR(-EINVAL);
	schema = kvzalloc(struct_size(schema, commands, n), GFP_KERNEL_ACCOUNT);
	if (!schema)
		return ERR_PTR(-ENOMEM);
	schema->count = n;
	if (copy_from_user(schema->commands, u64_to_user_ptr(args->commands),
			   array_size(n, sizeof(schema->commands[0]))))
		goto err;
	sort(schema->commands, n, sizeof(schema->commands[0]), tandem_command_compare, NULL);
	for (i = 0; i < n; i++) {
		ret = tandem_command_check(&schema->commands[i], args->slot_size);
		if (!ret && i && !tandem_command_compare(&schema->commands[i - 1],
							 &schema->commands[i]))
			ret = -EINVAL;
		if (ret)
			goto err;
		if (schema->commands[i].deadline)
			schema->commands[i].deadline =
				tandem_deadline(schema->commands[i].deadline);
	}
	return schema;

err:
	kvfree(schema);
	return ERR_PTR(ret);
}

void tandem_schema_destroy(struct tandem_schema *schema)
{
	kvfree(schema);
}

/**
 * tandem_schema_find() - a declared command
 * @schema: the schema
 * @kind: which way it comes
 * @code: its number
 *
 * Return: the command, its deadline in jiffies, or NULL.
 */
const struct tandem_command *tandem_schema_find(const struct tandem_schema *schema,
						enum tandem_command_kind kind, u32 code)
{
	const struct tandem_command key = { .kind = kind, .code = code };

	return bsearch(&key, schema->commands, schema->count, sizeof(key), tandem_command_compare);
}

/**
 * tandem_schema_deadline() - the shortest deadline of a command
 * @schema: the schema
 *
 * Return: jiffies, MAX_SCHEDULE_TIMEOUT if there is none.
 */
unsigned long tandem_schema_deadline(const struct tandem_schema *schema)
{
	unsigned long shortest = MAX_SCHEDULE_TIMEOUT;
	unsigned int i;

	for (i = 0; i < schema->count; i++)
		if (schema->commands[i].deadline)
			shortest = min_t(u64, shortest, schema->commands[i].deadline);
	return shortest;
}
