/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compat: the rest of the module is written for the newest kernel; what an older one lacks is made
 * up here. Included before everything else. Kbuild.include probes for each feature by name, since
 * distributions backport; no version number is tested.
 */
#ifndef _TANDEM_COMPAT_H
#define _TANDEM_COMPAT_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <net/genetlink.h>
#include <asm/local.h>

#ifndef TANDEM_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#ifndef TANDEM_HAVE_LOCAL_TRY_CMPXCHG
#ifdef CONFIG_X86
/* The instruction says whether it did it. */
#define local_try_cmpxchg(local, oldp, new)				\
	__raw_try_cmpxchg(&(local)->a.counter, oldp, new, sizeof(long), "")
#else
/* Its own names must not be those in the macros below it. */
#define local_try_cmpxchg(local, oldp, new)				\
({									\
	typeof(oldp) tandem_oldp = (oldp);				\
	long tandem_old = *tandem_oldp;					\
									\
	*tandem_oldp = local_cmpxchg(local, tandem_old, new);		\
	likely(*tandem_oldp == tandem_old);				\
})
#endif
#endif

#ifndef TANDEM_HAVE_VFS_MMAP
static inline int vfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	return call_mmap(file, vma);
}
#endif

#ifndef TANDEM_HAVE_COPY_SPLICE_READ
#define copy_splice_read generic_file_splice_read
#endif

/* What shmem_file_setup() takes so that pages are accounted when they come into being. */
#ifdef TANDEM_HAVE_SHMEM_VMA_FLAGS
#define TANDEM_SHMEM_NORESERVE	mk_vma_flags(VMA_NORESERVE_BIT)
#else
#define TANDEM_SHMEM_NORESERVE	VM_NORESERVE
#endif

/* What the devnode operation of a struct device_type takes. */
#ifdef TANDEM_HAVE_CONST_DEVNODE
#define tandem_devnode_device const struct device
#else
#define tandem_devnode_device struct device
#endif

static inline struct nlattr **tandem_dump_attrs(struct netlink_callback *cb)
{
#ifdef TANDEM_HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#endif /* _TANDEM_COMPAT_H */
