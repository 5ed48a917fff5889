/* SPDX-License-Identifier: MIT */
/*
 * look_random.h - whether numbers look as random ones do, to who tries what has broken other stacks.
 *
 *   monobit      each bit is set half the time
 *   bytes        each byte is spread evenly: not more uneven than chance lets it be
 *   runs         each bit changes half the time (Wald and Wolfowitz)
 *   serial       no number follows from one of the 16 before it: correlation of values and of bits
 *   differences  few steps from one number to the next come again
 *   repeats      no more of them are alike than chance lets be
 *   phase space  the next number is not near where it went after the most similar steps before (Zalewski,
 *                "Strange attractors and TCP/IP sequence number analysis", 2001)
 *
 * All are deterministic; each refuses random numbers once in 10^5 or so.
 */
#ifndef SUPPORT_LOOK_RANDOM_H
#define SUPPORT_LOOK_RANDOM_H

#include <stdint.h>

enum { LOOK_MANY = 100000 };

/* NULL, or what is wrong with LOOK_MANY numbers of so many bits (8 to 32). */
const char *look_random(const uint32_t *v, unsigned bits);

#endif
