// SPDX-License-Identifier: GPL-2.0
/*
 * Grant: sections that a server made, and what clients may map of them.
 *
 * They belong to the device, and stay when its server dies.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "grant.h"
#include "tandem.h"

/**
 * struct tandem_shelved - a section
 * @node: in &tandem_shelf.sections
 * @section: the memory
 * @id: its number
 * @size: bytes
 */
struct tandem_shelved {
	struct list_head node;
	struct tandem_section *section;
	u32 id;
	u64 size;
};

/**
 * struct tandem_granted - a range of a device's mappings
 * @node: in &tandem_shelf.grants
 * @from: the section
 * @grant: as the server said
 */
struct tandem_granted {
	struct list_head node;
	struct tandem_shelved *from;
	struct tandem_grant grant;
};

void tandem_shelf_init(struct tandem_shelf *shelf)
{
	mutex_init(&shelf->lock);
	INIT_LIST_HEAD(&shelf->sections);
	INIT_LIST_HEAD(&shelf->grants);
}

static struct tandem_shelved *tandem_shelf_find(struct tandem_shelf *shelf, u32 id)
{
	struct tandem_shelved *s;

	lockdep_assert_held(&shelf->lock);
	list_for_each_entry(s, &shelf->sections, node)
		if (s->id == id)
			return s;
	return NULL;
}

static struct tandem_shelved *tandem_shelf_add(struct tandem_shelf *shelf, const char *name,
					       const struct tandem_section_open *args)
{
	struct tandem_shelved *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	lockdep_assert_held(&shelf->lock);
	if (!s)
		return ERR_PTR(-ENOMEM);
	s->id = args->id;
	s->size = PAGE_ALIGN(args->size);
	s->section = tandem_section_create(name, s->size);
	if (IS_ERR(s->section)) {
		long error = PTR_ERR(s->section);

		kfree(s);
		return ERR_PTR(error);
	}
	list_add_tail(&s->node, &shelf->sections);
	return s;
}

/**
 * tandem_shelf_open() - TANDEM_IOC_SECTION
 * @shelf: of the server's device
 * @name: of the device
 * @args: the argument; its out fields are set
 */
int tandem_shelf_open(struct tandem_shelf *shelf, const char *name,
		      struct tandem_section_open *args)
{
	struct tandem_shelved *s;
	int ret = 0;

	if (args->flags & ~(TANDEM_SECTION_CREATE | TANDEM_SECTION_EXCLUSIVE) ||
	    args->flags == TANDEM_SECTION_EXCLUSIVE || args->id >= TANDEM_SECTIONS_MAX ||
	    (args->flags && (!args->size || args->size > TANDEM_SECTION_SIZE_MAX)))
		return -EINVAL;
	mutex_lock(&shelf->lock);
	s = tandem_shelf_find(shelf, args->id);
	if (shelf->gone)
		s = ERR_PTR(-ENODEV);
	else if (s && args->flags & TANDEM_SECTION_EXCLUSIVE)
		s = ERR_PTR(-EEXIST);
	else if (!s && !args->flags)
		s = ERR_PTR(-ENOENT);
	else if (!s)
		s = tandem_shelf_add(shelf, name, args);
	if (IS_ERR(s)) {
		ret = PTR_ERR(s);
	} else {
		args->size = s->size;
		args->offset = TANDEM_SECTION_OFFSET + args->id * TANDEM_SECTION_SIZE_MAX;
	}
	mutex_unlock(&shelf->lock);
	return ret;
}

static void tandem_shelf_withdraw(struct tandem_shelf *shelf, struct tandem_granted *g)
{
	lockdep_assert_held(&shelf->lock);
	list_del(&g->node);
	shelf->grant_count--;
	kfree(g);
}

/* Takes a section away, with its grants; all its mappings fault from now on. */
static void tandem_shelf_remove(struct tandem_shelf *shelf, struct tandem_shelved *s)
{
	struct tandem_granted *g, *next;

	lockdep_assert_held(&shelf->lock);
	list_for_each_entry_safe(g, next, &shelf->grants, node)
		if (g->from == s)
			tandem_shelf_withdraw(shelf, g);
	list_del(&s->node);
	tandem_section_destroy(s->section);
	kfree(s);
}

/**
 * tandem_shelf_revoke() - TANDEM_IOC_SECTION_REVOKE
 * @shelf: of the server's device
 * @id: of the section
 */
int tandem_shelf_revoke(struct tandem_shelf *shelf, u32 id)
{
	struct tandem_shelved *s;

	mutex_lock(&shelf->lock);
	s = tandem_shelf_find(shelf, id);
	if (s)
		tandem_shelf_remove(shelf, s);
	mutex_unlock(&shelf->lock);
	return s ? 0 : -ENOENT;
}

/**
 * tandem_shelf_clear() - the device is gone: so are its sections
 * @shelf: its shelf
 */
void tandem_shelf_clear(struct tandem_shelf *shelf)
{
	struct tandem_shelved *s, *next;

	mutex_lock(&shelf->lock);
	shelf->gone = true;
	list_for_each_entry_safe(s, next, &shelf->sections, node)
		tandem_shelf_remove(shelf, s);
	mutex_unlock(&shelf->lock);
}

