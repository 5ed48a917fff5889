/* SPDX-License-Identifier: MIT */
/* names.c - a table that is walked: it has a handful of rows. */
#include "capture/names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool name_holds(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    return n > 0 && n < NAMES_TEXT_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

bool names_add(struct names *names, struct estab_addr addr, const char *name)
{
    unsigned i = names_rank(names, addr);
    if (!name_holds(name) || i == NAMES_MAX)
        return false;
    if (i == names->count)
        names->count++;
    names->entry[i].addr = addr;
    memcpy(names->entry[i].text, name, strlen(name) + 1);
    return true;
}

unsigned names_rank(const struct names *names, struct estab_addr addr)
{
    unsigned i;
    if (!names)
        return 0;
    for (i = 0; i < names->count; i++)
        if (memcmp(&names->entry[i].addr, &addr, sizeof addr) == 0)
            break;
    return i;
}

const char *names_find(const struct names *names, struct estab_addr addr)
{
    unsigned i = names_rank(names, addr);
    return names && i < names->count ? names->entry[i].text : NULL;
}

bool names_address(const struct names *names, const char *name, struct estab_addr *out)
{
    for (unsigned i = 0; names && i < names->count; i++) {
        if (strcmp(names->entry[i].text, name) == 0) {
            *out = names->entry[i].addr;
            return true;
        }
    }
    return false;
}

size_t names_addr_text(char out[NAMES_ADDR_MAX], struct estab_addr addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *b = addr.b;
    int n;

    if (memcmp(b, mapped, sizeof mapped) == 0) {
        n = snprintf(out, NAMES_ADDR_MAX, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
    } else {
        n = inet_ntop(AF_INET6, b, out, NAMES_ADDR_MAX) ? (int)strlen(out) : 0; /* RFC 5952 */
    }
    return (size_t)n;
}

size_t names_label(const struct names *names, struct estab_addr addr, char out[NAMES_ADDR_MAX])
{
    const char *name = names_find(names, addr);
    if (!name)
        return names_addr_text(out, addr);
    memcpy(out, name, strlen(name) + 1);
    return strlen(name);
}
