/* SPDX-License-Identifier: MIT */
/* constant.c - constant.def as a table. */
#include "script/constant.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static const struct {
    const char *name;
    int64_t number;
} constants[] = {
#define C(name)         {#name, (int64_t)name},
#define N(name, number) {#name, (int64_t)number},
#include "script/constant.def"
#undef C
#undef N
};

bool constant_find(const char *name, int64_t *number)
{
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (strcmp(constants[i].name, name) == 0) {
            *number = constants[i].number;
            return true;
        }
    }
    return false;
}

const char *constant_errno(int number)
{
    const char *name = strerrorname_np(number);

    return name ? name : "an unknown errno";
}
