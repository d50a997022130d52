/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map: mappings of rings and queues, which are whole, shared and of one process.
 */
#ifndef _TANDEM_MAP_H
#define _TANDEM_MAP_H

#include <linux/mm.h>

/* May a mapping be so at all? Return: 0, or -EINVAL: only shared ones, of which nothing is run. */
static inline int tandem_map_check(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC ? -EINVAL : 0;
}

/* Makes a mapping one that is never written to. Return: 0, or -EACCES if it is to be. */
static inline int tandem_map_read_only(struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}

/* What holds for a mapping that was found good. Its operations refuse to split and to move it. */
static inline void tandem_map_fix(struct vm_area_struct *vma,
				  const struct vm_operations_struct *ops, void *data)
{
	vm_flags_clear(vma, VM_MAYEXEC);
	/* VM_IO also keeps MADV_DOFORK from undoing VM_DONTCOPY. */
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
	vma->vm_private_data = data;
	vma->vm_ops = ops;
}

static inline int tandem_map_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static inline int tandem_map_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

#endif /* _TANDEM_MAP_H */
