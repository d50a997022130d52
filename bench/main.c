// SPDX-License-Identifier: GPL-2.0
/* Measures the kernel module and the library, with the generator as the source of events. */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

int main(int argc, char **argv)
{
	struct bench bench = { .cpus = sysconf(_SC_NPROCESSORS_ONLN) };

	if (argc != 2 || (strcmp(argv[1], "instructions") && strcmp(argv[1], "time")))
		errx(2, "usage: %s instructions|time", argv[0]);
	bench.counts = !strcmp(argv[1], "instructions");
	bench.device = tandem_open("gen", O_RDONLY);
	if (bench.device < 0)
		die(bench.device, "cannot open the generator");
	bench_post(&bench);
	bench_consume(&bench);
	bench_wakeup(&bench);
	bench_busy(&bench);
	return EXIT_SUCCESS;
}
