/* SPDX-License-Identifier: MIT */
/* app.c - what a server and a client do with each event. */
#include "cli/app.h"

#include <string.h>

#define CHUNK 65536 /* bytes that are told of at once */

static bool is(estab_conn a, estab_conn b)
{
    return a.index == b.index && a.generation == b.generation;
}

static estab_time after_ms(estab_time now, uint64_t ms)
{
    return ms == APP_NEVER_MS ? ESTAB_NEVER : now + ms * ESTAB_MS;
}

static void send_text(estab_stack *stack, estab_conn conn, const char *text, estab_time now)
{
    size_t taken;

    /* A few words into an empty buffer: they fit, or the connection has ended, which an event tells. */
    if (text)
        (void)!estab_send(stack, conn, text, strlen(text), ESTAB_PUSH, &taken, now);
}

/* Takes all text on hand. */
static void receive_text(estab_stack *stack, estab_conn conn, const struct estab_endpoint *from,
                         const struct app_hooks *hooks, estab_time now)
{
    uint8_t text[CHUNK];
    struct estab_received got;

    while (estab_receive(stack, conn, text, sizeof text, 0, &got, now) == ESTAB_OK &&
           got.length > 0)
        if (hooks->text)
            hooks->text(hooks->context, from, text, got.length);
}

/* ---- the server ------------------------------------------------------------------------------------ */

enum estab_error app_server_listen(struct app_server *s, const struct estab_listen *listen)
{
    return estab_listen(s->stack, listen, &s->listener);
}

static struct app_connection *find(struct app_server *s, estab_conn conn)
{
    for (unsigned i = 0; i < APP_CONNECTIONS; i++)
        if (is(s->connection[i].conn, conn))
            return &s->connection[i];
    return NULL;
}

static void take(struct app_server *s, estab_conn conn, estab_time now)
{
    struct app_connection *c = find(s, (estab_conn){0, 0});
    struct estab_status st = {.size = sizeof st};

    if (!c || estab_status(s->stack, conn, &st) != ESTAB_OK) {
        (void)estab_abort(s->stack, conn, now);
        return;
    }
    *c = (struct app_connection){.conn = conn, .remote = st.remote, .close_at = ESTAB_NEVER};
    s->open++;
    s->accepted++;
}

static void serve(struct app_server *s, struct app_connection *c, const struct estab_event *e,
                  estab_time now)
{
    receive_text(s->stack, c->conn, &c->remote, &s->hooks, now);
    if (e->bits & ESTAB_EVENT_PEER_CLOSED)
        c->close_at = after_ms(now, s->close_ms);
    if (!(e->bits & ESTAB_EVENT_CLOSED))
        return;
    if (s->hooks.ended)
        s->hooks.ended(s->hooks.context, &c->remote, e->error);
    *c = (struct app_connection){0};
    s->open--;
}

void app_server_event(struct app_server *s, const struct estab_event *e, estab_time now)
{
    struct app_connection *c;
    estab_conn conn;

    if (e->bits & ESTAB_EVENT_ACCEPT)
        while (estab_accept(s->stack, s->listener, &conn) == ESTAB_OK)
            take(s, conn, now);
    if (e->conn.generation == 0)
        return;
    c = find(s, e->conn);
    if (c)
        serve(s, c, e, now);
}

void app_server_turn(struct app_server *s, estab_time now)
{
    for (unsigned i = 0; i < APP_CONNECTIONS && s->open; i++) {
        struct app_connection *c = &s->connection[i];
        if (c->conn.generation == 0 || c->close_at > now)
            continue;
        c->close_at = ESTAB_NEVER;
        (void)estab_close(s->stack, c->conn, now);
    }
}

estab_time app_server_deadline(const struct app_server *s)
{
    estab_time first = ESTAB_NEVER;

    for (unsigned i = 0; i < APP_CONNECTIONS && s->open; i++)
        if (s->connection[i].conn.generation && s->connection[i].close_at < first)
            first = s->connection[i].close_at;
    return first;
}

void app_server_end(struct app_server *s, bool reset, estab_time now)
{
    (void)estab_listen_end(s->stack, s->listener, now);
    for (unsigned i = 0; i < APP_CONNECTIONS; i++) {
        struct app_connection *c = &s->connection[i];
        if (c->conn.generation == 0)
            continue;
        c->close_at = ESTAB_NEVER;
        if (reset)
            (void)estab_abort(s->stack, c->conn, now);
        else
            (void)estab_close(s->stack, c->conn, now);
    }
}

/* ---- the client ------------------------------------------------------------------------------------ */

enum estab_error app_client_open(struct app_client *c, const struct estab_open *open,
                                 estab_time now)
{
    c->close_at = ESTAB_NEVER;
    c->remote = open->remote;
    return estab_open(c->stack, open, &c->conn, now);
}

void app_client_event(struct app_client *c, const struct estab_event *e, estab_time now)
{
    if (c->done || !is(c->conn, e->conn))
        return;
    if (e->bits & ESTAB_EVENT_OPENED) {
        c->opened = true;
        c->close_at = c->closed ? ESTAB_NEVER : after_ms(now, c->hold_ms);
        send_text(c->stack, c->conn, c->request, now);
    }
    receive_text(c->stack, c->conn, &c->remote, &c->hooks, now);
    if (e->bits & ESTAB_EVENT_PEER_CLOSED)
        c->peer_closed = true;
    if (e->bits & ESTAB_EVENT_SOFT_ERROR) {
        c->soft = true;
        c->trouble = e->error;
    }
    if (!(e->bits & ESTAB_EVENT_CLOSED))
        return;
    c->done = true;
    c->error = e->error;
    if (c->hooks.ended)
        c->hooks.ended(c->hooks.context, &c->remote, e->error);
}

void app_client_turn(struct app_client *c, estab_time now)
{
    if (!c->done && c->close_at <= now)
        app_client_end(c, false, now);
}

estab_time app_client_deadline(const struct app_client *c)
{
    return c->done ? ESTAB_NEVER : c->close_at;
}

void app_client_end(struct app_client *c, bool reset, estab_time now)
{
    c->close_at = ESTAB_NEVER;
    c->closed = true;
    if (reset)
        (void)estab_abort(c->stack, c->conn, now);
    else
        (void)estab_close(c->stack, c->conn, now);
}
