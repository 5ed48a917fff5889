/* SPDX-License-Identifier: MIT */
/*
 * posix.h - what the files of this room share.
 *
 *      descriptor --> struct file --> struct sock --> estab_conn or estab_listener
 *                                 --> struct epoll --> interests --> struct sock
 *      estab_event --> place of its handle's index --> struct sock --> waits, interests
 *
 * Functions without the prefix estab_ run with the lock held and answer as the kernel's do inside: a
 * value, or an errno negated.  enter() and leave() are the two ends of every public call.
 */
#ifndef POSIX_POSIX_H
#define POSIX_POSIX_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>

#include "estab_posix.h"

#define POSIX_IOV_MAX 1024

struct epoll;
struct sendbuf;
struct interest;

/* Options, as setsockopt stored them: in the units of its argument. */
struct options {
    int reuseaddr, reuseport, keepalive, broadcast, priority, oobinline, timestamp;
    int v6only, tclass, hops, mtu_discover6, recverr6; /* of IPV6_*; -1: not set */
    int sndbuf, rcvbuf; /* as getsockopt tells them: doubled */
    bool sndbuf_set, rcvbuf_set;
    int rcvlowat;
    struct linger linger;
    struct timeval rcvtimeo, sndtimeo;
    int nodelay, cork, maxseg, quickack, keepidle, keepintvl, keepcnt, syncnt, linger2;
    int defer_accept; /* retransmissions, as Linux counts it */
    int window_clamp, user_timeout, uto, notsent_lowat, inq;
    int tos, ttl, mtu_discover, recverr;
    int congestion; /* enum estab_congestion */
    uint64_t pacing_rate; /* bytes a second; UINT64_MAX: no bound */
};

/* enum socket_state of Linux: what connect() has come to. */
enum progress { SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED, SS_DISCONNECTING };

/* sk_shutdown of Linux. */
enum { SHUT_IN = 1, SHUT_OUT = 2, SHUT_ALL = 3 };

struct urgent {
    bool noted;   /* a mark was set, and the reader has not passed it */
    bool taken;   /* MSG_OOB has taken the byte */
    uint32_t seq; /* of the byte */
};

/* A TCP socket, or (`dgram`) one of UDP, which has `udp` in place of `conn` and `listener`. */
struct sock {
    int fd;        /* -1: a connection that was not accepted yet, or is closed with calls in it */
    unsigned refs; /* the table's, the accept queue's, and each call's that waits */
    bool gone;     /* closed: calls that waited answer EBADF */
    bool nonblock, cloexec;
    sa_family_t domain;
    enum progress progress;
    uint8_t shut;      /* SHUT_IN, SHUT_OUT */
    bool done;         /* SOCK_DONE: the end of the peer's text was seen or heard */
    bool live;         /* `conn`, or `udp`, exists */
    bool dgram;
    bool opened;       /* it was ESTABLISHED */
    bool listening;
    bool more;         /* a listener whose next connection waits in the stack */
    bool bound_port, bound_addr; /* by bind(): disconnecting keeps it */
    bool bound_ipv4;   /* AF_INET6, and bind() gave it an IPv4 address, if only 0.0.0.0 */
    int error, soft;   /* sk_err, sk_err_soft */
    uint32_t scope;    /* of link-local addresses, an interface from 1 on; 0: none yet */
    struct estab_endpoint local, remote;
    estab_conn conn;
    estab_listener listener;
    estab_udp udp;
    struct sock *ahead; /* a listener's: taken from the stack, the next that accept() returns */
    struct urgent urgent;
    struct sendbuf *out; /* NULL: nothing was counted yet */
    struct options opt;
    struct wait *waits;
    struct interest *interests;
    uint32_t mask;                      /* what poll said, while `watched` */
    bool watched;                       /* what poll says may change without an event */
    struct sock *watch_next, *listen_next; /* lists of struct estab_posix */
    struct sock *all_next, **all_link;
};

/* What no event tells, and each turn of the loop looks at. */
enum turn {
    TURN_ACKED, /* all that the socket sent is acknowledged, or text came that nobody will read */
    TURN_ROOM,  /* the text pool, which was empty, is less so */
};

