/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that come only when somebody says so, by userfaultfd.
 */
#ifndef SELFTESTS_FAULTS_H
#define SELFTESTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* Return: a userfaultfd, or -errno. */
int faults_open(void);

/* A page that is there only when faults_end() puts it there; NULL if there can be none. */
void *faults_page(int faults);

/* Waits until somebody touches a page, for 10 seconds at most. */
bool faults_wait(int faults);

/* Gives whoever waits for @page one of zeros. Return: 0 or -errno. */
int faults_end(int faults, void *page);

size_t page_size(void);

#endif
