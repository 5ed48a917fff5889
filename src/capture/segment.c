/* SPDX-License-Identifier: MIT */
/* segment.c - what the device would have done: sums (RFC 1071) and cuts. */
#include "capture/segment.h"

#include "base/checksum.h"
#include "base/writer.h"
#include "packet/ipv6.h"

enum { PROTOCOL_UDP = 17 };
enum { IP_LENGTH = 2, IP_ID = 4, IP_CHECKSUM = 10, IP6_LENGTH = 4 };
enum { TCP_SEQ = 4, TCP_FLAGS = 13, TCP_CHECKSUM = 16, TCP_URGENT = 18, UDP_CHECKSUM = 6 };

size_t segment_flatten(const struct estab_frame *frame, uint8_t *out)
{
    size_t head = frame->head_length < ESTAB_HEAD_MAX ? frame->head_length : ESTAB_HEAD_MAX;
    size_t n = head < frame->length ? head : frame->length;

    memcpy(out, frame->head, n);
    for (unsigned i = 0; i < frame->parts && i < ESTAB_PARTS_MAX; i++) {
        const struct estab_part *part = &frame->part[i];
        size_t take = part->length < frame->length - n ? part->length : frame->length - n;
        if (take > 0)
            memcpy(out + n, part->base, take);
        n += take;
    }
    return n;
}

/* Writes the checksum of the transport segment at `at`, whose field is at `field`. */
static void sum_transport(const struct frame_view *v, uint8_t *bytes, size_t at, size_t field)
{
    size_t length = v->ip_offset + v->ip_length - at;
    uint64_t sum;
    uint16_t check;

    writer_store16(bytes + field, 0);
    sum = ip_pseudo(&v->src.addr, &v->dst.addr, v->protocol, (uint32_t)length);
    check = checksum_done(checksum_add(sum, bytes + at, length));
    if (check == 0 && v->protocol == PROTOCOL_UDP)
        check = 0xffff;
    writer_store16(bytes + field, check);
}

void segment_finish(const struct estab_frame *frame, uint8_t *bytes, size_t n)
{
    size_t start = frame->checksum_start, field = start + frame->checksum_offset;
    struct frame_view v;

    if (frame->checksum == ESTAB_CHECKSUM_FINISH) {
        /* The field holds the pseudo header's sum, so that it is summed up with the rest. */
        if (field + 2 <= n)
            writer_store16(bytes + field, checksum_done(checksum_add(0, bytes + start, n - start)));
        return;
    }
    if (frame->checksum != ESTAB_CHECKSUM_GOOD)
        return;
    view_bytes(&v, bytes, n, (enum estab_link)frame->link);
    start = (size_t)v.ip_offset + v.ip_header_length;
    if (v.checksum != VIEW_SUM_BAD || v.malformed)
        return;
    if (v.kind == VIEW_TCP)
        sum_transport(&v, bytes, start, start + TCP_CHECKSUM);
    else if (v.kind == VIEW_UDP)
        sum_transport(&v, bytes, start, start + UDP_CHECKSUM);
}

unsigned segment_count(const struct frame_view *v, unsigned segment_size)
{
    if (segment_size == 0 || v->kind != VIEW_TCP || v->malformed || v->more_fragments ||
        v->payload_length <= segment_size)
        return 1;
    return (v->payload_length + segment_size - 1) / segment_size;
}

/* The flags and the urgent pointer of a segment whose text begins `offset` bytes into the whole. */
static void cut_flags(const struct frame_view *v, uint8_t *tcp, uint32_t offset, bool last)
{
    uint8_t flags = v->tcp.flags;

    if (!last)
        flags = (uint8_t)(flags & ~(CTL_FIN | CTL_PSH));
    if (offset > 0)
        flags = (uint8_t)(flags & ~CTL_CWR);
    if ((flags & CTL_URG) && v->tcp.urgent > offset) {
        writer_store16(tcp + TCP_URGENT, (uint16_t)(v->tcp.urgent - offset));
    } else {
        flags = (uint8_t)(flags & ~CTL_URG);
        writer_store16(tcp + TCP_URGENT, 0);
    }
    tcp[TCP_FLAGS] = flags;
}

size_t segment_cut(const struct frame_view *v, const uint8_t *bytes, unsigned segment_size,
                   unsigned i, uint8_t *out)
{
    uint32_t headers = v->payload_offset, offset = i * segment_size;
    uint32_t left = v->payload_length - offset;
    uint32_t length = left < segment_size ? left : segment_size;
    uint8_t *ip = out + v->ip_offset, *tcp = ip + v->ip_header_length;
    struct frame_view piece = *v;

    memcpy(out, bytes, headers);
    memcpy(out + headers, bytes + headers + offset, length);
    piece.ip_length = headers - v->ip_offset + length;

    if (v->six) {
        writer_store16(ip + IP6_LENGTH, (uint16_t)(piece.ip_length - IPV6_HEADER));
    } else {
        writer_store16(ip + IP_LENGTH, (uint16_t)piece.ip_length);
        writer_store16(ip + IP_ID, (uint16_t)(v->ip_id + i));
        writer_store16(ip + IP_CHECKSUM, 0);
        writer_store16(ip + IP_CHECKSUM, checksum_done(checksum_add(0, ip, v->ip_header_length)));
    }

    writer_store32(tcp + TCP_SEQ, v->tcp.seq + offset);
    cut_flags(v, tcp, offset, length == left);
    sum_transport(&piece, out, (size_t)(tcp - out), (size_t)(tcp - out) + TCP_CHECKSUM);
    return headers + length;
}
