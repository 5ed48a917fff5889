/* SPDX-License-Identifier: MIT */
/*
 * netns.h - a network namespace of our own, with the Linux kernel as the other end.
 *
 *      this process                     the namespace
 *      +---------+   descriptor   +-------------------------------+
 *      |  stack  | <============> | estab <--veth--> kernel       |   programs spawned
 *      +---------+   (AF_PACKET)  | (only up)        10.11.0.x/24 | <- here use the
 *                                 +-------------------------------+   kernel's TCP
 *
 * Made without root where user namespaces are allowed.  This process stays where it is: a child
 * goes in, builds, and passes the descriptors of the namespaces and of the device back.  The
 * namespace lives as long as these descriptors are open, and needs no process.
 */
#ifndef CLI_NETNS_H
#define CLI_NETNS_H

#include <estab_host.h>
#include <sys/types.h>

#include "control/diag.h"

#define NETNS_KERNEL_IF "kernel" /* the kernel's end */
#define NETNS_ESTAB_IF  "estab"  /* ours */

enum netns_kind {
    NETNS_VETH, /* a veth pair, our end through AF_PACKET */
    NETNS_TAP,  /* one TAP device `kernel`; needs /dev/net/tun */
    NETNS_TUN,  /* one TUN device `kernel` */
};

struct netns_name {
    const char *name;
    struct estab_addr address;
};

#define NETNS_NAMES_MAX    8
#define NETNS_CHILDREN_MAX 64

struct netns_options {
    enum netns_kind kind;
    struct estab_addr kernel_address; /* IPv6: it speaks that, too */
    uint8_t prefix_length;
    uint32_t mtu;  /* 0: 1500 */
    bool offload;  /* the kernel may send super-segments and unfinished checksums, and take them;
                    * else every frame is as it would be on a cable */
    bool terminal; /* Ctrl-C is for the programs inside, not for us */
    struct netns_name names[NETNS_NAMES_MAX]; /* resolve inside, through a hosts file; up to NULL */
};

struct netns;

/* 10.11.0.1/24 is `server` and 10.11.0.101 `client`; the kernel is `server` or `client`. */
struct netns_options netns_defaults(bool kernel_is_server);

/* NULL: `error` says why, and what would allow it. */
ESTAB_MUST_CHECK struct netns *netns_make(const struct netns_options *, struct estab_host_error *);
/* Ends every child spawned here that still runs: SIGTERM, and after a second SIGKILL. */
void netns_free(struct netns *);

/* Our end; once.  Fills `out` as estab_device_open does. */
ESTAB_MUST_CHECK estab_device *netns_device(struct netns *, struct estab_interface *out,
                                            struct estab_host_error *);
/* The names that resolve inside from now on, in place of those before; false: they cannot. */
bool netns_rename(struct netns *, const struct netns_name *, unsigned n);
/* Passes the namespace over a SOCK_SEQPACKET socket to another process of ours, which runs programs
 * in it with its own struct netns; it has no device.  NULL with `error`. */
ESTAB_MUST_CHECK bool netns_share(const struct netns *, int to);
ESTAB_MUST_CHECK struct netns *netns_adopt(int from, struct estab_host_error *);
/* Kills every process that is in there, without asking. */
void netns_clear(const struct netns *);
/* NULL, or a sentence: why the names do not resolve inside. */
const char *netns_names_note(const struct netns *);

/* Runs a program (execvp) or a function inside, in a child of this process, with fd[0..2] as its
 * standard descriptors (-1, or no `fd` at all: ours).  Signal handlers and mask are reset, but SIGINT
 * is ignored: Ctrl-C is for us.  It gets SIGTERM when this process ends.  Its number, or -1 with
 * `error`: NOT_FOUND if there is no such program. */
ESTAB_MUST_CHECK pid_t netns_spawn(struct netns *, char *const argv[], const int fd[3],
                                   struct estab_host_error *);
ESTAB_MUST_CHECK pid_t netns_call(struct netns *, int (*run)(void *), void *context,
                                  const int fd[3], struct estab_host_error *);
/* A descriptor that is readable once the child has ended, the caller's to close; -1 with errno. */
int netns_pidfd(pid_t pid);
/* True if the child has ended: *status is its exit code, or 128 + its signal.  Waits for it until
 * `until` (0: does not wait, ESTAB_NEVER: as long as it takes; a signal ends the wait). */
bool netns_wait(struct netns *, pid_t pid, estab_time until, int *status);

/* Writes a sysctl of the namespace: "net.ipv4.tcp_sack", "0".  False with `error`. */
ESTAB_MUST_CHECK bool netns_sysctl(struct netns *, const char *name, const char *value,
                                   struct estab_host_error *);

/* A descriptor for the kernel's list of its sockets inside (diag.h); stays ours.  -1: it does not
 * tell. */
int netns_diag(const struct netns *);
/* Up to `n` of its sockets; how many there are, or -1 if the kernel does not tell. */
int netns_sockets(struct netns *, struct diag_socket *out, size_t n);
/* 1 if a socket listens on the port (host order), 0 if none does, -1 if the kernel does not tell. */
int netns_listens(struct netns *, uint16_t port);

#endif
