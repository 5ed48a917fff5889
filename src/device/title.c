/* SPDX-License-Identifier: MIT */
/*
 * title.c - a name for the process, and over the words with which its ancestor was called.
 *
 * A hub is a fork of the verb that found none, and would go by that verb's words for as long as the wire
 * lives: somebody who looks for `estab listen` would find one that has long ended.  Where the words lie
 * the kernel tells in fields 48 and 49 of /proc/self/stat; where it does not, they stay.
 */
#include "device/title.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FIELD_AFTER_NAME 3
#define FIELD_ARG_START  48

/* The name in the second field may hold blanks and parentheses; the last one of these ends it. */
static char *find_words(char *stat, size_t *room)
{
    char *p = strrchr(stat, ')');
    uint64_t start, end;

    if (!p)
        return NULL;
    p += 2;
    for (unsigned field = FIELD_AFTER_NAME; field < FIELD_ARG_START; field++) {
        p = strchr(p, ' ');
        if (!p)
            return NULL;
        p++;
    }
    start = strtoull(p, &p, 10);
    end = strtoull(p, &p, 10);
    *room = end > start ? (size_t)(end - start) : 0;
    return (char *)(uintptr_t)start;
}

void title_set(const char *name)
{
    char stat[4096], *words;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, stat, sizeof stat - 1) : -1;
    size_t room = 0;

    if (fd >= 0)
        close(fd);
    stat[n > 0 ? n : 0] = '\0';
    (void)prctl(PR_SET_NAME, name);
    words = find_words(stat, &room);
    if (words && room > 1)
        strncpy(words, name, room - 1); /* and zeros behind it */
}
