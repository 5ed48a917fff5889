/* SPDX-License-Identifier: MIT */
/*
 * envelope.c - a reader and a writer for each kind of attribute; attribute.def says which is which.
 *
 * The writer has one canonical order, that of attribute.def: what was read and written again reads
 * as the same.
 */
#include "wire/envelope.h"

#include <string.h>

#include "base/reader.h"
#include "base/writer.h"

#define MAGIC  UINT32_C(0x65737462) /* "estb" */
#define STATES 11u

static const char truncated[] = "an attribute is longer than the message";
static const char bad_value[] = "an attribute has a value that it cannot have";

/* ---- values ---------------------------------------------------------------------------------- */

static uint64_t read_u64_of(struct reader *r)
{
    uint64_t high = reader_u32(r);
    return high << 32 | reader_u32(r);
}

static void write_u64_of(struct writer *w, uint64_t v)
{
    writer_u32(w, (uint32_t)(v >> 32));
    writer_u32(w, (uint32_t)v);
}

static bool printable(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < 0x20 || p[i] > 0x7e)
            return false;
    return true;
}

/* `n` bytes as a word. */
static bool take_word(struct reader *r, size_t n, char word[ENVELOPE_WORD])
{
    const uint8_t *p = reader_take(r, n);

    if (!p || n >= ENVELOPE_WORD || !printable(p, n))
        return false;
    memset(word, 0, ENVELOPE_WORD);
    memcpy(word, p, n);
    return true;
}

static void put_word(struct writer *w, const char *word)
{
    writer_bytes(w, word, strlen(word));
}

static bool read_u64(struct reader *r, uint64_t *out)
{
    *out = read_u64_of(r);
    return true;
}

static void write_u64(struct writer *w, const uint64_t *v)
{
    write_u64_of(w, *v);
}

static bool read_u32(struct reader *r, uint32_t *out)
{
    *out = reader_u32(r);
    return true;
}

static void write_u32(struct writer *w, const uint32_t *v)
{
    writer_u32(w, *v);
}

static bool read_address(struct reader *r, struct estab_addr *out)
{
    reader_bytes(r, out->b, sizeof out->b);
    return true;
}

static void write_address(struct writer *w, const struct estab_addr *v)
{
    writer_bytes(w, v->b, sizeof v->b);
}

static bool read_mac(struct reader *r, uint8_t (*out)[6])
{
    reader_bytes(r, *out, sizeof *out);
    return !((*out)[0] & 1); /* a group's is no station's */
}

static void write_mac(struct writer *w, const uint8_t (*v)[6])
{
    writer_bytes(w, *v, sizeof *v);
}

static bool read_endpoint(struct reader *r, struct estab_endpoint *out)
{
    reader_bytes(r, out->addr.b, sizeof out->addr.b);
    out->port = reader_u16(r);
    return true;
}

static void write_endpoint(struct writer *w, const struct estab_endpoint *v)
{
    writer_bytes(w, v->addr.b, sizeof v->addr.b);
    writer_u16(w, v->port);
}

static bool read_word(struct reader *r, char (*out)[ENVELOPE_WORD])
{
    return take_word(r, reader_left(r), *out);
}

static void write_word(struct writer *w, const char (*v)[ENVELOPE_WORD])
{
    put_word(w, *v);
}

static bool read_move(struct reader *r, struct envelope_move *out)
{
    out->from = reader_u8(r);
    out->to = reader_u8(r);
    out->time = read_u64_of(r);
    return out->from < STATES && out->to < STATES && take_word(r, reader_u8(r), out->event) &&
           take_word(r, reader_left(r), out->reason);
}

static void write_move(struct writer *w, const struct envelope_move *v)
{
    writer_u8(w, v->from);
    writer_u8(w, v->to);
    write_u64_of(w, v->time);
    writer_u8(w, (uint8_t)strlen(v->event));
    put_word(w, v->event);
    put_word(w, v->reason);
}

static bool read_port(struct reader *r, uint16_t *out)
{
    *out = reader_u16(r);
    return true;
}

static void write_port(struct writer *w, const uint16_t *v)
{
    writer_u16(w, *v);
}

