/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the two things that a stack cannot have by itself: the time, and chance.
 */
#include <errno.h>
#include <estab_host.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

estab_time estab_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (estab_time)t.tv_sec * ESTAB_SECOND + (estab_time)t.tv_nsec;
}

/* Keys come from here: going on with bytes that are not random would be worse than to stop.  The
 * kernel fails only if it is older than 3.17, or a filter forbids the call. */
void estab_random(void *bytes, size_t size)
{
    uint8_t *p = bytes;
    while (size > 0) {
        ssize_t got = getrandom(p, size, 0);
        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            p += got;
            size -= (size_t)got;
        }
    }
}
