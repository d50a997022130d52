/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SLIST of Windows, in a section: a stack without a lock, which processes and kernel halves
 * change at once. A kernel half has kernel/slist.h, with push and flush.
 *
 * Each process has a struct tandem_slist of its own, by which it knows where its mapping is and
 * what lies in it. Nobody else's numbers are trusted: an entry that does not lie in the mapping as
 * a whole is -EBADMSG, never touched, and no call takes longer for being lied to. What is in an
 * entry is as trustworthy as who can write the section; that one may link an entry that is in use,
 * or one twice.
 *
 * Pushing, popping and flushing are full barriers. The first entry and the count of pushes change
 * together in 64 bits, so nothing asks for 128, and 32-bit programs and kernel halves take part.
 * One that pops and is interrupted for 2^32 pushes, to the very number, would be fooled.
 */
#ifndef _TANDEM_SLIST_H
#define _TANDEM_SLIST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/tandem.h>

#include <tandem/interlocked.h>

/* Each try that fails is another's that did not. So many in a row are a hostile peer's doing. */
#define TANDEM_SLIST_TRIES	4096

/**
 * struct tandem_slist - a list, as this process sees it
 *
 * All is private, and does not change after tandem_slist_init(): threads share it.
 */
struct tandem_slist {
	unsigned char *base;
	struct tandem_slist_head *head;
	uint32_t last;	/* the last place that an entry can have */
	uint32_t count;	/* how many of them there is room for */
};

/**
 * tandem_slist_init() - find a list in a section
 * @list: what is initialized
 * @base: where the section is mapped, from its beginning, readable and writable
 * @size: bytes that are mapped
 * @head: offset of the &struct tandem_slist_head in them, a multiple of 8
 * @entry_size: bytes of each entry with all that belongs to it
 *
 * What is in the list already stays there. The memory of a new section, being zero, is an empty
 * list.
 *
 * Return: 0, or -EINVAL: @head or @base is not aligned, or there is no room for it, or for an
 * entry.
 */
static inline int tandem_slist_init(struct tandem_slist *list, void *base, size_t size, size_t head,
				    size_t entry_size)
{
	uint64_t last;

	if ((uintptr_t)base % TANDEM_SLIST_ALIGN || head % 8 || head > size ||
	    size - head < sizeof(struct tandem_slist_head) ||
	    entry_size < sizeof(struct tandem_slist_entry) || entry_size > size)
		return -EINVAL;
	last = (size - entry_size) / TANDEM_SLIST_ALIGN;
	if (!last)
		return -EINVAL;
	list->base = (unsigned char *)base;
	list->head = (struct tandem_slist_head *)(void *)(list->base + head);
	list->last = last < UINT32_MAX ? (uint32_t)last : UINT32_MAX;
	list->count = (list->last - 1) / ((entry_size - 1) / TANDEM_SLIST_ALIGN + 1) + 1;
	return 0;
}

/* The entry at a place that anybody may have written; NULL: there can be none. */
static inline struct tandem_slist_entry *tandem_slist_at(const struct tandem_slist *list,
							 uint32_t place)
{
	if (!place || place > list->last)
		return NULL;
	return (struct tandem_slist_entry *)(void *)(list->base +
						     (size_t)place * TANDEM_SLIST_ALIGN);
}

/* Of a place in memory that another may write at the same time. */
static inline uint32_t tandem_slist_read(const uint32_t *place)
{
	return __atomic_load_n(place, __ATOMIC_RELAXED);
}

/* Changes the head if it still is what was seen, else sees what it is. */
static inline bool tandem_slist_change(const struct tandem_slist *list,
				       struct tandem_slist_head *seen, struct tandem_slist_head to)
{
	bool done = __atomic_compare_exchange_n(&list->head->top, &seen->top, to.top, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);

	tandem_interlocked_barrier();
	return done;
}

