/* SPDX-License-Identifier: MIT */
/*
 * server.h - the server of every tutorial: accepts, and gives each connection a thread of its own.
 *
 *      server_start --> acceptor --> worker-1   service->serve(worker)   one connection each
 *                               \--> worker-2   service->serve(worker)
 *
 * The calls are those of BSD sockets, over a stack of ours (estab_posix.h); they wait.
 *
 * Limits: so many workers at a time as the configuration says.  When all are busy that is told, and
 * connections wait in the listener's backlog until one ends.
 */
#ifndef CLI_SERVER_H
#define CLI_SERVER_H

#include <estab_posix.h>

#include "cli/serve_log.h"

#define SERVER_WORKERS 256
#define SERVER_BACKLOG 128

struct server;
struct worker;

/* What a worker does with its connection, which is closed when this returns. */
struct service {
    const char *name;
    uint16_t port;       /* where one expects it */
    const char *request; /* what a client may say to try it */
    void (*serve)(struct worker *);
};

extern const struct service service_http, service_echo, service_print;

struct server_config {
    estab_posix *posix;
    const struct service *service;
    struct serve_log *log;
    uint16_t port;
    unsigned workers;  /* 1 to SERVER_WORKERS */
    bool leave_open;   /* print: does not close when the peer has */
    uint32_t idle_ms;  /* http: how long it waits for the client's next bytes */
    uint32_t delay_ms; /* of a close by us: how long it reads on, so that the last words arrive */
};

/* Listens and begins.  NULL: errno says why. */
ESTAB_MUST_CHECK struct server *server_start(const struct server_config *);
/* No more connections; those that are open end with a FIN. */
void server_end(struct server *);
/* Afterwards: those that have not yet ended are reset. */
void server_reset(struct server *);
/* Workers that are still busy. */
unsigned server_busy(struct server *);
/* Waits for the acceptor and for all workers, which must have been told to end. */
void server_free(struct server *);

/* ---- for services ------------------------------------------------------------------------------ */

const struct server_config *worker_config(const struct worker *);
/* recv(): waits; 0 at the end, or negative with errno. */
ssize_t worker_receive(struct worker *, void *, size_t);
/* All of it, or false with errno. */
bool worker_send(struct worker *, const void *, size_t);
/* CLOSE in one direction: our FIN, after what was sent. */
void worker_shutdown(struct worker *);
/* Receives wait no longer than this; EAGAIN then. */
void worker_patience(struct worker *, uint32_t ms);
/* Small pieces are not held back (Nagle's algorithm off). */
void worker_prompt(struct worker *);
/* Waits until the server ends. */
void worker_stay(struct worker *);
/* A line of this worker; serve_log.h */
struct serve_line *worker_line(struct worker *, const char *event);
/* The line that the connection has ended, and how: `number` is an errno, or 0. */
struct serve_line *worker_ended(struct worker *, const char *how, int number);

#endif
