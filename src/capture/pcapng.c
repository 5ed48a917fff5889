/* SPDX-License-Identifier: MIT */
/*
 * pcapng.c - blocks, as draft-ietf-opsawg-pcapng lays them out.
 *
 *      type | length | body, padded to 32 bits | length again         all little-endian
 *
 * A block is put together in memory, so that its two lengths can be right, and then written whole.
 */
#include "capture/pcapng.h"

#include "capture/segment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "packet/address.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_NAMES = 4,
    BLOCK_PACKET = 6,
};

enum {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_USERAPPL = 4,
    IF_NAME = 2,
    IF_TSRESOL = 9,
    EPB_FLAGS = 2,
    NRB_IPV4 = 1,
    NRB_IPV6 = 2,
};

enum { LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101 };

#define COMMENT_MAX 60000u /* of 65535: an option's length has 16 bits */

struct pcapng {
    FILE *file;
    bool ours; /* to be closed */
    bool failed;
    unsigned interfaces;
    uint8_t link[PCAPNG_INTERFACES_MAX];
    uint64_t packets;
    estab_time epoch_ns;
    uint8_t *block; /* the block being put together */
    size_t length, room;
    uint8_t *flat; /* the frame in one piece, and one segment of it */
    size_t flat_room;
    char name[256];
    char error[PCAPNG_ERROR_MAX];
};

/* ---- errors ---------------------------------------------------------------------------------------- */