/* A call that waits: for a socket, an epoll set, a turn, or anything (poll). */
struct wait {
    struct estab_posix_wait wait; /* first: wake() hands it out */
    struct wait *next;
    struct sock *sock; /* of a turn */
    enum turn turn;
    uint32_t chunks; /* TURN_ROOM: in use when it began */
};

enum file_kind { FILE_NONE, FILE_SOCK, FILE_EPOLL };

struct file {
    enum file_kind kind;
    union {
        struct sock *sock;
        struct epoll *epoll;
    };
};

struct estab_posix {
    estab_stack *stack;
    struct estab_posix_config config;
    struct estab_config core; /* what the stack was made of */
    struct file *files;       /* by descriptor */
    int file_count, file_lowest; /* none below that is free */
    struct sock **places;     /* by index of a connection's handle */
    uint32_t place_count;
    struct sock **udp_places; /* by index of a UDP socket's handle */
    uint32_t udp_place_count;
    struct sock *all, *watched, *listening;
    struct wait *any, *turn;  /* poll(); what each turn looks at */
    uint32_t socks, epolls, interests;
    uint16_t port_next;
    atomic_uint calls; /* under way, those that stand in line for the lock included */
    bool dirty;     /* the stack has something to do */
    void *threads;  /* of estab_posix_start */
};

/* ---- table.c: descriptors and sockets ----------------------------------------------------------- */

void enter(struct estab_posix *p);
/* Sets errno for a negative result; -1 then. */
int leave(struct estab_posix *p, int result);
ssize_t leave_size(struct estab_posix *p, ssize_t result);
estab_time time_now(const struct estab_posix *p);

int file_add(struct estab_posix *p, struct file file); /* its descriptor, or -errno */
void file_remove(struct estab_posix *p, int fd);
struct file *file_find(const struct estab_posix *p, int fd); /* NULL */
/* -EBADF, -ENOTSOCK. */
int sock_find(const struct estab_posix *p, int fd, struct sock **out);
struct sock *sock_new(struct estab_posix *p); /* NULL: too many, or no memory */
void sock_hold(struct sock *s);
void sock_drop(struct estab_posix *p, struct sock *s);
/* n bytes into the pieces of a caller; none beyond their room. */
void sock_scatter(const struct iovec *iov, size_t count, const uint8_t *from, size_t n);
/* The socket of a connection. */
bool place_set(struct estab_posix *p, estab_conn conn, struct sock *s);
struct sock *place_find(const struct estab_posix *p, estab_conn conn);
void place_clear(struct estab_posix *p, struct sock *s);

/* ---- wait.c -------------------------------------------------------------------------------------- */

/* When a call that began now gives up: by SO_RCVTIMEO or SO_SNDTIMEO; 0: it does not wait. */
estab_time until_of(const struct estab_posix *p, const struct timeval *limit, bool nonblock);
estab_time until_ms(const struct estab_posix *p, int timeout_ms);
/* Waits for something in the list.  0: try again; -EAGAIN: it is `until`; -EINTR: the caller ends. */
int wait_in(struct estab_posix *p, struct wait **list, estab_time until);
/* The same for a socket, which is held meanwhile; -EBADF: it was closed. */
int wait_sock(struct estab_posix *p, struct sock *s, estab_time until);
/* The same for what no event tells. */
int wait_turn(struct estab_posix *p, struct sock *s, enum turn turn, estab_time until);
void wake_turn(struct estab_posix *p);
/* Nothing is unacknowledged, or there is text. */
bool sock_acked(const struct estab_posix *p, const struct sock *s);
void wake_all(struct estab_posix *p, struct wait *list);
/* What the call did must reach the stack's loop, before the call sleeps or returns. */
void kick(struct estab_posix *p);

/* ---- event.c ------------------------------------------------------------------------------------- */

/* Something about the socket has changed: `what` may be ready now (EPOLL bits; 0: anything). */
void sock_changed(struct estab_posix *p, struct sock *s, uint32_t what);
void sock_watch(struct estab_posix *p, struct sock *s, uint32_t mask);
void sock_unwatch(struct estab_posix *p, struct sock *s);
void work(struct estab_posix *p);
/* A listener's next connection, from the stack's queue. */
void listener_refill(struct estab_posix *p, struct sock *s);
int errno_of(enum estab_error error);
/* sock_error() of Linux: the pending error, once; negated. */
int sock_error(struct sock *s);

