// SPDX-License-Identifier: GPL-2.0
/* The memory of a program that does nothing: below this no daemon comes. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("READY=1");
	fflush(stdout);
	pause();
	return 0;
}
