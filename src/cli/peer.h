/* SPDX-License-Identifier: MIT */
/*
 * peer.h - the built-in peer: a small program over the kernel's sockets.
 *
 * It runs inside a netns when the user named no program of their own, in a child made by fork,
 * without exec.
 */
#ifndef CLI_PEER_H
#define CLI_PEER_H

#include "cli/netns.h"

enum peer_does {
    PEER_ECHO,   /* sends back what it receives; closes after the peer's FIN */
    PEER_SINK,   /* reads and forgets; closes after the peer's FIN */
    PEER_SOURCE, /* sends `bytes` bytes and a FIN; reads and forgets until the peer's FIN */
};

/* Byte `i` of what a source sends. */
static inline uint8_t peer_byte(uint64_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

struct peer_options {
    bool listens; /* else it connects */
    enum peer_does does;
    struct estab_endpoint local;  /* where it listens; connecting: unspecified is chosen */
    struct estab_endpoint remote; /* where it connects to */
    uint64_t bytes;
    const char *text; /* what a source sends, `bytes` of it; NULL: peer_byte */
    bool hold; /* closes `hold_ms` after the connection was made, done or not */
    uint32_t hold_ms;
    uint32_t close_ms;       /* without hold: from the peer's FIN, all being done, to its own */
    uint32_t connections;    /* listening: so many, one after the other; 0: for ever */
    uint32_t connect_for_ms; /* connecting: tries again while it is refused, for so long */
};

/* The peer itself: an exit code, 0 if all went well; 5 refused or reset, 6 timed out. */
int peer_run(const struct peer_options *);

/* Starts it inside; when it listens, returns only once it does.  -1 with `error`. */
ESTAB_MUST_CHECK pid_t peer_start(struct netns *, const struct peer_options *,
                                  struct estab_host_error *);

#endif
