/* SPDX-License-Identifier: MIT */
/*
 * estab_posix.h - BSD sockets over a stack: the calls of POSIX with Linux's options and errno.
 *
 *      program  -- estab_posix_send(p, fd, ..) -->  posix  -- estab_send -->  stack   (estab.h)
 *               <-- value, errno -----------------         <-- events ------
 *
 * Each call has the arguments, the result, the structs and the errno of the system call whose name it
 * bears; constants and structs are those of the system's headers.  Descriptors are numbers of a table
 * of its own.  What is there, and what differs from Linux and why: docs/sockets.md.
 *
 * Non-blocking at heart: a call is an attempt, made again after each event that concerns it until it
 * completes.  Where it would wait lies behind one interface, struct estab_posix_waiter:
 *
 *      estab_posix_new      the caller's own: virtual time, coroutines, a loop of its own
 *      estab_posix_start    threads: a lock for each stack, and a thread that runs an estab_loop
 *
 * No signals: no call ends with EINTR because of one, and SIGPIPE is never raised.
 */
#ifndef ESTAB_POSIX_H
#define ESTAB_POSIX_H

#include <estab.h>
#include <estab_host.h>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct estab_posix estab_posix;

/* ---- waiting --------------------------------------------------------------------------------- */

/* One blocked call.  It lies on the stack of the call itself. */
struct estab_posix_wait {
    estab_time until; /* give up then; ESTAB_NEVER */
    bool woken;       /* something happened that concerns the call: it is to be tried again */
    void *place;       /* the waiter's */
};

/*
 * How calls wait.  All but lock and unlock run with the lock held.
 *
 * A wait in virtual time: `wait` keeps the calling coroutine in `place` and switches to the
 * scheduler; `wake` marks it runnable; the scheduler goes on with it after estab_posix_work has
 * returned, or at `until`.  The call then completes at that time, or waits again.
 */
struct estab_posix_waiter {
    void *context;
    estab_time (*now)(void *context);
    /* NULL: all calls are made by one thread at a time. */
    void (*lock)(void *context);
    void (*unlock)(void *context);
    /* Waits, the lock given up, until `woken` or `until`; returning early does no harm.  False: there
     * is nothing to wait for any more (the caller ends), and the call fails with EINTR.  NULL: calls
     * that would wait fail with EAGAIN. */
    bool (*wait)(void *context, struct estab_posix_wait *);
    /* `woken` was set.  May be NULL. */
    void (*wake)(void *context, struct estab_posix_wait *);
    /* A call gave the stack something to do: estab_output, and a new estab_deadline.  May be NULL. */
    void (*kick)(void *context);
};

/* ---- descriptors ------------------------------------------------------------------------------ */

/* Where numbers come from, if not the lowest free one from `first_descriptor` on. */
struct estab_posix_descriptors {
    void *context;
    int (*take)(void *context);             /* a number below ESTAB_POSIX_FD_LIMIT; -1 and errno */
    void (*release)(void *context, int fd); /* it was closed */
};

#define ESTAB_POSIX_FD_LIMIT 1048576

/* Of IPPROTO_TCP, and not Linux's: seconds of user timeout that the peer is told, and its own heeded (RFC 5482). */
#define ESTAB_TCP_UTO 5482

/* ---- a stack's sockets -------------------------------------------------------------------------- */

struct estab_posix_config {
    uint32_t size;
    const struct estab_config *stack; /* what the stack was made of; NULL: estab_config_init's */
    struct estab_posix_waiter waiter; /* ignored by estab_posix_start */
    struct estab_posix_descriptors descriptors; /* take NULL: a table of its own */
    int first_descriptor;
    /* Limits.  EMFILE: sockets and epoll sets; ENOSPC: interests, as EPOLL_CTL_ADD has it. */
    uint32_t sockets;
    uint32_t epolls;
    uint32_t interests; /* of all epoll sets */
    uint32_t somaxconn; /* most that listen() grants */
    uint16_t port_first, port_last; /* from which bind() to port 0 chooses */
    uint32_t notsent_lowat;         /* tcp_notsent_lowat */
    /* tcp_wmem: where a socket's SO_SNDBUF begins, and to what it grows with the congestion window.
     * 0: it is not counted as Linux does until it is set; the stack's send_buffer bounds the text. */
    uint32_t send_first, send_most;
    /* Events of connections that have no socket here; may be NULL. */
    void (*event)(void *context, const struct estab_event *);
    void *event_context;
};

/* Linux's values. */
ESTAB_API void estab_posix_config_init(struct estab_posix_config *);

/* NULL and errno: ENOMEM, EINVAL.  The stack stays the caller's, and outlives this. */
ESTAB_API ESTAB_MUST_CHECK estab_posix *estab_posix_new(estab_stack *,
                                                        const struct estab_posix_config *);
/* Forgets all sockets; connections stay in the stack, as they are.  No call may be under way. */
ESTAB_API void estab_posix_free(estab_posix *);

