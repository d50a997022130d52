/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Grant: sections that a server made, and what clients may map of them.
 */
#ifndef _TANDEM_GRANT_H
#define _TANDEM_GRANT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct tandem_grant;
struct tandem_section_open;
struct vm_area_struct;

/**
 * struct tandem_shelf - a device's sections and grants
 * @lock: protects the rest; nests in mmap_lock, outside the locks of shmem
 * @sections: list of &tandem_shelved.node
 * @grants: list of &tandem_granted.node
 * @grant_count: its length
 * @gone: nothing is added any more
 */
struct tandem_shelf {
	struct mutex lock;	/* see above */
	struct list_head sections;
	struct list_head grants;
	unsigned int grant_count;
	bool gone;
};

void tandem_shelf_init(struct tandem_shelf *shelf);
void tandem_shelf_clear(struct tandem_shelf *shelf);
int tandem_shelf_open(struct tandem_shelf *shelf, const char *name,
		      struct tandem_section_open *args);
int tandem_shelf_revoke(struct tandem_shelf *shelf, u32 id);
int tandem_shelf_grant(struct tandem_shelf *shelf, const struct tandem_grant *args);
int tandem_shelf_map_server(struct tandem_shelf *shelf, struct vm_area_struct *vma);
int tandem_shelf_map_client(struct tandem_shelf *shelf, struct vm_area_struct *vma);

#endif /* _TANDEM_GRANT_H */
