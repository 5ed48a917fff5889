/* SPDX-License-Identifier: MIT */
/*
 * Frames of any content through the onlooker's parser and all that is built on it: lines, objects,
 * comments, inference, capture files.
 *
 * The first byte chooses link, width and switches; then come frames: a byte of flags, two of length,
 * and the bytes, which lie in a buffer of just their size.
 *
 * fuzz-runs: 60000
 */
#include "base/checksum.h"
#include "capture/describe.h"
#include "capture/infer.h"
#include "capture/pcapng.h"
#include "capture/segment.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct describe d;
static struct names names;
static char text[DESCRIBE_MAX];

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* Makes the lengths and checksums of an IPv4 packet right, so that chance gets beyond them. */
static void repair(uint8_t *ip, size_t n)
{
    size_t header = 20;

    if (n < 40)
        return;
    ip[0] = 0x45;
    store16(ip + 2, (uint16_t)n);
    store16(ip + 10, 0);
    store16(ip + 10, checksum_done(checksum_add(0, ip, header)));
    if (ip[9] == 6) {
        uint64_t sum = checksum_add(6 + n - header, ip + 12, 8);
        store16(ip + header + 16, 0);
        store16(ip + header + 16, checksum_done(checksum_add(sum, ip + header, n - header)));
    }
}

/* Every segment of a cut is whole, and together they have the text. */
static void cut(const struct frame_view *v, const uint8_t *bytes, unsigned size)
{
    unsigned count = segment_count(v, size);
    size_t sum = 0;

    for (unsigned i = 0; count > 1 && i < count; i++) {
        uint8_t *out = malloc(v->payload_offset + (size_t)size);
        struct frame_view piece;
        must(out);
        size_t m = segment_cut(v, bytes, size, i, out);
        view_bytes(&piece, out, m, v->ethernet ? ESTAB_LINK_ETHERNET : ESTAB_LINK_IP);
        must(!piece.malformed && piece.checksum == VIEW_SUM_GOOD);
        must(piece.tcp.seq == (uint32_t)(v->tcp.seq + sum));
        sum += piece.payload_length;
        free(out);
    }
    must(count == 1 || sum == v->payload_length);
}

static void look(struct estab_frame *frame, struct infer *infer, struct pcapng *file, uint8_t flags)
{
    struct describe_packet p;
    const char *comment = text;
    struct frame_view v, flat;

    view_frame(&v, frame);
    view_bytes(&flat, frame->part[0].base, frame->length, (enum estab_link)frame->link);
    must(v.kind == flat.kind && v.payload_length == flat.payload_length);
    must(v.payload_length == 0 || v.payload_offset + v.payload_length <= frame->length);
    cut(&flat, frame->part[0].base, frame->segment_size);

    p = describe_packet(&v, flags * ESTAB_MS);
    p.from = infer_feed(infer, &v, flags & 1, p.time);
    p.to = infer_expire(infer, p.time);
    p.reason = flags;
    p.why = flags >> 2;
    p.note = flags & 2 ? "note" : NULL;
    describe_see(&d, &p);
    must(describe_line(&d, &p, text, sizeof text) < sizeof text - 1);
    describe_why(&d, &p, text, sizeof text);
    must(describe_json(&d, &p, text, sizeof text) < sizeof text - 1);
    describe_states(&d, &p, text, sizeof text);
    pcapng_frame(file, frame->link, PCAPNG_IN, frame, &comment, 1, p.time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct estab_endpoint us = {estab_ipv4(10, 11, 0, 101), 40000};
    struct estab_endpoint peer = {estab_ipv4(10, 11, 0, 1), 3333};
    struct describe_config config = {.names = &names};
    struct infer infer;
    struct pcapng *file;
    char *written;
    size_t written_n;
    FILE *stream;

    if (n < 1)
        return 0;
    names.count = 0;
    must(names_add(&names, us.addr, "client") && names_add(&names, peer.addr, "server"));
    config.width = data[0] & 0xe0;
    config.why = data[0] & 1;
    config.colour = data[0] & 2;
    config.verbose = data[0] & 4;
    config.absolute_seq = data[0] & 8;
    describe_init(&d, &config);
    infer_init(&infer, us, peer, data[0] & 16 ? TCP_LISTEN : TCP_CLOSED, ESTAB_MS);
    stream = open_memstream(&written, &written_n);
    must(stream);
    file = pcapng_stream(stream, "memory", "fuzz", 0);
    must(file && pcapng_interface(file, ESTAB_LINK_ETHERNET, "a") == 0 &&
         pcapng_interface(file, ESTAB_LINK_IP, "b") == 1);
    for (size_t at = 1; n - at >= 3;) {
        size_t length = (size_t)data[at + 1] << 8 | data[at + 2], left = n - at - 3;
        uint8_t flags = data[at], *bytes;
        if (length > left)
            length = left;
        bytes = malloc(length);
        must(bytes || length == 0);
        if (length)
            memcpy(bytes, data + at + 3, length);
        size_t ip = flags & 4 ? 0 : 14;
        if ((flags & 0x80) && length > ip)
            repair(bytes + ip, length - ip);
        struct estab_frame frame = {
            .length = (uint32_t)length,
            .segment_size = flags & 8 ? 7 : 0,
            .link = flags & 4 ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET,
            .checksum = (flags >> 4 & 3) % 3,
            .checksum_start = flags & 4 ? 20 : 34,
            .checksum_offset = 16,
            .parts = 1,
            .part = {{bytes, (uint32_t)length}},
        };
        look(&frame, &infer, file, flags);
        free(bytes);
        at += 3 + length;
    }
    must(pcapng_close(file, NULL));
    fclose(stream);
    free(written);
    return 0;
}
