/* SPDX-License-Identifier: MIT */
/*
 * socket_world.h - the same program of socket calls in two worlds: Linux's sockets, and ours.
 *
 *      program(w):  int s = world_socket(w, 0); world_bind(w, s, PORT); ..
 *
 *      kernel   a network namespace of this process: lo, and a TUN device that swallows all
 *      estab    one stack in virtual time that has the same two addresses
 *
 * Each call writes a line into the world's log: name, arguments, result, errno, and what was given
 * back.  world_compare runs a program in both and shows the first line that differs.
 *
 * Time: between calls everything under way arrives (world_settle); a call that waits lets virtual time
 * go on until it is woken.  In the kernel's world that is a datagram to ourselves, behind all that is
 * queued on the one CPU that this process then runs on.
 */
#ifndef SUPPORT_SOCKET_WORLD_H
#define SUPPORT_SOCKET_WORLD_H

#include <estab_posix.h>
#include <sys/socket.h>

#define WORLD_PORT       7777
/* Addresses are written as IPv4's, and 0 is "any"; a world of IPv6 has the other one. */
#define WORLD_OWN        0x7f000001u /* 127.0.0.1, fd7f::1 */
#define WORLD_FAR_OWN    0x0a090901u /* 10.9.9.1, fd09::1, on the link that swallows */
#define WORLD_FAR        0x0a090902u /* 10.9.9.2, fd09::2: nobody */
#define WORLD_NOWHERE    0xc0000201u /* 192.0.2.1, 2001:db8::c000:201: no route leads there */
#define WORLD_MULTICAST  0xe0000001u /* 224.0.0.1, ff02::1 */
#define WORLD_START      (1000 * ESTAB_SECOND)
#define WORLD_LOG        65536
#define WORLD_SLOTS      64
#define WORLD_CALLS      8

struct world;

/* What its sockets are, and what they talk to: AF_INET; AF_INET6 and IPv6; AF_INET6 and mapped IPv4. */
enum world_family { WORLD_IPV4, WORLD_IPV6, WORLD_MAPPED, WORLD_FAMILIES };

/* What happens in virtual time while a call waits: another thread's calls, so to say. */
struct world_due {
    estab_time at;
    void (*call)(struct world *w);
};

struct world {
    const char *name;
    enum world_family family;
    estab_posix *p; /* NULL: the kernel's */
    estab_stack *stack;
    void *room;
    estab_time now;
    bool quiet; /* nothing is written */
    bool ends;  /* calls that wait give up (EINTR) */
    struct world_due due[WORLD_CALLS];
    int fd[WORLD_SLOTS], slots;
    uint16_t port; /* a new one for each program */
    size_t used;
    char log[WORLD_LOG];
};

/* False: this machine does not let us make the kernel's world. */
bool world_kernel_ready(void);
void world_open(struct world *w, bool kernel);
void world_close(struct world *w);
void world_settle(struct world *w);
/* Virtual time goes on; the kernel's world just waits as long. */
void world_sleep(struct world *w, unsigned ms);

/* Ours alone: calls `call` in so many milliseconds; the time since world_open in milliseconds. */
void world_at(struct world *w, unsigned ms, void (*call)(struct world *w));
unsigned world_ms(const struct world *w);

/* Runs the program in both worlds; false, with a message that names `label`: they differ. */
bool world_compare(enum world_family family, const char *label,
                   void (*program)(struct world *w, int argument), int argument);
/* The same in each family: in how many they differ. */
unsigned world_differ(const char *label, void (*program)(struct world *w, int argument), int argument);
/* One of the addresses above, in the world's family. */
struct sockaddr_storage world_address(const struct world *w, uint32_t address, int port);
socklen_t world_address_length(const struct world *w);
/* Its text, and its port. */
const char *world_address_text(const struct sockaddr_storage *a, char text[64]);
uint16_t world_port_of(const struct sockaddr_storage *a);

void world_note(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_result(struct world *w, const char *what, long result);

/* The calls, by slots in place of descriptors; each settles, and notes its line. */
int world_socket(struct world *w, int flags);
int world_datagram(struct world *w, int flags); /* a socket of UDP */
int world_slot(struct world *w, int fd);
int world_bind(struct world *w, int slot, uint32_t address, int port);
int world_listen(struct world *w, int slot, int backlog);
int world_connect(struct world *w, int slot, uint32_t address, int port);
int world_accept(struct world *w, int slot, int flags);
int world_shutdown(struct world *w, int slot, int how);
int world_close_slot(struct world *w, int slot);
long world_send(struct world *w, int slot, const char *text, size_t n, int flags);
long world_recv(struct world *w, int slot, size_t n, int flags);
int world_poll(struct world *w, int slot, int events, int timeout_ms);
int world_set(struct world *w, int slot, int level, int name, int value);
int world_get(struct world *w, int slot, int level, int name);
int world_ioctl(struct world *w, int slot, unsigned long request, const char *name);
int world_getname(struct world *w, int slot, bool peer);
void world_nonblock(struct world *w, int slot);
void world_linger(struct world *w, int slot, int seconds);
/* The state by TCP_INFO; await: until it is that, leave: is another, or 10 s have passed. */
int world_state(struct world *w, int slot);
void world_await(struct world *w, int slot, int state);
void world_leave(struct world *w, int slot, int state);

/* Made without a line: a listener at w->port; and a connection through it, both ends. */
struct world_pair {
    int listener, client, server;
};
struct world_pair world_connected(struct world *w);

/* For calls that have no function here. */
#define WORLD_CALL(w, call, ...)                                                                   \
    ((w)->p ? estab_posix_##call((w)->p, __VA_ARGS__) : call(__VA_ARGS__))

#endif