/* Is any of [@offset, @offset + @length) granted? */
static struct tandem_granted *tandem_shelf_overlap(struct tandem_shelf *shelf, u64 offset,
						   u64 length)
{
	struct tandem_granted *g;

	lockdep_assert_held(&shelf->lock);
	list_for_each_entry(g, &shelf->grants, node)
		if (offset < g->grant.offset + g->grant.length && g->grant.offset < offset + length)
			return g;
	return NULL;
}

/* Ends the grant of exactly this range. */
static int tandem_shelf_ungrant(struct tandem_shelf *shelf, const struct tandem_grant *args)
{
	struct tandem_granted *g = tandem_shelf_overlap(shelf, args->offset, args->length);

	lockdep_assert_held(&shelf->lock);
	if (!g || g->grant.section != args->section || g->grant.offset != args->offset ||
	    g->grant.length != args->length || g->grant.start != args->start)
		return -ENOENT;
	tandem_shelf_withdraw(shelf, g);
	return 0;
}

static int tandem_shelf_grant_locked(struct tandem_shelf *shelf, const struct tandem_grant *args)
{
	struct tandem_shelved *s = tandem_shelf_find(shelf, args->section);
	struct tandem_granted *g;

	lockdep_assert_held(&shelf->lock);
	if (!s)
		return -ENOENT;
	if (!args->access)
		return tandem_shelf_ungrant(shelf, args);
	if (args->start > s->size || args->length > s->size - args->start)
		return -EINVAL;
	if (tandem_shelf_overlap(shelf, args->offset, args->length))
		return -EEXIST;
	if (shelf->grant_count >= TANDEM_GRANTS_MAX)
		return -ENOSPC;
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return -ENOMEM;
	g->from = s;
	g->grant = *args;
	list_add_tail(&g->node, &shelf->grants);
	shelf->grant_count++;
	return 0;
}

/**
 * tandem_shelf_grant() - TANDEM_IOC_GRANT
 * @shelf: of the server's device
 * @args: the argument
 */
int tandem_shelf_grant(struct tandem_shelf *shelf, const struct tandem_grant *args)
{
	int ret;

	if (args->access & ~(TANDEM_ACCESS_READ | TANDEM_ACCESS_WRITE) ||
	    args->access == TANDEM_ACCESS_WRITE || !args->length ||
	    !PAGE_ALIGNED(args->offset | args->start | args->length) ||
	    args->offset > TANDEM_SECTION_OFFSET ||
	    args->length > TANDEM_SECTION_OFFSET - args->offset)
		return -EINVAL;
	mutex_lock(&shelf->lock);
	ret = tandem_shelf_grant_locked(shelf, args);
	mutex_unlock(&shelf->lock);
	return ret;
}

/* Maps @start of a section where a mapping asks for @vma's offset. */
static int tandem_shelf_map(const struct tandem_shelved *s, u64 start, struct vm_area_struct *vma)
{
	vma->vm_pgoff = start >> PAGE_SHIFT;
	return tandem_section_mmap(s->section, vma);
}

/**
 * tandem_shelf_map_server() - a server maps a section
 * @shelf: of its device
 * @vma: from TANDEM_SECTION_OFFSET on
 *
 * Return: 0, -EINVAL or -ENOENT.
 */
int tandem_shelf_map_server(struct tandem_shelf *shelf, struct vm_area_struct *vma)
{
	u64 offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) - TANDEM_SECTION_OFFSET;
	u64 id = offset / TANDEM_SECTION_SIZE_MAX;
	struct tandem_shelved *s;
	int ret = -EINVAL;

	if (!(vma->vm_flags & VM_SHARED) || id >= TANDEM_SECTIONS_MAX)
		return ret;
	mutex_lock(&shelf->lock);
	s = tandem_shelf_find(shelf, id);
	ret = s ? tandem_shelf_map(s, offset % TANDEM_SECTION_SIZE_MAX, vma) : -ENOENT;
	mutex_unlock(&shelf->lock);
	return ret;
}

/**
 * tandem_shelf_map_client() - a client maps what it was granted
 * @shelf: of the device
 * @vma: within one grant
 *
 * Return: 0, -ENODEV (nothing is granted at all), -EINVAL (not there, or private) or -EACCES.
 */
int tandem_shelf_map_client(struct tandem_shelf *shelf, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 length = vma->vm_end - vma->vm_start;
	struct tandem_granted *g;
	int ret = -EINVAL;

	mutex_lock(&shelf->lock);
	g = tandem_shelf_overlap(shelf, offset, length);
	if (list_empty(&shelf->grants)) {
		ret = -ENODEV;
	} else if (g && vma->vm_flags & VM_SHARED && offset >= g->grant.offset &&
		   offset - g->grant.offset + length <= g->grant.length) {
		if (!(g->grant.access & TANDEM_ACCESS_WRITE)) {
			ret = vma->vm_flags & VM_WRITE ? -EACCES : 0;
			vm_flags_clear(vma, VM_MAYWRITE);
		} else {
			ret = 0;
		}
		if (!ret)
			ret = tandem_shelf_map(g->from, g->grant.start + offset - g->grant.offset,
					       vma);
	}
	mutex_unlock(&shelf->lock);
	return ret;
}
