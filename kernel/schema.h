/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Schema: the commands that a server has declared.
 */
#ifndef _TANDEM_SCHEMA_H
#define _TANDEM_SCHEMA_H

#include <linux/types.h>

#include <linux/tandem.h>

struct tandem_schema;

struct tandem_schema *tandem_schema_create(const struct tandem_bind *args);
void tandem_schema_destroy(struct tandem_schema *schema);
const struct tandem_command *tandem_schema_find(const struct tandem_schema *schema,
						enum tandem_command_kind kind, u32 code);
unsigned long tandem_schema_deadline(const struct tandem_schema *schema);

#endif /* _TANDEM_SCHEMA_H */
