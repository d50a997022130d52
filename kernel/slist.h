/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A list in memory that is shared with user space, for kernel halves: a stack without a lock.
 *
 * User space has <tandem/slist.h>, with pop as well. Whoever can write the memory can write
 * anything into it, at any time: each number is read once, and what does not lie in the memory is
 * -EBADMSG, never touched, not even speculatively. What is in an entry is as trustworthy as who can
 * write it: copy it once, check the copy, use the copy. The memory must stay mapped for the kernel
 * as long as the list is used.
 *
 * Everything here may be called in any context, NMI included, and is a full barrier where it
 * changes the list.
 */
#ifndef _TANDEM_SLIST_H
#define _TANDEM_SLIST_H

#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/types.h>

#include <linux/tandem.h>

/*
 * What a 32-bit kernel calls cmpxchg64() may be done under a lock, of which user space does not
 * know.
 */
static_assert(IS_ENABLED(CONFIG_64BIT));

/* Each try that fails is another's that did not. So many in a row are a hostile user's doing. */
#define TANDEM_SLIST_TRIES	4096

/**
 * struct tandem_slist - a list, as a kernel half sees it
 * @base: where the section's beginning is mapped
 * @head: in the section
 * @places: entries have places from 1 on, below this
 * @count: how many entries there is room for
 *
 * Does not change after tandem_slist_init(), and is shared by all contexts.
 */
struct tandem_slist {
	void *base;
	struct tandem_slist_head *head;
	size_t places;
	size_t count;
};

/**
 * tandem_slist_init() - find a list in a section
 * @list: what is initialized
 * @base: where the section is mapped for the kernel, from its beginning
 * @size: bytes that are mapped
 * @head: offset of the &struct tandem_slist_head in them, a multiple of 8
 * @entry_size: bytes of each entry with all that belongs to it
 *
 * What is in the list already stays there. The memory of a new section, being zero, is an empty
 * list.
 *
 * Context: any.
 * Return: 0, or -EINVAL: @head or @base is not aligned, or there is no room for it, or for an
 * entry.
 */
static inline int tandem_slist_init(struct tandem_slist *list, void *base, size_t size, size_t head,
				    size_t entry_size)
{
	size_t last;

	if (!IS_ALIGNED((unsigned long)base, TANDEM_SLIST_ALIGN) ||
	    !IS_ALIGNED(head, sizeof(u64)) || head > size ||
	    size - head < sizeof(struct tandem_slist_head) ||
	    entry_size < sizeof(struct tandem_slist_entry) || entry_size > size)
		return -EINVAL;
	last = min_t(size_t, (size - entry_size) / TANDEM_SLIST_ALIGN, U32_MAX);
	if (!last)
		return -EINVAL;
	list->base = base;
	list->head = base + head;
	list->places = last + 1;
	list->count = DIV_ROUND_UP(last, DIV_ROUND_UP(entry_size, TANDEM_SLIST_ALIGN));
	return 0;
}

/* The entry at a place that anybody may have written; NULL: there can be none. */
static inline struct tandem_slist_entry *tandem_slist_at(const struct tandem_slist *list, u32 place)
{
	if (!place || place >= list->places)
		return NULL;
	return list->base + array_index_nospec(place, list->places) * TANDEM_SLIST_ALIGN;
}

/**
 * tandem_slist_push() - put an entry into a list, as its first
 * @list: the list
 * @entry: in the list's section, at a multiple of TANDEM_SLIST_ALIGN that is not its beginning. It
 *	is the list's from now on
 *
 * Context: any.
 * Return: 1: the list was empty before, 0: it was not; -EINVAL: @entry is not where it may be;
 * -EBUSY: others change the list so fast that it cannot be done; @entry is still the caller's, who
 * may try again.
 */
static inline int tandem_slist_push(const struct tandem_slist *list,
				    struct tandem_slist_entry *entry)
{
	/* Before the section it is very large. */
	size_t offset = (unsigned long)entry - (unsigned long)list->base;
	size_t place = offset / TANDEM_SLIST_ALIGN;
	struct tandem_slist_head seen, to;
	unsigned int i;

	if (!IS_ALIGNED(offset, TANDEM_SLIST_ALIGN) || !place || place >= list->places)
		return -EINVAL;
	to.first = place;
	seen.top = READ_ONCE(list->head->top);
	for (i = 0; i < TANDEM_SLIST_TRIES; i++) {
		/* Who pops in user space and was interrupted may look at it even now. */
		WRITE_ONCE(entry->next, seen.first);
		to.pushes = seen.pushes + 1;
		/* Pairs with tandem_slist_pop() and tandem_slist_flush() of both sides. */
		if (try_cmpxchg64(&list->head->top, &seen.top, to.top))
			return !seen.first;
	}
	return -EBUSY;
}

/**
 * struct tandem_slist_chain - entries that were taken out of a list together
 * @list: the list
 * @next: place of the next one; 0: there is none
 * @left: so many more there can be at most
 */
struct tandem_slist_chain {
	const struct tandem_slist *list;
	u32 next;
	size_t left;
};

/**
 * tandem_slist_flush() - take all entries out of a list
 * @list: the list, which is empty then
 *
 * It is one step, whatever others do.
 *
 * Context: any.
 * Return: the entries, for tandem_slist_next().
 */
static inline struct tandem_slist_chain tandem_slist_flush(const struct tandem_slist *list)
{
	/*
	 * The count of pushes must stay, or who pops could not tell this list from the next one.
	 * Pairs with tandem_slist_push() of both sides.
	 */
	return (struct tandem_slist_chain){
		.list = list,
		.next = xchg(&list->head->first, 0),
		.left = list->count,
	};
}

/**
 * tandem_slist_next() - the next entry of those that were taken out
 * @chain: of tandem_slist_flush()
 * @entry: where the entry goes
 *
 * The last one pushed comes first. Each is the caller's, and may be pushed again at once. A hostile
 * user can make a chain as long as there is room for entries, whatever is in use: a caller that may
 * sleep calls cond_resched() now and then, another one stops when it has had as many as it can do.
 *
 * Context: any.
 * Return: 1: there is one; 0: there is none any more; -EBADMSG: what was to be the next entry is
 * none, or there are more than there is room for. All that follow it are lost.
 */
static inline int tandem_slist_next(struct tandem_slist_chain *chain,
				    struct tandem_slist_entry **entry)
{
	struct tandem_slist_entry *next;

	if (!chain->next)
		return 0;
	next = tandem_slist_at(chain->list, chain->next);
	if (!next || !chain->left)
		return -EBADMSG;
	chain->left--;
	chain->next = READ_ONCE(next->next);
	*entry = next;
	return 1;
}

#endif /* _TANDEM_SLIST_H */
