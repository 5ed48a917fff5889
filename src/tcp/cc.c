/* SPDX-License-Identifier: MIT */
/* cc.c - the table of congestion controls; estab_config.congestion names a row. */
#include "tcp/cc.h"

const struct cc *const cc_all[CC_ROWS] = {
    [CC_NEWRENO] = &cc_newreno,
};
