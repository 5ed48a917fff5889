/* SPDX-License-Identifier: MIT */
/*
 * estab_host.h - what joins a stack to this machine: devices, the real clock, and a loop.
 *
 *      estab_device_receive ---> estab_input        (estab.h)
 *      estab_device_send    <--- estab_output
 *      estab_now            ---> now
 *
 * The loop does exactly that, in that order, and sleeps when there is nothing to do.  A program
 * with a loop of its own needs no more than estab_device_fd, estab_deadline and the two calls
 * above.  Linux only; a device is used by one thread at a time.
 */
#ifndef ESTAB_HOST_H
#define ESTAB_HOST_H

#include <estab.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ---------------------------------------------------------------------------------- */

enum estab_host_kind {
    ESTAB_HOST_OK,
    ESTAB_HOST_USAGE,      /* what was asked for makes no sense; `text` says what was expected */
    ESTAB_HOST_NOT_FOUND,  /* no such interface, device or program */
    ESTAB_HOST_PERMISSION, /* this user may not; `text` says what would help */
    ESTAB_HOST_IO,         /* the system refused for another reason */
};

struct estab_host_error {
    enum estab_host_kind kind;
    int number;     /* errno, 0 if there was none */
    char text[384]; /* one sentence for people, without a full stop or a newline */
};

/* ---- clock and entropy ------------------------------------------------------------------------ */

/* CLOCK_MONOTONIC. */
ESTAB_API estab_time estab_now(void);
/* `size` bytes from the kernel's generator; waits until that is seeded, and does not fail. */
ESTAB_API void estab_random(void *bytes, size_t size);

/* ---- devices ---------------------------------------------------------------------------------- */

typedef struct estab_device estab_device;

enum estab_device_flags {
    /* Frames as they would be on a cable: no super-segments and no unfinished checksums.  A TAP or
     * TUN device then gives none; AF_PACKET cannot refuse what its neighbour sends (a veth's other
     * end may), but announces no offload for what we send. */
    ESTAB_DEVICE_PLAIN = 1 << 0,
};

/*
 * Opens a device:
 *
 *      packet:IFACE    AF_PACKET on an interface that is up; in promiscuous mode, for our MAC
 *                      address is not the interface's
 *      tap:NAME        a TAP device, made if it does not exist (Ethernet)
 *      tun:NAME        a TUN device, made if it does not exist (bare IP)
 *      wire:NAME       a station of this user's wire NAME, whose hub is started if need be (see
 *                      docs/wire.md); the wire gives MAC address, address and prefix
 *
 * Fills `out` for estab_interface_add: size, link, mtu, super_segment, checksum_offload, and a
 * locally administered MAC address that is made from the name and this process's number, and so
 * never the kernel's own.  The address and its prefix are the caller's to add.  A TAP or TUN
 * device is brought up if that is allowed; the kernel's address on it is not our business.
 * NULL: `error` says why.
 */
ESTAB_API ESTAB_MUST_CHECK estab_device *estab_device_open(const char *spec, unsigned flags,
                                                           struct estab_interface *out,
                                                           struct estab_host_error *error);

/* The same for a descriptor that someone else opened, in another network namespace perhaps: an
 * unbound or bound AF_PACKET SOCK_RAW socket, or /dev/net/tun after TUNSETIFF with IFF_NO_PI.
 * `mtu` 0: ask the descriptor (only a packet socket can tell).  Takes the descriptor, also when it
 * fails. */
ESTAB_API ESTAB_MUST_CHECK estab_device *estab_device_adopt(const char *spec, int fd, uint32_t mtu,
                                                            unsigned flags,
                                                            struct estab_interface *out,
                                                            struct estab_host_error *error);

ESTAB_API void estab_device_close(estab_device *);
/* Readable when estab_device_receive has something; writable when estab_device_send does. */
ESTAB_API int estab_device_fd(const estab_device *);
/* "packet:eth0", as it was opened. */
ESTAB_API const char *estab_device_name(const estab_device *);
/* Bytes of room that a frame needs so that none is cut: of one super-segment, where the device may
 * deliver such, with its link header. */
ESTAB_API uint32_t estab_device_room(const estab_device *);

