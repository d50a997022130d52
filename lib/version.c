// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tandem.h"

const char *tandem_version(void)
{
	return TANDEM_VERSION;
}
