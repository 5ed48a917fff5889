/* SPDX-License-Identifier: MIT */
/*
 * assert.h - our own errors.  A peer's error is a value; a broken promise of ours traps, in every
 * build: what a corrupt TCP would do next is worse.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            __builtin_trap();                                                                      \
    } while (0)

#define UNREACHABLE() __builtin_trap()

#endif