/* Takes the stack's events and wakes calls that they concern.  With the lock held: after every
 * estab_input, estab_expire and estab_output. */
ESTAB_API void estab_posix_work(estab_posix *);

/* With threads: estab_posix_new with a lock, and a thread that runs the loop from now on.  The
 * loop's devices are joined before, its observer and its watches are called in that thread, with the
 * lock held.  NULL: `error` says why. */
ESTAB_API ESTAB_MUST_CHECK estab_posix *estab_posix_start(estab_stack *, estab_loop *,
                                                          const struct estab_posix_config *,
                                                          struct estab_host_error *error);
/* Ends that thread; calls that wait fail with EINTR.  Then as estab_posix_free: the threads that made
 * calls have returned from them by then, or do so before this returns. */
ESTAB_API void estab_posix_stop(estab_posix *);

/* The lock, for who looks at the stack or the loop from another thread. */
ESTAB_API void estab_posix_lock(estab_posix *);
ESTAB_API void estab_posix_unlock(estab_posix *);

/* What a descriptor is in the stack, without taking the lock: a connection, or a listener.  False:
 * it is neither, or no longer. */
ESTAB_API bool estab_posix_conn(const estab_posix *, int fd, estab_conn *);
ESTAB_API bool estab_posix_listener(const estab_posix *, int fd, estab_listener *);

/* ---- the calls ---------------------------------------------------------------------------------- */

ESTAB_API int estab_posix_socket(estab_posix *, int domain, int type, int protocol);
ESTAB_API int estab_posix_bind(estab_posix *, int fd, const struct sockaddr *, socklen_t);
ESTAB_API int estab_posix_listen(estab_posix *, int fd, int backlog);
ESTAB_API int estab_posix_accept(estab_posix *, int fd, struct sockaddr *, socklen_t *);
ESTAB_API int estab_posix_accept4(estab_posix *, int fd, struct sockaddr *, socklen_t *, int flags);
ESTAB_API int estab_posix_connect(estab_posix *, int fd, const struct sockaddr *, socklen_t);
ESTAB_API int estab_posix_shutdown(estab_posix *, int fd, int how);
ESTAB_API int estab_posix_close(estab_posix *, int fd);

ESTAB_API ssize_t estab_posix_read(estab_posix *, int fd, void *, size_t);
ESTAB_API ssize_t estab_posix_readv(estab_posix *, int fd, const struct iovec *, int count);
ESTAB_API ssize_t estab_posix_recv(estab_posix *, int fd, void *, size_t, int flags);
ESTAB_API ssize_t estab_posix_recvfrom(estab_posix *, int fd, void *, size_t, int flags,
                                       struct sockaddr *, socklen_t *);
ESTAB_API ssize_t estab_posix_recvmsg(estab_posix *, int fd, struct msghdr *, int flags);

ESTAB_API ssize_t estab_posix_write(estab_posix *, int fd, const void *, size_t);
ESTAB_API ssize_t estab_posix_writev(estab_posix *, int fd, const struct iovec *, int count);
ESTAB_API ssize_t estab_posix_send(estab_posix *, int fd, const void *, size_t, int flags);
ESTAB_API ssize_t estab_posix_sendto(estab_posix *, int fd, const void *, size_t, int flags,
                                     const struct sockaddr *, socklen_t);
ESTAB_API ssize_t estab_posix_sendmsg(estab_posix *, int fd, const struct msghdr *, int flags);

ESTAB_API int estab_posix_poll(estab_posix *, struct pollfd *, nfds_t, int timeout_ms);
ESTAB_API int estab_posix_epoll_create1(estab_posix *, int flags);
ESTAB_API int estab_posix_epoll_ctl(estab_posix *, int epfd, int op, int fd, struct epoll_event *);
ESTAB_API int estab_posix_epoll_wait(estab_posix *, int epfd, struct epoll_event *, int most,
                                     int timeout_ms);

ESTAB_API int estab_posix_getsockopt(estab_posix *, int fd, int level, int option, void *value,
                                     socklen_t *);
ESTAB_API int estab_posix_setsockopt(estab_posix *, int fd, int level, int option,
                                     const void *value, socklen_t);
ESTAB_API int estab_posix_getsockname(estab_posix *, int fd, struct sockaddr *, socklen_t *);
ESTAB_API int estab_posix_getpeername(estab_posix *, int fd, struct sockaddr *, socklen_t *);

/* F_GETFL, F_SETFL, F_GETFD, F_SETFD. */
ESTAB_API int estab_posix_fcntl(estab_posix *, int fd, int command, int argument);
/* FIONREAD (SIOCINQ), TIOCOUTQ (SIOCOUTQ), SIOCOUTQNSD, SIOCATMARK, FIONBIO: `argument` is an int. */
ESTAB_API int estab_posix_ioctl(estab_posix *, int fd, unsigned long request, void *argument);

#ifdef __cplusplus
}
#endif

#endif
