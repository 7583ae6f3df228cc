/* Why there is no connection. */
#ifndef TOOLS_CTL_CTL_ADVICE_H
#define TOOLS_CTL_CTL_ADVICE_H

#include "tools/ctl/ctl_hub.h"

/* Tells on standard error why H cannot connect and what to check. */
void ctl_advice(const struct ctl_hub *h);

#endif