/* ---- address.c ----------------------------------------------------------------------------------- */

enum { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2 };

/* Whose hosts a local address of the socket means. */
unsigned address_families(const struct sock *s, const struct estab_addr *);
/* It in the core's words, in which 0.0.0.0 and :: are two. */
struct estab_addr address_told(const struct sock *s, const struct estab_addr *);
/* The local address is again what bind() has made it. */
void address_forget(struct sock *s);
bool address_is_ipv4(const struct estab_addr *);
int address_bindable(const struct estab_posix *p, struct sock *s, const struct sockaddr *, socklen_t,
                     const struct estab_addr *);
int address_may_reach(const struct estab_posix *p, const struct sock *s, const struct estab_addr *);
int address_connectable(const struct estab_posix *p, struct sock *s, const struct sockaddr *, socklen_t,
                        const struct estab_addr *, struct estab_addr *source);

int address_in(const struct sock *s, const struct sockaddr *, socklen_t, struct estab_endpoint *out);
int address_out(const struct sock *s, const struct estab_endpoint *, struct sockaddr *,
                socklen_t *);
bool address_is_any(const struct estab_addr *a);
bool address_equal(const struct estab_addr *a, const struct estab_addr *b);

/* ---- send.c ---------------------------------------------------------------------------------------- */

/* The bytes in all, or -EINVAL, -EFAULT. */
ssize_t iov_total(const struct iovec *iov, size_t count);

/* ---- sendbuf.c ------------------------------------------------------------------------------------- */

/* Whether Linux's way of counting matters to the socket; else the core's bound is all there is. */
bool sendbuf_counts(const struct estab_posix *p, const struct sock *s);
/* How much of so many bytes a write() takes now; they are counted as taken. */
size_t sendbuf_take(const struct estab_posix *p, struct sock *s, const struct estab_status *st,
                    size_t wanted);
bool sendbuf_writable(const struct estab_posix *p, struct sock *s, const struct estab_status *st);
uint32_t sendbuf_used(const struct estab_posix *p, struct sock *s, const struct estab_status *st);
void sendbuf_free(struct sock *s);

/* ---- bind.c, connect.c, close.c ------------------------------------------------------------------- */

int bind_port(struct estab_posix *p, struct sock *s); /* chooses one; 0, -EADDRINUSE */
/* Whether the port of `local` is the socket's (inet_num), and not only what it last had. */
bool port_held(const struct estab_posix *p, const struct sock *s);
/* Ends what the socket is in the stack, as tcp_disconnect of Linux does. */
void sock_disconnect(struct estab_posix *p, struct sock *s, int error);
void sock_end(struct estab_posix *p, struct sock *s);

/* ---- datagram.c, datagram_io.c: SOCK_DGRAM ---------------------------------------------------------- */

int dgram_open(struct estab_posix *p, struct sock *s, const struct estab_endpoint *local);
int dgram_name(const struct sock *s, const struct sockaddr *address, socklen_t length,
               struct estab_endpoint *out);
/* Tells the stack what datagrams to that host go with. */
void dgram_traffic(struct estab_posix *p, struct sock *s, const struct estab_addr *remote);
int dgram_autobind(struct estab_posix *p, struct sock *s);
void dgram_end(struct estab_posix *p, struct sock *s);
void dgram_option_changed(struct estab_posix *p, struct sock *s);
int dgram_rcvbuf(const struct estab_posix *p, const struct sock *s);
int dgram_sndbuf(const struct estab_posix *p, const struct sock *s);
int dgram_connect(struct estab_posix *p, struct sock *s, const struct sockaddr *address,
                  socklen_t length);
int dgram_shutdown(struct estab_posix *p, struct sock *s, int how);
void dgram_event(struct estab_posix *p, const struct estab_event *event);
uint32_t dgram_mask(const struct estab_posix *p, const struct sock *s);
int dgram_control(const struct estab_posix *p, struct sock *s, unsigned long request, int *value);

/* A name that a call gives, or has room for; address NULL: none. */
struct name {
    struct sockaddr *address;
    socklen_t *length;
};

ssize_t dgram_send(struct estab_posix *p, struct sock *s, const struct iovec *iov, size_t count,
                   int flags, const struct name *to);