/*
 * Receives up to `n` frames into the room that their parts provide: lent by estab_input_room, or
 * the caller's own.  Does not wait.  Returns how many of in[0..n) it used, in order; each has its
 * length, link, checksum and segment_size set, head_length 0.  A length of 0 means that this one
 * was not for us (it left this machine, was cut, or belongs to a VLAN).  The frames beyond the
 * result have length 0 too, so that all n can go to estab_input.
 *
 * Parts that were lent stay as they are.  Of the caller's own, `parts` and the last one's length
 * are cut to what was received: they are set anew before the next call.
 *
 * A checksum that was not finished, since the frame never left this machine, is
 * ESTAB_CHECKSUM_GOOD with checksum_start and checksum_offset set; else checksum_start is 0.
 */
ESTAB_API ESTAB_MUST_CHECK size_t estab_device_receive(estab_device *, struct estab_frame *in,
                                                       size_t n);

/* Sends out[0..n), head and parts; does not wait.  Returns how many the device took; fewer than
 * `n`: try the rest when the descriptor is writable.  What the device takes and then refuses
 * (too long, link down) is counted and gone, as on a wire. */
ESTAB_API ESTAB_MUST_CHECK size_t estab_device_send(estab_device *, const struct estab_frame *out,
                                                    size_t n);

struct estab_device_counters {
    uint32_t size;
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t not_ours; /* outgoing frames of others, and VLAN's */
    uint64_t cut;      /* did not fit the room */
    uint64_t lost;     /* the kernel's queue to us was full (AF_PACKET) */
    uint64_t refused;  /* the device did not want them */
    int last_error;    /* errno of the last refusal or failed receive, 0 if none */
};

ESTAB_API void estab_device_counters(estab_device *, struct estab_device_counters *);

/* ---- the loop ----------------------------------------------------------------------------------- */

/*
 * One stack and its devices in real time.
 *
 * estab_loop_once: output -> wait -> receive -> input -> expire -> output, and back to the caller,
 * who takes estab_event_next and makes calls.  What these calls cause is output when the next turn
 * begins.  Without an observer the frames go in batches of 64 into rooms that the stack lends; with
 * one they go singly, so that the observer can tell what each of them did.
 */
typedef struct estab_loop estab_loop;

enum estab_loop_result {
    ESTAB_LOOP_WORKED, /* something was received, expired, sent, or a watched descriptor was ready */
    ESTAB_LOOP_TIME,   /* nothing was, and it is `until` */
    ESTAB_LOOP_SIGNAL, /* a signal handler ran */
};

/* All of these are optional.  Frames are borrowed for the call. */
struct estab_observer {
    void *context;
    void (*arriving)(void *context, const struct estab_frame *, estab_time now); /* then input */
    void (*arrived)(void *context, const struct estab_frame *, estab_time now);  /* was input */
    void (*expired)(void *context, estab_time now);                              /* timers ran */
    void (*leaving)(void *context, const struct estab_frame *, estab_time now);  /* was output */
};

typedef void estab_loop_ready(void *context, int fd, short revents, estab_time now);

#define ESTAB_LOOP_WATCHES_MAX 64

/* NULL: no memory.  The stack stays the caller's. */
ESTAB_API ESTAB_MUST_CHECK estab_loop *estab_loop_new(estab_stack *);
ESTAB_API void estab_loop_free(estab_loop *); /* devices are not closed */
/* Joins a device to the interface number that estab_interface_add gave.  INVALID, NO_RESOURCES. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_loop_join(estab_loop *, int interface,
                                                            estab_device *);
/* NULL ends it. */
ESTAB_API void estab_loop_observe(estab_loop *, const struct estab_observer *);
/* Calls `ready` when poll(2) reports any of `events`, or an error, on `fd`.  A second call for the
 * same descriptor replaces the first; NULL ends it, also from within a callback.  NO_RESOURCES. */
ESTAB_API enum estab_error estab_loop_watch(estab_loop *, int fd, short events,
                                            estab_loop_ready *ready, void *context);
/* Called around the sleep of each turn, so that other threads may use stack and loop meanwhile: `leave`
 * gives up a lock, `enter` takes it again.  NULL ends it. */
ESTAB_API void estab_loop_aside(estab_loop *, void (*leave)(void *context),
                                void (*enter)(void *context), void *context);
/* One turn; waits until there is something to do, at most until `until` (0: does not wait). */
ESTAB_API enum estab_loop_result estab_loop_once(estab_loop *, estab_time until);

#ifdef __cplusplus
}
#endif

#endif
