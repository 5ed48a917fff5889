/* SPDX-License-Identifier: MIT */
/*
 * owner.h - which process has a socket of the kernel's open.
 *
 * /proc tells it of the processes that this user may look into; of the others nothing.
 */
#ifndef CONTROL_OWNER_H
#define CONTROL_OWNER_H

#include "control/object.h"

/* Stores pid and program into those of rows[0..n) that are a kernel's and whose owner is seen. */
void owner_find(struct control_row *rows, size_t n);

#endif
