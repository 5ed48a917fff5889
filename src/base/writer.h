/* SPDX-License-Identifier: MIT */
/*
 * writer.h - bytes for the wire, written with an overflow that sticks: reader.h's mirror.
 *
 *      struct writer w = writer_of(p, room);
 *      writer_u16(&w, src);
 *      writer_u16(&w, dst);
 *      size_t at = writer_len(&w);
 *      writer_u16(&w, 0);
 *      ...
 *      writer_u16_at(&w, at, check);
 *      if (!writer_ok(&w))
 *          return NO_ROOM;
 *
 * What does not fit is not written, not even in part; from then on nothing is, and the length is 0,
 * so that a cut-off packet cannot be mistaken for a packet.  Numbers are big-endian.
 */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
    uint8_t *base;
    size_t len;  /* written; 0 once bad */
    size_t room; /* of all; 0 once bad */
    bool bad;    /* something did not fit */
};

/* `p` may be NULL if `room` is 0. */
static inline struct writer writer_of(void *p, size_t room)
{
    return (struct writer){.base = p, .room = room};
}

static inline bool writer_ok(const struct writer *w)
{
    return !w->bad;
}

static inline size_t writer_len(const struct writer *w)
{
    return w->len;
}

static inline size_t writer_left(const struct writer *w)
{
    return w->room - w->len;
}

static inline void writer_fail(struct writer *w)
{
    w->bad = true;
    w->len = w->room = 0;
}

/* The place of the next `n` bytes, which the caller is to fill; NULL if they do not fit. */
static inline uint8_t *writer_take(struct writer *w, size_t n)
{
    if (n > w->room - w->len) {
        writer_fail(w);
        return NULL;
    }
    if (n == 0) /* NULL + 0 is undefined */
        return w->base;
    uint8_t *p = w->base + w->len;
    w->len += n;
    return p;
}

/* The place of `n` bytes that were written at `at`; NULL, and an error, if they were not. */
static inline uint8_t *writer_again(struct writer *w, size_t at, size_t n)
{
    if (at > w->len || n > w->len - at) {
        writer_fail(w);
        return NULL;
    }
    return n == 0 ? w->base : w->base + at;
}

static inline void writer_store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void writer_store32(uint8_t *p, uint32_t v)
{
    writer_store16(p, (uint16_t)(v >> 16));
    writer_store16(p + 2, (uint16_t)v);
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    uint8_t *p = writer_take(w, 1);
    if (p)
        p[0] = v;
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
    uint8_t *p = writer_take(w, 2);
    if (p)
        writer_store16(p, v);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
    uint8_t *p = writer_take(w, 4);
    if (p)
        writer_store32(p, v);
}

static inline void writer_bytes(struct writer *w, const void *from, size_t n)
{
    uint8_t *p = writer_take(w, n);
    if (p && n > 0)
        memcpy(p, from, n);
}

/* `n` bytes of the value `v`: padding. */
static inline void writer_fill(struct writer *w, uint8_t v, size_t n)
{
    uint8_t *p = writer_take(w, n);
    if (p && n > 0)
        memset(p, v, n);
}

/* The back-patches: over what was written at `at`. */
static inline void writer_u8_at(struct writer *w, size_t at, uint8_t v)
{
    uint8_t *p = writer_again(w, at, 1);
    if (p)
        p[0] = v;
}

static inline void writer_u16_at(struct writer *w, size_t at, uint16_t v)
{
    uint8_t *p = writer_again(w, at, 2);
    if (p)
        writer_store16(p, v);
}

static inline void writer_u32_at(struct writer *w, size_t at, uint32_t v)
{
    uint8_t *p = writer_again(w, at, 4);
    if (p)
        writer_store32(p, v);
}

#endif