/**
 * tandem_slist_push() - put an entry into a list, as its first
 * @list: the list
 * @entry: in the list's section, at a multiple of TANDEM_SLIST_ALIGN that is not its beginning. It
 *	is the list's from now on
 *
 * Return: 1: the list was empty before, 0: it was not; -EINVAL: @entry is not where it may be;
 * -EBUSY: others change the list so fast that it cannot be done; @entry is still the caller's, who
 * may try again.
 */
static inline int tandem_slist_push(const struct tandem_slist *list,
				    struct tandem_slist_entry *entry)
{
	/* Before the section it is very large. */
	size_t offset = (size_t)((uintptr_t)entry - (uintptr_t)list->base);
	size_t place = offset / TANDEM_SLIST_ALIGN;
	struct tandem_slist_head seen, to;
	unsigned int i;

	if (offset % TANDEM_SLIST_ALIGN || !place || place > list->last)
		return -EINVAL;
	to.first = (uint32_t)place;
	seen.top = __atomic_load_n(&list->head->top, __ATOMIC_RELAXED);
	for (i = 0; i < TANDEM_SLIST_TRIES; i++) {
		/* Who popped it before and was interrupted may look at it even now. */
		__atomic_store_n(&entry->next, seen.first, __ATOMIC_RELAXED);
		to.pushes = seen.pushes + 1;
		if (tandem_slist_change(list, &seen, to))
			return !seen.first;
	}
	return -EBUSY;
}

/**
 * tandem_slist_pop() - take the first entry out of a list
 * @list: the list
 * @entry: where the entry goes
 *
 * Return: 1: there is one, the caller's from now on; 0: the list is empty; -EBADMSG: what was to be
 * the first entry is none. tandem_slist_flush() makes the list usable again; -EBUSY: others change
 * it so fast that it cannot be done.
 */
static inline int tandem_slist_pop(const struct tandem_slist *list,
				   struct tandem_slist_entry **entry)
{
	struct tandem_slist_head seen, to;
	struct tandem_slist_entry *first;
	unsigned int i;

	/* Pairs with the barrier of who pushed it: what is linked has its next. */
	seen.top = __atomic_load_n(&list->head->top, __ATOMIC_ACQUIRE);
	for (i = 0; i < TANDEM_SLIST_TRIES; i++) {
		if (!seen.first)
			return 0;
		first = tandem_slist_at(list, seen.first);
		if (!first)
			return -EBADMSG;
		/* Somebody may have popped it, and this be anything: then the count differs. */
		to.first = tandem_slist_read(&first->next);
		to.pushes = seen.pushes;
		if (tandem_slist_change(list, &seen, to)) {
			*entry = first;
			return 1;
		}
	}
	return -EBUSY;
}

/**
 * struct tandem_slist_chain - entries that were taken out of a list together
 *
 * All is private.
 */
struct tandem_slist_chain {
	const struct tandem_slist *list;
	uint32_t next;
	uint32_t left;	/* so many more there can be at most */
};

/**
 * tandem_slist_flush() - take all entries out of a list
 * @list: the list, which is empty then
 *
 * It is one step, whatever others do.
 *
 * Return: the entries, for tandem_slist_next().
 */
static inline struct tandem_slist_chain tandem_slist_flush(const struct tandem_slist *list)
{
	struct tandem_slist_chain chain;

	chain.list = list;
	chain.left = list->count;
	/* The count of pushes must stay, or who pops could not tell this list from the next one. */
	chain.next = __atomic_exchange_n(&list->head->first, 0, __ATOMIC_SEQ_CST);
	tandem_interlocked_barrier();
	return chain;
}

/**
 * tandem_slist_next() - the next entry of those that were taken out
 * @chain: of tandem_slist_flush()
 * @entry: where the entry goes
 *
 * The last one pushed comes first. Each is the caller's, and may be pushed again at once.
 *
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
	chain->next = tandem_slist_read(&next->next);
	*entry = next;
	return 1;
}

#endif /* _TANDEM_SLIST_H */
