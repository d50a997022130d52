// SPDX-License-Identifier: GPL-2.0
/* Measures Tandem and its peers side by side. */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

int main(int argc, char **argv)
{
	struct bench bench = { .cpus = sysconf(_SC_NPROCESSORS_ONLN) };
	int half;

	if (argc != 2 || (strcmp(argv[1], "instructions") && strcmp(argv[1], "time")))
		errx(2, "usage: %s instructions|time", argv[0]);
	bench.counts = !strcmp(argv[1], "instructions");
	half = half_open();
	if (bench.counts)
		bench_cost(half);
	bench_sleep(half, &bench);
	bench_rate(half, &bench);
	return EXIT_SUCCESS;
}
