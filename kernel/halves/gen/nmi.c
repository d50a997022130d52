// SPDX-License-Identifier: GPL-2.0
/* NMIs that nobody else claims. */
#include <linux/percpu.h>
#include <linux/smp.h>

#ifdef CONFIG_X86
#include <asm/nmi.h>
#endif

#include "gen.h"

#ifdef CONFIG_X86

#define GEN_NMI_NAME	"tandem_gen"

/* An NMI that finds no producer running here is a real one, which the kernel may complain of. */
static int gen_nmi(unsigned int type, struct pt_regs *regs)
{
	struct gen_producer *producer = gen_producer(smp_processor_id(), TANDEM_GEN_NMI);

	return gen_producer_nmi(producer) ? NMI_HANDLED : NMI_DONE;
}

int gen_nmi_register(void)
{
	return register_nmi_handler(NMI_UNKNOWN, gen_nmi, 0, GEN_NMI_NAME);
}

void gen_nmi_unregister(void)
{
	unregister_nmi_handler(NMI_UNKNOWN, GEN_NMI_NAME);
}

#else

int gen_nmi_register(void)
{
	return -EOPNOTSUPP;
}

void gen_nmi_unregister(void)
{
}

#endif
