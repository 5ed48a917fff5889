/* SPDX-License-Identifier: MIT */
/*
 * adapter.h - one stack behind packetdrill's interface.
 *
 *      packetdrill's main thread --- usleep, netdev_receive --> time moves, to one deadline after the
 *                                                               other, and not beyond what was asked
 *                                --- other calls -----------> never wait; one that would lets time
 *                                                               move until it need not
 *      its thread for calls that block --- read, accept ... --> sleeps on `changed` until it is woken,
 *                                                               or until its time has come
 *
 * While a call sleeps, time moves in the main thread alone (before, the other one waits for the call's own
 * time).  Whenever main has woken it, main goes on only when all other threads sleep again (adapter_rest): by then the call has returned, at the time at which it was
 * woken, and whatever its caller did with that is done.
 */
#ifndef PACKETDRILL_ADAPTER_H
#define PACKETDRILL_ADAPTER_H

#include <pthread.h>

#include "packetdrill/flags.h"
#include "packetdrill/interface.h"

struct adapter_packet {
    struct adapter_packet *next;
    estab_time time; /* when it left */
    size_t length;
    uint8_t bytes[];
};

/* The last wait of a thread, by which one that brought nothing is known. */
struct adapter_seat {
    bool woken;
    uint64_t moment;
};

struct adapter {
    pthread_mutex_t mutex; /* for all below, and the stack */
    pthread_cond_t changed;
    pthread_t main;
    long main_tid;
    struct flags flags;
    struct virtual_stack virtual; /* started with the first socket, for sysctls come before */
    struct adapter_packet *first, **last; /* that have left */
    struct estab_posix_wait *waits;       /* by their `place` */
    struct adapter_seat seat[2];          /* main's, the other one's */
    uint64_t moment; /* that something has happened */
    bool stirred;    /* another thread may run */
    bool restless;   /* one did, and may have stopped at a lock of its caller */
    bool over;
    clock_t ticks;   /* of times() */
    uint8_t ours[ESTAB_POSIX_FD_LIMIT / 8]; /* descriptors, a bit each */
};

/* The one there is, for the functions that are put before libc's; NULL. */
extern struct adapter *adapter_current __attribute__((visibility("hidden")));

void adapter_lock(struct adapter *);
/* Lets the stack do what a call or a packet gave it to do, and whoever that woke run; unlocks. */
void adapter_unlock(struct adapter *);
/* Makes the stack if there is none.  False and errno. */
bool adapter_start(struct adapter *);
bool adapter_owns(const struct adapter *, int fd);

/* What fills the table: netdev.c and time.c; calls.c. */
void adapter_net_calls(struct packetdrill_interface *);
void adapter_time_calls(struct packetdrill_interface *);
void adapter_socket_calls(struct packetdrill_interface *);

/* time.c; with the lock held. */
void adapter_advance(struct adapter *, estab_time until); /* one step */
estab_time adapter_deadline(const struct adapter *);      /* of the stack, and of who waits */
void adapter_rest(struct adapter *);
void adapter_waiter(struct adapter *, struct estab_posix_waiter *);

#endif
