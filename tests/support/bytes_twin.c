/* SPDX-License-Identifier: MIT */
#include "support/bytes_twin.h"

#include "base/reader.h"
#include "base/writer.h"

#define DEPTH 4

/* --- the reader ------------------------------------------------------------------------------ */

struct reader_oracle {
    size_t at, end;
    bool bad;
};

struct reader_twin {
    const uint8_t *text;
    unsigned depth; /* of readers within readers */
    struct reader reader[DEPTH];
    struct reader_oracle oracle[DEPTH];
};

/* Whether `n` more bytes can be had; if not, none can from now on. */
static bool oracle_has(struct reader_oracle *o, size_t n)
{
    if (o->end - o->at >= n)
        return true;
    o->at = o->end;
    o->bad = true;
    return false;
}

static bool same_number(struct reader_twin *t, uint32_t got, size_t n)
{
    struct reader_oracle *o = &t->oracle[t->depth];
    uint32_t want = 0;
    if (oracle_has(o, n))
        for (; n > 0; n--)
            want = want * 256 + t->text[o->at++];
    return got == want;
}

static bool same_place(struct reader_twin *t, const uint8_t *got, size_t n)
{
    struct reader_oracle *o = &t->oracle[t->depth];
    if (!oracle_has(o, n))
        return got == NULL;
    o->at += n;
    return n == 0 || got == t->text + (o->at - n);
}

static bool same_bytes(struct reader_twin *t, struct reader *r, size_t n)
{
    static const uint8_t zeros[16];
    struct reader_oracle *o = &t->oracle[t->depth];
    uint8_t got[16];
    memset(got, 0xee, sizeof got);
    reader_bytes(r, got, n);
    const uint8_t *want = oracle_has(o, n) ? t->text + o->at : zeros;
    bool same = n == 0 || memcmp(got, want, n) == 0;
    if (!o->bad)
        o->at += n;
    for (size_t i = n; i < sizeof got; i++)
        same = same && got[i] == 0xee;
    return same;
}

static bool same_peek(struct reader_twin *t, uint8_t got)
{
    struct reader_oracle *o = &t->oracle[t->depth];
    return got == (o->at < o->end ? t->text[o->at] : 0);
}

static void descend(struct reader_twin *t, size_t n)
{
    if (t->depth + 1 == DEPTH)
        return;
    struct reader_oracle *o = &t->oracle[t->depth], *sub = o + 1;
    t->reader[t->depth + 1] = reader_sub(&t->reader[t->depth], n);
    oracle_has(o, n);
    sub->at = o->at;
    sub->bad = o->bad;
    if (!o->bad)
        o->at += n;
    sub->end = o->at;
    t->depth++;
}

static bool reader_step(struct reader_twin *t, uint8_t op)
{
    struct reader *r = &t->reader[t->depth];
    size_t n = op >> 4;
    switch (op & 15) {
    case 0:
        return same_number(t, reader_u16(r), 2);
    case 1:
        return same_number(t, reader_u32(r), 4);
    case 2:
        reader_skip(r, n);
        return same_place(t, r->bad ? NULL : r->p - n, n);
    case 3:
        return same_place(t, reader_take(r, n), n);
    case 4:
        return same_bytes(t, r, n);
    case 5:
        return same_peek(t, reader_peek(r));
    case 6:
    case 7:
    case 8:
        descend(t, n * (op & 3));
        return true;
    case 9:
    case 10:
        t->depth -= t->depth > 0;
        return true;
    case 11: /* lengths that would wrap */
        return n != 15 || same_place(t, reader_take(r, SIZE_MAX - t->depth), SIZE_MAX - t->depth);
    case 12:
        if (n == 15) {
            reader_fail(r);
            oracle_has(&t->oracle[t->depth], SIZE_MAX);
        }
        return true;
    default:
        return same_number(t, reader_u8(r), 1);
    }
}

