/* SPDX-License-Identifier: MIT */
/*
 * form.h - percent-encoding (RFC 3986 section 2.1), and names with values as queries and forms carry
 * them (application/x-www-form-urlencoded): name=value&name=value, where `+` is a space.
 *
 * Nothing is copied but what is decoded, and that is never longer than it was.
 */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/writer.h"

/* Bytes of somebody else's. */
struct form_text {
    const char *at; /* may be NULL if there are none */
    size_t length;
};

struct form_text form_text(const char *);

/* Whether two hexadecimal digits follow each `%`; else *wrong is the first that they do not. */
bool form_check(struct form_text, size_t *wrong);

/* Decodes a text that form_check has passed; `plus`: a `+` is a space. */
void form_decode(struct writer *, struct form_text, bool plus);
/* Whether it is `plain`, once decoded. */
bool form_is(struct form_text, const char *plain, bool plus);

/* The value that comes first under a name, still encoded; false: there is none.  A name without `=`
 * has the empty value. */
bool form_find(struct form_text, const char *name, struct form_text *value);

#endif
