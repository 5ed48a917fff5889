/* SPDX-License-Identifier: MIT */
/*
 * diag.h - the kernel's own list of its TCP sockets (inet_diag).
 *
 * A descriptor belongs to the network namespace in which it was opened, also in the hands of a
 * process outside.
 */
#ifndef CONTROL_DIAG_H
#define CONTROL_DIAG_H

#include <estab.h>

#define DIAG_MOST 65536 /* sockets that diag_all looks at */

/* TIME-WAIT and SYN-RECEIVED included; those of IPv6 as well as those of IPv4. */
struct diag_socket {
    struct estab_endpoint local, remote;
    enum estab_state state;
    enum estab_timer timer;
    uint32_t timer_ms; /* until it is due */
    uint32_t retries;
    uint32_t receive_queue, send_queue; /* of a listener: waiting for accept(2), and at most */
    uint32_t uid, inode;                /* inode 0: of no process any more */
    bool v6;
};

/* A socket for the calls below, bound to the namespace it was opened in; or -1 with errno. */
int diag_open(void);
/* The number of that namespace; 0 if this kernel has none for it. */
uint64_t diag_namespace(int diag);
/* Stores up to `n` sockets; how many there are, or -1. */
int diag_list(int diag, struct diag_socket *out, size_t n);
/* All of them, up to DIAG_MOST, in *out, the caller's to free; how many there are, or -1. */
int diag_all(int diag, struct diag_socket **out);

/* The socket of a connection, or, if there is none, the listener that would take it. */
bool diag_find(int diag, const struct estab_endpoint *local, const struct estab_endpoint *remote,
               struct diag_socket *out);

/* Where sockets are put; all of them are counted. */
struct diag_sink {
    struct diag_socket *at;
    size_t room;
    size_t most; /* `at` grows up to this, if that is more */
    int count;
};

enum diag_end {
    DIAG_MORE,
    DIAG_DONE,
    DIAG_REFUSED,
};

/* Reads one datagram of the kernel's answer. */
enum diag_end diag_read(const void *bytes, size_t n, struct diag_sink *);
/* RFC 9293's name for the kernel's number of a state (include/net/tcp_states.h). */
enum estab_state diag_state(unsigned number);

#endif