const char *reader_twin_run(const uint8_t *ops, size_t ops_n, const uint8_t *text, size_t n)
{
    struct reader_twin t = {.text = text};
    t.reader[0] = reader_of(text, n);
    t.oracle[0] = (struct reader_oracle){.end = n};
    for (size_t i = 0; i < ops_n; i++) {
        if (!reader_step(&t, ops[i]))
            return "another value was read";
        for (unsigned d = 0; d <= t.depth; d++) {
            const struct reader_oracle *o = &t.oracle[d];
            if (reader_ok(&t.reader[d]) == o->bad)
                return "the error differs";
            if (reader_left(&t.reader[d]) != o->end - o->at)
                return "what is left differs";
        }
    }
    return NULL;
}

/* --- the writer ------------------------------------------------------------------------------ */

struct writer_oracle {
    uint8_t text[WRITER_TWIN_MAX];
    size_t len, room;
    bool bad;
};

static void oracle_fail(struct writer_oracle *o)
{
    o->bad = true;
    o->len = o->room = 0;
}

static void oracle_write(struct writer_oracle *o, const uint8_t *p, size_t n)
{
    if (o->len + n > o->room) {
        oracle_fail(o);
        return;
    }
    for (size_t i = 0; i < n; i++)
        o->text[o->len++] = p[i];
}

static void oracle_patch(struct writer_oracle *o, size_t at, const uint8_t *p, size_t n)
{
    if (at + n > o->len) {
        oracle_fail(o);
        return;
    }
    for (size_t i = 0; i < n; i++)
        o->text[at + i] = p[i];
}

static void writer_step(struct writer *w, struct writer_oracle *o, uint8_t op, uint32_t v)
{
    size_t n = op >> 4, at = o->len * n / 14; /* mostly within what was written */
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v},
            fill[15];
    memset(fill, b[3], sizeof fill);
    switch (op & 15) {
    case 0:
        writer_u16(w, (uint16_t)v);
        oracle_write(o, b + 2, 2);
        break;
    case 1:
        writer_u32(w, v);
        oracle_write(o, b, 4);
        break;
    case 2:
        writer_bytes(w, b, n % 5);
        oracle_write(o, b, n % 5);
        break;
    case 3:
        writer_fill(w, b[3], n);
        oracle_write(o, fill, n);
        break;
    case 4:
        writer_u8_at(w, at, b[3]);
        oracle_patch(o, at, b + 3, 1);
        break;
    case 5:
        writer_u16_at(w, at, (uint16_t)v);
        oracle_patch(o, at, b + 2, 2);
        break;
    case 6:
        writer_u32_at(w, at, v);
        oracle_patch(o, at, b, 4);
        break;
    case 7:
        if (n == 15) { /* lengths that would wrap */
            (void)writer_take(w, SIZE_MAX - o->len / 2);
            oracle_fail(o);
        }
        break;
    case 8:
        if (n == 15) {
            writer_u32_at(w, SIZE_MAX - 1, v);
            oracle_fail(o);
        }
        break;
    default:
        writer_u8(w, b[3]);
        oracle_write(o, b + 3, 1);
    }
}

const char *writer_twin_run(const uint8_t *ops, size_t ops_n, uint8_t *text, size_t n)
{
    struct writer_oracle o = {.room = n < WRITER_TWIN_MAX ? n : WRITER_TWIN_MAX};
    size_t room = o.room;
    struct writer w = writer_of(text, room);
    if (room > 0)
        memcpy(o.text, text, room);
    for (size_t i = 0; i < ops_n; i++) {
        writer_step(&w, &o, ops[i], (uint32_t)(i + 1) * 0x9e3779b9);
        if (writer_ok(&w) == o.bad)
            return "the error differs";
        if (writer_len(&w) != o.len || writer_left(&w) != o.room - o.len)
            return "the length differs";
        if (room > 0 && memcmp(text, o.text, room) != 0)
            return "something else was written";
    }
    return NULL;
}
