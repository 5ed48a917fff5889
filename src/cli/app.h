/* SPDX-License-Identifier: MIT */
/*
 * app.h - the two programs of every tutorial, over a stack of ours: a server that answers the end
 * of a connection with its own, and a client that connects, holds, and closes.
 *
 * They know no clock and do no I/O: events and the time come from the caller, who comes back at the
 * deadline.
 *
 * Limits: APP_CONNECTIONS at a time; a server resets what comes beyond.
 */
#ifndef CLI_APP_H
#define CLI_APP_H

#include <estab.h>

#define APP_CONNECTIONS 1024
#define APP_NEVER_MS    UINT64_MAX /* of a duration: not at all */

/* What is worth telling; any of them may be NULL. */
struct app_hooks {
    void *context;
    void (*text)(void *context, const struct estab_endpoint *from, const uint8_t *text, size_t n);
    /* A connection has come to CLOSED. */
    void (*ended)(void *context, const struct estab_endpoint *remote, enum estab_error);
};

struct app_connection {
    estab_conn conn; /* of generation 0: free */
    struct estab_endpoint remote;
    estab_time close_at;
};

struct app_server {
    estab_stack *stack;
    struct app_hooks hooks;
    uint64_t close_ms; /* from the peer's FIN to our CLOSE */
    estab_listener listener;
    unsigned open, accepted;
    struct app_connection connection[APP_CONNECTIONS];
};

/* Listens with `stack`, `hooks` and `close_ms` as they are set. */
enum estab_error app_server_listen(struct app_server *, const struct estab_listen *);
void app_server_event(struct app_server *, const struct estab_event *, estab_time now);
/* Does what is due. */
void app_server_turn(struct app_server *, estab_time now);
estab_time app_server_deadline(const struct app_server *);
/* No more connections; those that are open end with a FIN, or with a RST. */
void app_server_end(struct app_server *, bool reset, estab_time now);

struct app_client {
    estab_stack *stack;
    struct app_hooks hooks;
    uint64_t hold_ms;    /* from ESTABLISHED to our CLOSE */
    const char *request; /* sent at once; or NULL */
    estab_conn conn;
    struct estab_endpoint remote;
    estab_time close_at;
    bool opened;      /* was ESTABLISHED */
    bool closed;      /* we have called CLOSE or ABORT */
    bool peer_closed; /* the peer's FIN came */
    bool done;        /* CLOSED; `error` tells how */
    bool soft;        /* `trouble` was reported */
    enum estab_error error, trouble;
};

enum estab_error app_client_open(struct app_client *, const struct estab_open *, estab_time now);
void app_client_event(struct app_client *, const struct estab_event *, estab_time now);
void app_client_turn(struct app_client *, estab_time now);
estab_time app_client_deadline(const struct app_client *);
void app_client_end(struct app_client *, bool reset, estab_time now);

#endif
