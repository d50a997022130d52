// SPDX-License-Identifier: GPL-2.0
/*
 * Section: kernel-owned shared memory.
 *
 * The memory is that of a shmem file, and mappings are the file's own, so that it swaps,
 * migrates and is found by reverse mapping like any other. To revoke it is to truncate the
 * file.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "tandem.h"

/* So much is written at a time. */
#define TANDEM_SECTION_PIECE	SZ_64K

/**
 * struct tandem_section - shared memory
 * @file: shmem; mappings hold it too
 * @size: bytes
 */
struct tandem_section {
	struct file *file;
	u64 size;
};

struct tandem_section *tandem_section_create(const char *name, size_t size)
{
	struct tandem_section *section;
	struct file *file;

	if (!size || size > SZ_1G)
		return ERR_PTR(-EINVAL);
	section = kzalloc(sizeof(*section), GFP_KERNEL_ACCOUNT);
	if (!section)
		return ERR_PTR(-ENOMEM);
	section->size = PAGE_ALIGN(size);
	file = shmem_file_setup(name, section->size, TANDEM_SHMEM_NORESERVE);
	if (IS_ERR(file)) {
		kfree(section);
		return ERR_CAST(file);
	}
	section->file = file;
	return section;
}
EXPORT_SYMBOL_GPL(tandem_section_create);

void tandem_section_destroy(struct tandem_section *section)
{
	struct inode *inode;

	if (IS_ERR_OR_NULL(section))
		return;
	inode = file_inode(section->file);
	inode_lock(inode);
	/* Faults look at the size with the folio locked; truncation locks each folio it unmaps. */
	i_size_write(inode, 0);
	unmap_mapping_range(inode->i_mapping, 0, 0, 1);
	shmem_truncate_range(inode, 0, -1);
	inode_unlock(inode);
	fput(section->file);
	kfree(section);
}
EXPORT_SYMBOL_GPL(tandem_section_destroy);

int tandem_section_mmap(struct tandem_section *section, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 length = vma->vm_end - vma->vm_start;

	if (offset > section->size || length > section->size - offset)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	vma_set_file(vma, section->file);
	return vfs_mmap(section->file, vma);
}
EXPORT_SYMBOL_GPL(tandem_section_mmap);

ssize_t tandem_section_read_iter(struct tandem_section *section, loff_t *pos, struct iov_iter *to)
{
	if (*pos < 0)
		return -EINVAL;
	if (*pos >= section->size || !iov_iter_count(to))
		return 0;
	return vfs_iter_read(section->file, to, pos, 0);
}
EXPORT_SYMBOL_GPL(tandem_section_read_iter);

/*
 * In pieces that are in kernel memory: the file's own way takes the inode's lock, which other
 * writers and tandem_section_destroy() want too, and waits under it for the caller's pages, which
 * may never come.
 */
ssize_t tandem_section_write_iter(struct tandem_section *section, loff_t *pos,
				  struct iov_iter *from)
{
	ssize_t ret = 0, done = 0;
	size_t len, size;
	void *piece;

	if (*pos < 0)
		return -EINVAL;
	if (!iov_iter_count(from))
		return 0;
	if (*pos >= section->size)
		return -ENOSPC;
	iov_iter_truncate(from, section->size - *pos);
	size = min_t(size_t, iov_iter_count(from), TANDEM_SECTION_PIECE);
	piece = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!piece)
		return -ENOMEM;
	while (iov_iter_count(from)) {
		len = copy_from_iter(piece, min(iov_iter_count(from), size), from);
		ret = len ? kernel_write(section->file, piece, len, pos) : -EFAULT;
		if (ret > 0)
			done += ret;
		if (ret != len)
			break;
	}
	kvfree(piece);
	return done ?: ret;
}
EXPORT_SYMBOL_GPL(tandem_section_write_iter);
