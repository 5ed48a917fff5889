/* SPDX-License-Identifier: MIT */
/*
 * connect.c - connect and accept.
 *
 * connect() has two states of its own, as Linux has (enum socket_state): what the connection is, and
 * what the caller was told of it.  A connection that opened while nobody waited is SS_CONNECTING until
 * the next connect() returns 0; one that failed is so until connect() has told the error.
 */
#include "posix/posix.h"

/* ---- leaving a connection ---------------------------------------------------------------------------- */

static void listen_end(struct estab_posix *p, struct sock *s)
{
    struct sock **at = &p->listening;
    struct sock *ahead = s->ahead;

    while (*at != s)
        at = &(*at)->listen_next;
    *at = s->listen_next;
    s->listening = s->more = false;
    s->ahead = NULL;
    if (ahead) {
        if (ahead->live) {
            (void)estab_abort(p->stack, ahead->conn, time_now(p));
            sock_end(p, ahead);
        }
        sock_drop(p, ahead);
    }
    (void)estab_listen_end(p->stack, s->listener, time_now(p));
}

/* The stack goes on with the connection alone. */
void sock_end(struct estab_posix *p, struct sock *s)
{
    if (s->listening)
        listen_end(p, s);
    if (s->dgram)
        dgram_end(p, s);
    if (!s->live)
        return;
    p->dirty = true;
    (void)estab_release(p->stack, s->conn, time_now(p));
    place_clear(p, s);
}

void sock_disconnect(struct estab_posix *p, struct sock *s, int error)
{
    if (s->listening || s->live) {
        if (s->live)
            (void)estab_abort(p->stack, s->conn, time_now(p));
        sock_end(p, s);
        if (error)
            s->error = error;
    }
    s->shut = 0;
    s->done = s->opened = false;
    s->soft = 0;
    s->urgent = (struct urgent){0};
    s->remote = (struct estab_endpoint){0};
    address_forget(s);
}

/* ---- connect ------------------------------------------------------------------------------------------ */

static int errno_of_open(enum estab_error error)
{
    switch (error) {
    case ESTAB_EXISTS:
    case ESTAB_REMOTE_UNSPECIFIED: /* port or address 0 */
        return EADDRNOTAVAIL;
    case ESTAB_INVALID: /* a broadcast or multicast address */
        return ENETUNREACH;
    default:
        return errno_of(error);
    }
}

static int open_active(struct estab_posix *p, struct sock *s, const struct sockaddr *address,
                       socklen_t length)
{
    struct estab_open open = {.size = sizeof open};
    struct estab_setting settings[SETTINGS_MAX];
    struct estab_status st = {.size = sizeof st};
    int result = address_in(s, address, length, &open.remote);
    enum estab_error error;
    estab_conn conn;

    if (result == 0)
        result = address_connectable(p, s, address, length, &open.remote.addr, &open.local.addr);
    if (result < 0)
        return result;
    sock_end(p, s); /* text that an earlier connection has left */
    if (s->bound_port)
        open.local.port = s->local.port;
    open.reopen = s->bound_port; /* Linux: what bind() chose */
    s->remote = open.remote; /* by which some options are chosen */
    open.settings = settings;
    open.setting_count = options_list(p, s, settings);
    error = estab_open(p->stack, &open, &conn, time_now(p));
    if (error != ESTAB_OK) {
        s->remote = (struct estab_endpoint){0};
        return -errno_of_open(error);
    }
    p->dirty = true;
    if (!place_set(p, conn, s)) {
        s->remote = (struct estab_endpoint){0};
        (void)estab_release(p->stack, conn, time_now(p));
        return -ENOMEM;
    }
    if (estab_status(p->stack, conn, &st) == ESTAB_OK)
        s->local = st.local;
    s->done = s->opened = false;
    return 0;
}

/* What inet_stream_connect of Linux does before it waits: 0, or the errno if it does not. */
static int connect_begin(struct estab_posix *p, struct sock *s, const struct sockaddr *address,
                         socklen_t length)
{
    struct estab_status st;
    int result;

    if (s->progress == SS_CONNECTED)
        return -EISCONN;
    if (s->progress == SS_CONNECTING)
        return -EALREADY;
    if (s->progress == SS_DISCONNECTING)
        return -EINVAL; /* shut before it was told that it had failed */
    if (sock_state(p, s, &st) != ESTAB_STATE_CLOSED)
        return -EISCONN;
    result = open_active(p, s, address, length);
    if (result < 0)
        return result;
    s->progress = SS_CONNECTING;
    return -EINPROGRESS;
}