static void fail(struct pcapng *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first error is kept: the others follow from it. */
static void fail(struct pcapng *p, const char *format, ...)
{
    va_list list;

    if (p->failed)
        return;
    p->failed = true;
    va_start(list, format);
    vsnprintf(p->error, sizeof p->error, format, list);
    va_end(list);
}

static void fail_write(struct pcapng *p, int error)
{
    fail(p, "cannot write %s: %s", p->name, strerror(error ? error : EIO));
}

/* ---- a block ----------------------------------------------------------------------------------------- */

/* Room for `n` bytes at *buffer, which may move; false: no memory. */
static bool grow(struct pcapng *p, uint8_t **buffer, size_t *room, size_t n)
{
    size_t more = *room ? *room : 4096;
    uint8_t *bytes;

    if (n <= *room)
        return true;
    while (more < n)
        more *= 2;
    bytes = realloc(*buffer, more);
    if (!bytes) {
        fail(p, "cannot write %s: out of memory", p->name);
        return false;
    }
    *buffer = bytes;
    *room = more;
    return true;
}

static void put(struct pcapng *p, const void *bytes, size_t n)
{
    static const uint8_t zero[4];
    size_t pad = (0 - n) & 3u;

    if (p->failed || !grow(p, &p->block, &p->room, p->length + n + pad))
        return;
    if (n > 0)
        memcpy(p->block + p->length, bytes, n);
    memcpy(p->block + p->length + n, zero, pad);
    p->length += n + pad;
}

static void store32(uint8_t *to, uint32_t v)
{
    to[0] = (uint8_t)v;
    to[1] = (uint8_t)(v >> 8);
    to[2] = (uint8_t)(v >> 16);
    to[3] = (uint8_t)(v >> 24);
}

static void put32(struct pcapng *p, uint32_t v)
{
    uint8_t bytes[4];
    store32(bytes, v);
    put(p, bytes, 4);
}

static void put16_16(struct pcapng *p, unsigned low, unsigned high)
{
    put32(p, (low & 0xffffu) | (uint32_t)high << 16);
}

static void put_option(struct pcapng *p, unsigned code, const void *bytes, size_t n)
{
    put16_16(p, code, (unsigned)n);
    put(p, bytes, n);
}

static void block_begin(struct pcapng *p, uint32_t type)
{
    p->length = 0;
    put32(p, type);
    put32(p, 0); /* the length: block_end */
}

static void block_end(struct pcapng *p)
{
    uint32_t length = (uint32_t)p->length + 4;

    put32(p, length);
    if (p->failed)
        return;
    store32(p->block + 4, length);
    errno = 0;
    if (fwrite(p->block, 1, p->length, p->file) != p->length)
        fail_write(p, errno);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static void write_section(struct pcapng *p, const char *application)
{
    block_begin(p, BLOCK_SECTION);
    put32(p, 0x1a2b3c4d); /* by this the reader knows the byte order */
    put16_16(p, 1, 0);    /* version 1.0 */
    put32(p, UINT32_MAX); /* the section's length is not known */
    put32(p, UINT32_MAX);
    if (application && application[0]) {
        put_option(p, SHB_USERAPPL, application, strlen(application));
        put_option(p, OPT_END, NULL, 0);
    }
    block_end(p);
}

struct pcapng *pcapng_stream(FILE *stream, const char *name, const char *application,
                             estab_time epoch_ns)
{
    struct pcapng *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->file = stream;
    p->epoch_ns = epoch_ns;
    snprintf(p->name, sizeof p->name, "%s", name);
    if (stream)
        write_section(p, application);
    return p;
}

struct pcapng *pcapng_create(const char *path, const char *application, estab_time epoch_ns)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdout : fopen(path, "wb");
    int error = errno;
    struct pcapng *p =
        pcapng_stream(file, standard ? "standard output" : path, application, epoch_ns);

    if (p && !file)
        fail(p, "cannot create %s: %s", path, strerror(error));
    if (p)
        p->ours = file && !standard;
    else if (file && !standard)
        fclose(file);
    return p;
}

void pcapng_flush(struct pcapng *p)
{
    errno = 0;
    if (!p->failed && fflush(p->file) != 0)
        fail_write(p, errno);
}

const char *pcapng_error(const struct pcapng *p)
{
    return p->failed ? p->error : NULL;
}

uint64_t pcapng_packets(const struct pcapng *p)
{
    return p->packets;
}

bool pcapng_close(struct pcapng *p, char why[PCAPNG_ERROR_MAX])
{
    bool good;

    pcapng_flush(p);
    errno = 0;
    if (p->ours && fclose(p->file) != 0)
        fail_write(p, errno);
    good = !p->failed;
    if (!good && why)
        memcpy(why, p->error, sizeof p->error);
    free(p->block);
    free(p->flat);
    free(p);
    return good;
}

/* ---- interfaces and names -------------------------------------------------------------------------------- */

int pcapng_interface(struct pcapng *p, enum estab_link link, const char *name)
{
    static const uint8_t nanoseconds = 9;

    if (p->failed || p->interfaces == PCAPNG_INTERFACES_MAX)
        return -1;
    block_begin(p, BLOCK_INTERFACE);
    put16_16(p, link == ESTAB_LINK_ETHERNET ? LINKTYPE_ETHERNET : LINKTYPE_RAW, 0);
    put32(p, 0); /* no limit to a packet's length */
    if (name && name[0])
        put_option(p, IF_NAME, name, strlen(name));
    put_option(p, IF_TSRESOL, &nanoseconds, 1);
    put_option(p, OPT_END, NULL, 0);
    block_end(p);
    if (p->failed)
        return -1;
    p->link[p->interfaces] = (uint8_t)link;
    return (int)p->interfaces++;
}

void pcapng_names(struct pcapng *p, const struct names *names)
{
    if (p->failed || names->count == 0)
        return;
    block_begin(p, BLOCK_NAMES);
    for (unsigned i = 0; i < names->count; i++) {
        uint8_t record[16 + NAMES_TEXT_MAX];
        const struct estab_addr *addr = &names->entry[i].addr;
        size_t n = strlen(names->entry[i].text) + 1, length = addr_is_ipv4(addr) ? 4 : 16;
        memcpy(record, addr->b + 16 - length, length);
        memcpy(record + length, names->entry[i].text, n);
        put_option(p, length == 4 ? NRB_IPV4 : NRB_IPV6, record, length + n);
    }
    put_option(p, 0, NULL, 0); /* nrb_record_end */
    block_end(p);
}

/* ---- packets ------------------------------------------------------------------------------------------------ */

static void write_packet(struct pcapng *p, unsigned interface, enum pcapng_direction direction,
                         const uint8_t *bytes, size_t length, const char *const *comments, size_t n,
                         estab_time now)
{
    uint64_t time = now + p->epoch_ns;
    bool options = direction != PCAPNG_UNKNOWN;
    uint8_t flags[4];

    block_begin(p, BLOCK_PACKET);
    put32(p, interface);
    put32(p, (uint32_t)(time >> 32));
    put32(p, (uint32_t)time);
    put32(p, (uint32_t)length); /* captured */
    put32(p, (uint32_t)length); /* and what there was */
    put(p, bytes, length);
    for (size_t i = 0; i < n; i++) {
        size_t m = comments[i] ? strlen(comments[i]) : 0;
        if (m == 0)
            continue;
        put_option(p, OPT_COMMENT, comments[i], m < COMMENT_MAX ? m : COMMENT_MAX);
        options = true;
    }
    if (direction != PCAPNG_UNKNOWN) {
        store32(flags, direction == PCAPNG_IN ? 1 : 2);
        put_option(p, EPB_FLAGS, flags, 4);
    }
    if (options)
        put_option(p, OPT_END, NULL, 0);
    block_end(p);
    if (!p->failed)
        p->packets++;
}

void pcapng_frame(struct pcapng *p, unsigned interface, enum pcapng_direction direction,
                  const struct estab_frame *frame, const char *const *comments, size_t n,
                  estab_time now)
{
    struct frame_view view;
    unsigned segments;
    size_t length;

    if (p->failed)
        return;
    if (interface >= p->interfaces || frame->link != p->link[interface]) {
        fail(p, "cannot write %s: interface %u is not described, or has another link type", p->name,
             interface);
        return;
    }
    if (frame->length > PCAPNG_PACKET_MAX) {
        fail(p, "cannot write %s: a frame of %lu bytes, more than %u", p->name,
             (unsigned long)frame->length, PCAPNG_PACKET_MAX);
        return;
    }
    /* Behind the frame there is room for one segment of it. */
    if (!grow(p, &p->flat, &p->flat_room, 2 * (size_t)frame->length + 1))
        return;
    length = segment_flatten(frame, p->flat);
    view_bytes(&view, p->flat, length, (enum estab_link)frame->link);
    segments = segment_count(&view, frame->segment_size);
    if (segments == 1) {
        segment_finish(frame, p->flat, length);
        write_packet(p, interface, direction, p->flat, length, comments, n, now);
        return;
    }
    for (unsigned i = 0; i < segments; i++) {
        uint8_t *piece = p->flat + length;
        size_t m = segment_cut(&view, p->flat, frame->segment_size, i, piece);
        write_packet(p, interface, direction, piece, m, comments, i == 0 ? n : 0, now);
    }
}
