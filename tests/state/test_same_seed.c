/* SPDX-License-Identifier: MIT */
/* test_same_seed.c - tests/sim/test_same_seed.c, once more where the cross presets run it. */
#include "../sim/test_same_seed.c"