ssize_t dgram_receive(struct estab_posix *p, struct sock *s, const struct iovec *iov, size_t count,
                      int flags, int *msg_flags, const struct name *from);

/* ---- state.c ------------------------------------------------------------------------------------- */

/* The state that Linux would show: TIME-WAIT is CLOSED for who still has the socket. */
enum estab_state sock_state(const struct estab_posix *p, const struct sock *s,
                            struct estab_status *st);
/* What poll() says of it. */
uint32_t sock_mask(const struct estab_posix *p, struct sock *s);
/* The same for who will wait: the socket is watched where no event would tell of a change. */
uint32_t sock_ask(struct estab_posix *p, struct sock *s);
static inline bool state_in(enum estab_state state, unsigned set)
{
    return set >> state & 1;
}
#define STATES(name)     (1u << ESTAB_STATE_##name)
#define STATES_CONNECTED (STATES(ESTABLISHED) | STATES(CLOSE_WAIT))
#define STATES_OPENING   (STATES(SYN_SENT) | STATES(SYN_RECEIVED))

/* ---- urgent.c ------------------------------------------------------------------------------------- */

void urgent_note(struct estab_posix *p, struct sock *s);
/* Bytes before the mark: UINT32_MAX if there is none ahead. */
uint32_t urgent_ahead(const struct estab_posix *p, const struct sock *s);
bool urgent_at_mark(const struct estab_posix *p, const struct sock *s);
void urgent_passed(const struct estab_posix *p, struct sock *s);
/* Whether MSG_OOB would have the byte. */
bool urgent_ready(const struct estab_posix *p, const struct sock *s);
ssize_t urgent_receive(struct estab_posix *p, struct sock *s, const struct iovec *iov, int flags,
                       int *msg_flags);

/* ---- option.c, option_tcp.c, info.c ----------------------------------------------------------------- */

void options_init(const struct estab_posix *p, struct options *o);
/* What differs from the stack's own defaults, in its words; how many. */
#define SETTINGS_MAX 18
unsigned options_list(const struct estab_posix *p, const struct sock *s,
                      struct estab_setting out[SETTINGS_MAX]);
/* IP_TOS or IPV6_TCLASS: what goes to that host with. */
uint32_t traffic_of(const struct sock *s, const struct estab_addr *remote);
/* Tells the stack all that. */
void options_apply(struct estab_posix *p, struct sock *s);
/* What an option changes at once, by its level and name; nothing for most. */
void option_changed(struct estab_posix *p, struct sock *s, int level, int name);
/* SO_SNDBUF and SO_RCVBUF, as getsockopt tells them. */
int sock_sndbuf(const struct estab_posix *p, const struct sock *s);
int sock_rcvbuf(const struct estab_posix *p, const struct sock *s);
/* Those that need more than a row; 1: not one of them. */
int option_tcp_set(struct estab_posix *p, struct sock *s, int name, int value);
int option_tcp_get(struct estab_posix *p, struct sock *s, int name, int *value);
/* Structs and strings; -ENOPROTOOPT: not one of them. */
int option_blob_get(struct estab_posix *p, struct sock *s, int level, int name, void *value,
                    socklen_t *length);
int option_blob_set(struct estab_posix *p, struct sock *s, int level, int name, const void *value,
                    socklen_t length);
/* `n` bytes, cut to what the caller has room for. */
int option_out(void *value, socklen_t *length, const void *from, size_t n);
int info_get(struct estab_posix *p, struct sock *s, void *value, socklen_t *length);
int sock_inq(const struct estab_posix *p, const struct sock *s);
int sock_inq_hint(const struct estab_posix *p, const struct sock *s);
int sock_outq(const struct estab_posix *p, const struct sock *s, bool not_sent);

/* ---- epoll.c --------------------------------------------------------------------------------------- */

void epoll_sock_changed(struct estab_posix *p, struct sock *s, uint32_t what);
void epoll_sock_closed(struct estab_posix *p, struct sock *s);
void epoll_close(struct estab_posix *p, struct epoll *e);
uint32_t epoll_mask(struct estab_posix *p, struct epoll *e);
void epoll_wake(struct estab_posix *p, struct epoll *e);

#endif
