/* SPDX-License-Identifier: MIT */
/*
 * tcp_header.c - RFC 9293 section 3.1 and 3.2, and the options of RFC 7323, RFC 2018 and RFC 5482.
 *
 * Every option but END and NOP has a length octet, so an unknown one can be stepped over.  A length
 * under 2, or beyond the header, cannot be: nothing after it has a meaning, and the segment is
 * refused as a whole.
 */
#include "packet/tcp_header.h"

#include "base/reader.h"
#include "base/writer.h"

static void sack_parse(struct reader *body, struct tcp_options *opt)
{
    opt->sacks = 0; /* of two such options the last one holds */
    opt->present |= OPT_SACK;
    while (reader_left(body) > 0 && opt->sacks < SACK_BLOCKS_MAX) {
        struct tcp_sack_block *s = &opt->sack[opt->sacks++];

        s->left = reader_u32(body);
        s->right = reader_u32(body);
    }
}

static void option_parse(unsigned kind, struct reader *body, size_t length, bool syn,
                         struct tcp_options *opt)
{
    switch (kind) {
    case TCPOPT_MSS:
        if (length != 4 || !syn)
            return;
        opt->mss = reader_u16(body);
        opt->present |= OPT_MSS;
        return;
    case TCPOPT_WINDOW_SCALE:
        if (length != 3 || !syn)
            return;
        opt->wscale = reader_u8(body);
        opt->present |= OPT_WINDOW_SCALE;
        return;
    case TCPOPT_SACK_PERMITTED:
        if (length == 2 && syn)
            opt->present |= OPT_SACK_PERMITTED;
        return;
    case TCPOPT_SACK:
        if (length < 10 || (length - 2) % 8 != 0 || syn)
            return;
        sack_parse(body, opt);
        return;
    case TCPOPT_TIMESTAMPS:
        if (length != 10)
            return;
        opt->tsval = reader_u32(body);
        opt->tsecr = reader_u32(body);
        opt->present |= OPT_TIMESTAMPS;
        return;
    case TCPOPT_USER_TIMEOUT:
        if (length != 4)
            return;
        opt->user_timeout = reader_u16(body);
        opt->present |= OPT_USER_TIMEOUT;
        return;
    default:
        return;
    }
}

static bool options_parse(struct reader r, bool syn, struct tcp_options *opt)
{
    while (reader_left(&r) > 0) {
        unsigned kind = reader_u8(&r);
        struct reader body;
        size_t length;

        if (kind == TCPOPT_END)
            break;
        if (kind == TCPOPT_NOP)
            continue;
        length = reader_u8(&r);
        if (length < 2)
            return false;
        body = reader_sub(&r, length - 2);
        option_parse(kind, &body, length, syn, opt);
    }
    return reader_ok(&r);
}

enum reason tcp_header_parse(const uint8_t *p, size_t n, struct tcp_header *h)
{
    struct reader r = reader_of(p, n);
    struct reader options;
    unsigned offset;

    *h = (struct tcp_header){0};
    h->sport = reader_u16(&r);
    h->dport = reader_u16(&r);
    h->seq = reader_u32(&r);
    h->ack = reader_u32(&r);
    offset = reader_u8(&r) >> 4;
    h->flags = reader_u8(&r);
    h->wnd = reader_u16(&r);
    h->checksum = reader_u16(&r);
    h->up = reader_u16(&r);
    if (!reader_ok(&r) || offset < TCP_HEADER_MIN / 4)
        return REASON_TCP_HEADER;
    options = reader_sub(&r, offset * 4 - TCP_HEADER_MIN);
    if (!reader_ok(&r))
        return REASON_TCP_HEADER;
    h->length = (uint8_t)(offset * 4);
    if (h->sport == 0 || h->dport == 0)
        return REASON_TCP_PORT;
    if (!options_parse(options, h->flags & CTL_SYN, &h->opt))
        return REASON_TCP_OPTIONS;
    return REASON_NONE;
}

static size_t options_length(const struct tcp_options *opt)
{
    size_t n = 0;

    if (opt->present & OPT_MSS)
        n += 4;
    if (opt->present & OPT_TIMESTAMPS)
        n += opt->present & OPT_SACK_PERMITTED ? 10 : 12; /* sackOK stands where two NOPs would */
    if (opt->present & OPT_SACK_PERMITTED)
        n += opt->present & OPT_TIMESTAMPS ? 2 : 4;
    if (opt->present & OPT_WINDOW_SCALE)
        n += 4;
    if (opt->present & OPT_SACK)
        n += 4 + 8u * opt->sacks;
    if (opt->present & OPT_USER_TIMEOUT)
        n += 4;
    return n;
}

size_t tcp_header_length(const struct tcp_header *h)
{
    return TCP_HEADER_MIN + options_length(&h->opt);
}

static void option_head(struct writer *w, unsigned kind, unsigned length)
{
    writer_u8(w, (uint8_t)kind);
    writer_u8(w, (uint8_t)length);
}

static void options_write(struct writer *w, const struct tcp_options *opt)
{
    if (opt->present & OPT_MSS) {
        option_head(w, TCPOPT_MSS, 4);
        writer_u16(w, opt->mss);
    }
    if (opt->present & OPT_SACK_PERMITTED) {
        if (!(opt->present & OPT_TIMESTAMPS))
            writer_fill(w, TCPOPT_NOP, 2);
        option_head(w, TCPOPT_SACK_PERMITTED, 2);
    }
    if (opt->present & OPT_TIMESTAMPS) {
        if (!(opt->present & OPT_SACK_PERMITTED))
            writer_fill(w, TCPOPT_NOP, 2);
        option_head(w, TCPOPT_TIMESTAMPS, 10);
        writer_u32(w, opt->tsval);
        writer_u32(w, opt->tsecr);
    }
    if (opt->present & OPT_WINDOW_SCALE) {
        writer_u8(w, TCPOPT_NOP);
        option_head(w, TCPOPT_WINDOW_SCALE, 3);
        writer_u8(w, opt->wscale);
    }
    if (opt->present & OPT_SACK) {
        writer_fill(w, TCPOPT_NOP, 2);
        option_head(w, TCPOPT_SACK, 2 + 8u * opt->sacks);
        for (unsigned i = 0; i < opt->sacks; i++) {
            writer_u32(w, opt->sack[i].left);
            writer_u32(w, opt->sack[i].right);
        }
    }
    if (opt->present & OPT_USER_TIMEOUT) {
        option_head(w, TCPOPT_USER_TIMEOUT, 4);
        writer_u16(w, opt->user_timeout);
    }
}

size_t tcp_header_write(uint8_t p[TCP_HEADER_MAX], struct tcp_header *h)
{
    struct writer w = writer_of(p, TCP_HEADER_MAX);

    h->length = (uint8_t)tcp_header_length(h);
    writer_u16(&w, h->sport);
    writer_u16(&w, h->dport);
    writer_u32(&w, h->seq);
    writer_u32(&w, h->ack);
    writer_u8(&w, (uint8_t)(h->length / 4 << 4));
    writer_u8(&w, h->flags);
    writer_u16(&w, h->wnd);
    writer_u16(&w, 0); /* checksum */
    writer_u16(&w, h->up);
    options_write(&w, &h->opt);
    return writer_len(&w);
}
