/* SPDX-License-Identifier: MIT */
/*
 * http_feed.h - bytes fed to src/http in pieces of any size, and all that comes out.
 */
#ifndef SUPPORT_HTTP_FEED_H
#define SUPPORT_HTTP_FEED_H

#include "http/http.h"

#define FEED_NOW INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

struct feed {
    struct http *http;
    uint8_t *out;
    size_t length, room;
    unsigned answers, status; /* of the last */
};

/* Ends the test if there is no memory. */
struct feed *feed_new(http_handler *);
void feed_free(struct feed *);
/* Feeds the bytes from memory that ends with them, takes what comes out and checks what always holds. */
void feed_bytes(struct feed *, const void *bytes, size_t n);
/* The same in pieces of `size`. */
void feed_pieces(struct feed *, const void *bytes, size_t n, size_t size);
void feed_end(struct feed *, enum http_end);

#endif
