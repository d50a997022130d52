// SPDX-License-Identifier: GPL-2.0
/* The store: a section whose bytes read, write, lseek and mmap show. */
#include <linux/fs.h>

#include "gen.h"

static struct tandem_section *store;

int gen_store_init(void)
{
	store = tandem_section_create("tandem-gen", TANDEM_GEN_STORE_SIZE);
	return PTR_ERR_OR_ZERO(store);
}

void gen_store_exit(void)
{
	tandem_section_destroy(store);
}

ssize_t gen_store_read_iter(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *to)
{
	return tandem_section_read_iter(store, &iocb->ki_pos, to);
}

ssize_t gen_store_write_iter(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *from)
{
	return tandem_section_write_iter(store, &iocb->ki_pos, from);
}

loff_t gen_store_llseek(struct tandem_file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file->filp, offset, whence, TANDEM_GEN_STORE_SIZE);
}

int gen_store_mmap(struct tandem_file *file, struct vm_area_struct *vma)
{
	return tandem_section_mmap(store, vma);
}
