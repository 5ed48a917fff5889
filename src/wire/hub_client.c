/* SPDX-License-Identifier: MIT */
/* hub_client.c - the queue before each reader. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/hub_parts.h"

struct packet *packet_of(const void *bytes, size_t n)
{
    struct packet *p = malloc(sizeof *p + n);

    if (!p)
        return NULL;
    p->refs = 1;
    p->length = (uint32_t)n;
    memcpy(p->bytes, bytes, n);
    return p;
}

void packet_done(struct packet *p)
{
    if (p && --p->refs == 0)
        free(p);
}

static void append(struct client *c, struct packet *p, unsigned from)
{
    c->queue[(c->first + c->waiting) % HUB_QUEUE] = (struct post){p, from};
    c->waiting++;
    c->waiting_bytes += p->length;
    if (from != NOBODY)
        c->share[from]++;
    p->refs++;
}

bool client_post(struct client *c, struct packet *p, unsigned from)
{
    bool room = c->waiting < HUB_QUEUE && c->waiting_bytes + p->length <= HUB_QUEUE_BYTES;

    if (c->closing || !room || (from != NOBODY && c->share[from] >= HUB_SHARE)) {
        c->counters.slow++;
        return false;
    }
    append(c, p, from);
    return true;
}

void client_answer(struct hub *h, struct client *c, const struct envelope *e)
{
    size_t n = c->closing ? 0 : envelope_write(e, h->out, sizeof h->out);
    struct packet *p = n ? packet_of(h->out, n) : NULL;

    if (p && c->waiting < HUB_QUEUE) {
        append(c, p, NOBODY);
    } else if (!c->closing) { /* it asks and does not listen: nothing is worth waiting for */
        c->closing = true;
        client_drop_queue(c);
    }
    packet_done(p);
}

void client_refuse(struct hub *h, struct client *c, enum envelope_code code, const char *format,
                   ...)
{
    char sentence[ENVELOPE_TEXT + 1];
    struct envelope e;
    va_list list;

    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    envelope_init(&e, SAY_ERROR);
    e.has = HAS_CODE;
    e.code = code;
    envelope_text(&e, sentence);
    client_answer(h, c, &e);
}

static void shift(struct client *c)
{
    struct post *p = &c->queue[c->first];

    c->first = (c->first + 1) % HUB_QUEUE;
    c->waiting--;
    c->waiting_bytes -= p->packet->length;
    if (p->from != NOBODY && c->share[p->from] > 0) /* 0: who has caused it has left since */
        c->share[p->from]--;
    packet_done(p->packet);
}

bool client_flush(struct client *c)
{
    while (c->waiting) {
        const struct packet *p = c->queue[c->first].packet;
        ssize_t n = send(c->fd, p->bytes, p->length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR))
            return true;
        if (n < 0)
            return false;
        shift(c);
    }
    return true;
}

void client_drop_queue(struct client *c)
{
    while (c->waiting)
        shift(c);
}
