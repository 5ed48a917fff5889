/* SPDX-License-Identifier: MIT */
/*
 * names.h - what people call the ends: 10.11.0.1 is "server".
 *
 * The order of the table is the order in which a line shows the ends' states, so that each has its
 * place: add our own end first.  An address without a name is shown as it is.
 */
#ifndef CAPTURE_NAMES_H
#define CAPTURE_NAMES_H

#include <estab.h>

#define NAMES_MAX      32
#define NAMES_TEXT_MAX 24 /* bytes of a name, the terminating one included */
#define NAMES_ADDR_MAX 46 /* of an address: "255.255.255.255", and IPv6 one day */

struct names_entry {
    struct estab_addr addr;
    char text[NAMES_TEXT_MAX];
};

struct names {
    unsigned count;
    struct names_entry entry[NAMES_MAX];
};

/* Adds a name, or renames the address.  False, and nothing is changed: the table is full, the name
 * is empty, too long, or not made of letters, digits, '-', '_' and '.'. */
bool names_add(struct names *, struct estab_addr, const char *name);
/* The address's place in the table; `count` if it has none. */
unsigned names_rank(const struct names *, struct estab_addr);
/* The name of the address; NULL if it has none, or if there is no table. */
const char *names_find(const struct names *, struct estab_addr);
/* The address whose name this is; false if there is none. */
bool names_address(const struct names *, const char *name, struct estab_addr *out);

/* "10.11.0.1"; bytes written, without the terminating one. */
size_t names_addr_text(char out[NAMES_ADDR_MAX], struct estab_addr);
/* The name if there is one, else the address. */
size_t names_label(const struct names *, struct estab_addr, char out[NAMES_ADDR_MAX]);

#endif
