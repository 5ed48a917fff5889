/* SPDX-License-Identifier: MIT */
/* constant.h - the numbers behind the names of constant.def. */
#ifndef SCRIPT_CONSTANT_H
#define SCRIPT_CONSTANT_H

#include <stdbool.h>
#include <stdint.h>

bool constant_find(const char *name, int64_t *number);
/* "EAGAIN"; "0" for no error, "errno N" for one without a name here. */
const char *constant_errno(int number);

#endif