static int connect_failed(struct estab_posix *p, struct sock *s)
{
    int error = sock_error(s);

    s->progress = SS_UNCONNECTED;
    sock_disconnect(p, s, 0);
    return error ? error : -ECONNABORTED;
}

/* Those in which leaving is an error to whoever asks next: all but the ends. */
#define STATES_RESET                                                                               \
    (STATES_OPENING | STATES_CONNECTED | STATES(FIN_WAIT_1) | STATES(FIN_WAIT_2))

static int sock_connect(struct estab_posix *p, struct sock *s, const struct sockaddr *address,
                        socklen_t length)
{
    estab_time until = until_of(p, &s->opt.sndtimeo, s->nonblock);
    struct estab_status st;
    int pending, result;

    if (address && length >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
        sock_disconnect(p, s, state_in(sock_state(p, s, &st), STATES_RESET) ? ECONNRESET : 0);
        s->progress = SS_UNCONNECTED;
        return 0;
    }
    pending = connect_begin(p, s, address, length);
    if (pending != -EINPROGRESS && pending != -EALREADY)
        return pending;
    while (state_in(sock_state(p, s, &st), STATES_OPENING)) {
        result = wait_sock(p, s, until);
        if (result < 0)
            return result == -EAGAIN ? pending : result;
    }
    if (st.state == ESTAB_STATE_CLOSED || st.state == ESTAB_STATE_TIME_WAIT)
        return connect_failed(p, s);
    s->progress = SS_CONNECTED;
    return 0;
}

int estab_posix_connect(estab_posix *p, int fd, const struct sockaddr *address, socklen_t length)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    if (result == 0 && ((int)length < 0 || length < sizeof(sa_family_t)))
        result = -EINVAL;
    if (result == 0)
        result = s->dgram ? dgram_connect(p, s, address, length) : sock_connect(p, s, address, length);
    return leave(p, result);
}

/* ---- accept ------------------------------------------------------------------------------------------- */

/* Gives the next connection its descriptor. */
static int accept_one(struct estab_posix *p, struct sock *s, struct sockaddr *address,
                      socklen_t *length, int flags)
{
    struct sock *child = s->ahead;
    int fd = file_add(p, (struct file){.kind = FILE_SOCK, {.sock = child}});
    int result;

    if (fd < 0)
        return fd;
    if (address) {
        result = address_out(child, &child->remote, address, length);
        if (result < 0) {
            file_remove(p, fd);
            return result;
        }
    }
    s->ahead = NULL;
    child->fd = fd;
    child->nonblock = flags & SOCK_NONBLOCK;
    child->cloexec = flags & SOCK_CLOEXEC;
    listener_refill(p, s);
    return fd;
}

static int sock_accept(struct estab_posix *p, struct sock *s, struct sockaddr *address,
                       socklen_t *length, int flags)
{
    estab_time until = until_of(p, &s->opt.rcvtimeo, s->nonblock);
    int result;

    for (;;) {
        if (!s->listening)
            return s->dgram ? -EOPNOTSUPP : -EINVAL;
        if (!s->ahead && s->more)
            listener_refill(p, s);
        if (s->ahead)
            return accept_one(p, s, address, length, flags);
        if (s->more)
            return -EMFILE; /* there is one, and no room for its socket */
        result = wait_sock(p, s, until);
        if (result < 0)
            return result;
    }
}

int estab_posix_accept4(estab_posix *p, int fd, struct sockaddr *address, socklen_t *length,
                        int flags)
{
    struct sock *s;
    int result;

    enter(p);
    result = flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC) ? -EINVAL : sock_find(p, fd, &s);
    return leave(p, result < 0 ? result : sock_accept(p, s, address, length, flags));
}

int estab_posix_accept(estab_posix *p, int fd, struct sockaddr *address, socklen_t *length)
{
    return estab_posix_accept4(p, fd, address, length, 0);
}