static bool read_counter(struct reader *r, struct envelope_counter *out)
{
    out->value = read_u64_of(r);
    return take_word(r, reader_left(r), out->name);
}

static void write_counter(struct writer *w, const struct envelope_counter *v)
{
    write_u64_of(w, v->value);
    put_word(w, v->name);
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* Text and frame have a place and a length each. */
static bool read_in_place(struct envelope *e, struct reader *r, uint32_t which)
{
    uint32_t n = (uint32_t)reader_left(r);
    const uint8_t *p = reader_take(r, n);

    if (which == HAS_FRAME) {
        e->frame = p;
        e->frame_length = n;
        return true; /* whoever takes frames says what is too short */
    }
    e->text = (const char *)p;
    e->text_length = n;
    return n <= ENVELOPE_TEXT && (n == 0 || printable(p, n));
}

#define read_text(r, field)  read_in_place(e, r, HAS_TEXT)
#define read_frame(r, field) read_in_place(e, r, HAS_FRAME)

static bool read_several(struct envelope *e, uint16_t tag, struct reader *r)
{
    switch (tag) {
#define SEVERAL(number, name, kind, field, most)                                                   \
    case number:                                                                                   \
        return e->field##s < (most) && read_##kind(r, &e->field[e->field##s++]);
#include "wire/attribute.def"
    default:
        return false;
    }
}

static bool read_value(struct envelope *e, uint16_t tag, struct reader *r)
{
    switch (tag) {
#define ATTRIBUTE(number, name, kind, field)                                                       \
    case number:                                                                                   \
        return read_##kind(r, &e->field);
#include "wire/attribute.def"
    default:
        return read_several(e, tag, r);
    }
}

static bool known(uint16_t tag, bool *several)
{
    *several = false;
    switch (tag) {
#define ATTRIBUTE(number, name, kind, field)                                                       \
    case number:                                                                                   \
        return true;
#define SEVERAL(number, name, kind, field, most)                                                   \
    case number:                                                                                   \
        *several = true;                                                                           \
        return true;
#include "wire/attribute.def"
    default:
        return false;
    }
}

static const char *read_attribute(struct envelope *e, struct reader *r)
{
    uint16_t tag = reader_u16(r), length = reader_u16(r);
    struct reader value = reader_sub(r, length);
    uint32_t bit = tag > 0 && tag <= 32 ? UINT32_C(1) << (tag - 1) : 0;
    bool several;

    if (!reader_ok(r))
        return truncated;
    if (!known(tag, &several))
        return NULL;
    if (e->has & bit && !several)
        return "an attribute stands there twice";
    e->has |= bit;
    if (!read_value(e, tag, &value) || !reader_ok(&value) || reader_left(&value) > 0)
        return bad_value;
    return NULL;
}

const char *envelope_read(struct envelope *e, const void *bytes, size_t n)
{
    struct reader r = reader_of(bytes, n);
    uint32_t magic = reader_u32(&r);
    const char *wrong = NULL;

    memset(e, 0, sizeof *e);
    e->version = reader_u8(&r);
    e->type = reader_u8(&r);
    reader_skip(&r, 2);
    if (!reader_ok(&r) || magic != MAGIC) {
        e->version = 0;
        return "it does not begin as an envelope does: expected `estb`, version, type";
    }
    if (n > ENVELOPE_MAX)
        return "it is too long";
    if (e->version != ENVELOPE_VERSION && e->type != SAY_ERROR)
        return "it is of another version of the protocol";
    while (!wrong && reader_left(&r) > 0)
        wrong = read_attribute(e, &r);
    if (!wrong && e->before >= STATES)
        return bad_value;
    return wrong;
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* Opens an attribute; close_attribute sets its length. */
static size_t open_attribute(struct writer *w, uint16_t tag)
{
    writer_u16(w, tag);
    writer_u16(w, 0);
    return writer_len(w);
}

static void close_attribute(struct writer *w, size_t begin)
{
    size_t n = writer_len(w) - begin;

    if (!writer_ok(w))
        return;
    if (n > UINT16_MAX)
        writer_fail(w);
    else
        writer_u16_at(w, begin - 2, (uint16_t)n);
}

static void write_text_of(struct writer *w, const struct envelope *e)
{
    if (e->text_length > ENVELOPE_TEXT)
        writer_fail(w);
    else
        writer_bytes(w, e->text, e->text_length);
}

/* Last: its bytes may be the caller's to append, which the length counts. */
static void write_frame_of(struct writer *w, const struct envelope *e)
{
    if (e->frame_length > ENVELOPE_FRAME_MAX) {
        writer_fail(w);
        return;
    }
    if (e->frame)
        writer_bytes(w, e->frame, e->frame_length);
    else
        writer_u16_at(w, writer_len(w) - 2, (uint16_t)e->frame_length);
}

#define write_text(w, field)  write_text_of(w, e)
#define write_frame(w, field) write_frame_of(w, e)

static void write_attributes(struct writer *w, const struct envelope *e)
{
#define ATTRIBUTE(number, attribute, kind, field)                                                  \
    if (e->has & HAS_##attribute) {                                                                \
        size_t begin = open_attribute(w, number);                                                  \
        write_##kind(w, &e->field);                                                                \
        if (HAS_##attribute != HAS_FRAME || e->frame)                                              \
            close_attribute(w, begin);                                                             \
    }
#define SEVERAL(number, attribute, kind, field, most)                                              \
    for (unsigned i = 0; i < e->field##s && i < (most); i++) {                                     \
        size_t begin = open_attribute(w, number);                                                  \
        write_##kind(w, &e->field[i]);                                                             \
        close_attribute(w, begin);                                                                 \
    }
#include "wire/attribute.def"
}

size_t envelope_write(const struct envelope *e, void *out, size_t room)
{
    struct writer w = writer_of(out, room < ENVELOPE_MAX ? room : ENVELOPE_MAX);

    writer_u32(&w, MAGIC);
    writer_u8(&w, ENVELOPE_VERSION);
    writer_u8(&w, e->type);
    writer_u16(&w, 0);
    write_attributes(&w, e);
    return writer_ok(&w) ? writer_len(&w) : 0;
}

bool envelope_append(void *out, size_t room, size_t *n, const struct envelope *e)
{
    struct writer w = writer_of(out, room < ENVELOPE_MAX ? room : ENVELOPE_MAX);

    (void)writer_take(&w, *n);
    write_attributes(&w, e);
    if (writer_ok(&w))
        *n = writer_len(&w);
    return writer_ok(&w);
}

/* ---- setting ------------------------------------------------------------------------------------ */

void envelope_init(struct envelope *e, enum envelope_type type)
{
    memset(e, 0, sizeof *e);
    e->version = ENVELOPE_VERSION;
    e->type = (uint8_t)type;
}

/* What cannot be shown becomes a question mark, and what is too long is cut. */
static void copy_word(char out[ENVELOPE_WORD], const char *word)
{
    size_t n = 0;

    for (; word[n] && n < ENVELOPE_WORD - 1; n++)
        out[n] = word[n];
    memset(out + n, 0, ENVELOPE_WORD - n);
    for (size_t i = 0; i < n; i++)
        if (!printable((const uint8_t *)&out[i], 1))
            out[i] = '?';
}

void envelope_word(struct envelope *e, enum envelope_attribute which, const char *word)
{
    char *out = which == HAS_NAME      ? e->name
                : which == HAS_PROGRAM ? e->program
                : which == HAS_REASON  ? e->reason
                                       : e->why;

    copy_word(out, word);
    e->has |= which;
}

void envelope_text(struct envelope *e, const char *text)
{
    size_t n = strlen(text);

    e->text = text;
    e->text_length = (uint32_t)(n < ENVELOPE_TEXT ? n : ENVELOPE_TEXT);
    e->has |= HAS_TEXT;
}

void envelope_count(struct envelope *e, const char *name, uint64_t value)
{
    if (e->counters == ENVELOPE_COUNTERS)
        return;
    e->counter[e->counters].value = value;
    copy_word(e->counter[e->counters].name, name);
    e->counters++;
    e->has |= HAS_COUNTER;
}
