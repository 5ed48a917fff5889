/* SPDX-License-Identifier: MIT */
/*
 * reader.h - bytes off the wire, read with an error that sticks.
 *
 * A parser reads straight through and checks once, at the end:
 *
 *      struct reader r = reader_of(p, n);
 *      uint16_t src = reader_u16(&r);
 *      uint16_t dst = reader_u16(&r);
 *      ...
 *      if (!reader_ok(&r))
 *          return TOO_SHORT;
 *
 * A read past the end yields 0, leaves nothing to read and sets the error, which no later call
 * clears.  No byte outside the given ones is ever touched, and none is cast to a struct, so that
 * alignment and byte order do not matter: numbers are big-endian.
 *
 * Loops over options run `while (reader_left(&r) > 0)`: they end, as an error leaves nothing.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const uint8_t *p; /* the next byte */
    size_t left;      /* 0 once bad */
    bool bad;         /* something was read past the end */
};

/* `p` may be NULL if `n` is 0. */
static inline struct reader reader_of(const void *p, size_t n)
{
    return (struct reader){.p = p, .left = n};
}

static inline bool reader_ok(const struct reader *r)
{
    return !r->bad;
}

static inline size_t reader_left(const struct reader *r)
{
    return r->left;
}

/* Sets the error, for a parser that finds the content wrong. */
static inline void reader_fail(struct reader *r)
{
    r->bad = true;
    r->left = 0;
}

/* The next `n` bytes in place, and moves beyond them; NULL if there are not that many. */
static inline const uint8_t *reader_take(struct reader *r, size_t n)
{
    const uint8_t *p = r->p;
    if (n > r->left) {
        reader_fail(r);
        return NULL;
    }
    if (n > 0) { /* NULL + 0 is undefined */
        r->p = p + n;
        r->left -= n;
    }
    return p;
}

static inline void reader_skip(struct reader *r, size_t n)
{
    (void)reader_take(r, n);
}

/* Copies the next `n` bytes to `to`, or zeros if there are not that many. */
static inline void reader_bytes(struct reader *r, void *to, size_t n)
{
    const uint8_t *p = reader_take(r, n);
    if (n == 0)
        return;
    if (p)
        memcpy(to, p, n);
    else
        memset(to, 0, n);
}

static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? p[0] : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    if (!p)
        return 0;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next byte without moving; 0 at the end, which is not an error. */
static inline uint8_t reader_peek(const struct reader *r)
{
    return r->left > 0 ? r->p[0] : 0;
}

/* A reader of the next `n` bytes, and moves beyond them.  If there are not that many then both
 * readers are in error, so that either may be checked.  An error within the part stays there. */
static inline struct reader reader_sub(struct reader *r, size_t n)
{
    const uint8_t *p = reader_take(r, n);
    return (struct reader){.p = p, .left = r->bad ? 0 : n, .bad = r->bad};
}

#endif
