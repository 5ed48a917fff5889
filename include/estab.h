/* SPDX-License-Identifier: MIT */
/*
 * estab.h - a TCP/IP stack as a library without I/O.
 *
 * Everything that enters is an argument: frames, user calls, deadlines, and the time.  Everything
 * that leaves is a result: frames and events.
 *
 *          frames, now ---> estab_input  \                 / estab_output ---> frames
 *        calls of 3.9.1 --> estab_send..  >  the  stack   <  estab_event_next -> events
 *         deadline, now --> estab_expire /                 \ estab_deadline --> when to come back
 *
 * - The stack lives in one room of memory, given once by the caller.  It holds offsets and never
 *   pointers: a memcpy of the room to any suitably aligned address is a second stack with the same
 *   past and a future of its own.
 * - Time is nanoseconds on the caller's monotonic clock.  A step back is clamped, and counted.
 * - One stack is used by one thread at a time; two stacks share nothing.
 * - Equal inputs give equal outputs, bit for bit, on every machine.
 *
 * Terms are those of RFC 9293.  A "size" member that opens a struct is sizeof that struct, set by
 * the caller, so that later versions can tell which members the caller knows.
 */
#ifndef ESTAB_H
#define ESTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ESTAB_API __attribute__((visibility("default")))
#define ESTAB_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ESTAB_API
#define ESTAB_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ESTAB_VERSION_MAJOR 0
#define ESTAB_VERSION_MINOR 1

/* ---- time ---------------------------------------------------------------------------------- */

typedef uint64_t estab_time; /* nanoseconds, monotonic, any epoch */

#define ESTAB_NEVER  UINT64_MAX
#define ESTAB_US     UINT64_C(1000)
#define ESTAB_MS     UINT64_C(1000000)
#define ESTAB_SECOND UINT64_C(1000000000)

/* ---- errors: RFC 9293 section 3.9.1's words where it has them ------------------------------- */

#define ESTAB_ERRORS(X)                                                                            \
    X(OK, "ok")                                                                                    \
    X(NO_CONNECTION, "connection does not exist")                                                  \
    X(EXISTS, "connection already exists")                                                         \
    X(CLOSING, "connection closing")                                                               \
    X(RESET, "connection reset")                                                                   \
    X(REFUSED, "connection refused")                                                               \
    X(TIMED_OUT, "connection aborted due to user timeout")                                         \
    X(ABORTED, "connection aborted by the user")                                                   \
    X(REMOTE_UNSPECIFIED, "remote socket unspecified")                                             \
    X(NO_RESOURCES, "insufficient resources")                                                      \
    X(UNREACHABLE, "destination unreachable")                                                      \
    X(NO_ROUTE, "no route to the destination")                                                     \
    X(AGAIN, "nothing to do yet")                                                                  \
    X(INVALID, "invalid argument")                                                                 \
    X(TOO_LONG, "datagram too long")

enum estab_error {
#define X(name, text) ESTAB_##name,
    ESTAB_ERRORS(X)
#undef X
};

/* The error's sentence; "unknown error" for a value that is not one. */
ESTAB_API const char *estab_error_text(enum estab_error error);

/* ---- names of the peers --------------------------------------------------------------------- */

/* An IP address, 16 bytes in network order; IPv4 in its mapped form ::ffff:a.b.c.d (RFC 4291
 * section 2.5.5.2).  All zero is "unspecified", of whichever family; ::ffff:0.0.0.0 is IPv4's. */
struct estab_addr {
    uint8_t b[16];
};

struct estab_endpoint {
    struct estab_addr addr;
    uint16_t port; /* host order; 0 is "unspecified" */
};

static inline struct estab_addr estab_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct estab_addr){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

/* A connection or a listener.  A handle is a value; a stale one is an error, never a crash.
 * Generations begin at 1, so a zeroed handle names nothing. */
typedef struct {
    uint32_t index, generation;
} estab_conn;

typedef struct {
    uint32_t index, generation;
} estab_listener;

/* A UDP socket, the same way. */
typedef struct {
    uint32_t index, generation;
} estab_udp;

typedef struct estab_stack estab_stack;

/* ---- frames ---------------------------------------------------------------------------------- */

enum estab_link {
    ESTAB_LINK_ETHERNET, /* DIX Ethernet, RFC 894 */
    ESTAB_LINK_IP,       /* bare IP packets */
};

/* What is known of the transport checksum of a frame. */
enum estab_checksum {
    ESTAB_CHECKSUM_VERIFY, /* in: verify it             out: complete, nothing to do */
    ESTAB_CHECKSUM_GOOD,   /* in: known good, or the frame never left this machine */
    ESTAB_CHECKSUM_FINISH, /* out: the field holds the pseudo header's sum (not complemented); the
                            * device sums from checksum_start and stores at + checksum_offset */
};

#define ESTAB_HEAD_MAX  160 /* link, IP and TCP headers with all their options */
#define ESTAB_PARTS_MAX 20

struct estab_part {
    uint8_t *base;
    uint32_t length;
};

/*
 * One frame, in or out: `head_length` bytes of `head`, then `part[0 .. parts)`.
 *
 * In:  head_length may be 0; link, IP and TCP headers then lie contiguous in part[0].  Parts are
 *      borrowed for the call, unless the frame came from estab_input_room.
 * Out: headers are in `head`, the text in parts that refer into the stack's send buffers.  They
 *      stay as they are until estab_output_done.
 */
struct estab_frame {
    uint32_t length;       /* bytes in all */
    uint16_t segment_size; /* of a super-segment: text bytes of each segment; else 0 */
    uint8_t interface;     /* the value of estab_interface_add */
    uint8_t link;          /* enum estab_link */
    uint8_t checksum;      /* enum estab_checksum */
    uint8_t lent;          /* parts were lent by estab_input_room */
    uint8_t parts;
    uint8_t head_length;
    uint16_t checksum_start;  /* with FINISH: from the first byte of the frame */
    uint16_t checksum_offset; /* with FINISH: from checksum_start */
    uint32_t cause;           /* out: serial of the trace record that caused it; 0 unknown */
    struct estab_part part[ESTAB_PARTS_MAX];
    uint8_t head[ESTAB_HEAD_MAX];
};

/* ---- configuration --------------------------------------------------------------------------- */

/*
 * Every member, its default, unit, range, RFC and Linux's value: docs/defaults.md, generated from
 * src/base/defaults.def.  Set the defaults first, then change what you need.
 */
struct estab_config {
    uint32_t size;

    /* Pools.  Memory is asked for once; these decide how much. */
    uint32_t connections;   /* Transmission Control Blocks */
    uint32_t records;       /* 64-byte records: passive SYN-RECEIVED, TIME-WAIT */
    uint32_t listeners;
    uint32_t chunks;        /* text pool */
    uint32_t chunk_bytes;   /* a power of two */
    uint32_t neighbours;    /* ARP entries, and IPv6's */
    uint32_t replies;       /* queued segments that no connection owns (RST, ARP, ICMP) */
    uint32_t udp_sockets;
    uint32_t datagrams;     /* of UDP, that wait to be sent */
    uint32_t fragments;     /* blocks of 4 KB, of datagrams that have come in part */
    uint32_t trace_records; /* 0: no trace; else a power of two */

    /* Secrets.  16 bytes each from a good source, with which the stack begins (estab_keys_change).  isn_key is
     * the secret of RFC 6528; hash_key keys the connection table and the choice of ports. */
    uint8_t isn_key[16];
    uint8_t hash_key[16];

    uint32_t key_life_s; /* how long they shall live, for estab_keys_due; 0: as long as the stack */

    /* Timers, in milliseconds. */
    uint32_t msl_ms;
    uint32_t rto_initial_ms, rto_min_ms, rto_max_ms;
    uint32_t r2_ms, r2_syn_ms;  /* RFC 9293 section 3.8.3: R2 for text, and for a SYN */
    uint32_t delayed_ack_ms, delayed_ack_max_ms; /* 0: acknowledge at once */
    uint32_t user_timeout_ms;   /* 0: R2 alone decides */
    uint32_t advertised_timeout_least_ms, advertised_timeout_most_ms; /* RFC 5482: L_LIMIT, U_LIMIT */
    uint32_t keepalive_idle_ms; /* 0: off */
    uint32_t keepalive_interval_ms;
    uint32_t persist_min_ms, persist_max_ms;
    uint32_t fin_wait_2_ms; /* after estab_release; 0: for ever */

    /* Counts. */
    uint32_t r1_retries;
    uint32_t keepalive_probes;
    uint32_t initial_window_segments; /* 0: RFC 5681's rule */
    uint32_t burst_segments;
    uint32_t challenge_acks_per_second;
    uint32_t quick_acks; /* when text begins to come */

    /* Bytes. */
    uint32_t receive_reserve; /* of each connection, promised from its first segment on */
    uint32_t receive_buffer;  /* to which its window may grow */
    uint32_t send_reserve;    /* of text that it takes from its user at first, if send_buffer is not less */
    uint32_t send_buffer;     /* to which that may grow */
    uint32_t udp_receive_buffer, udp_send_buffer; /* of each UDP socket */

    /* Switches. */
    bool timestamps, window_scale, sack, nagle, pacing;
    uint32_t sack_ranges, sack_spares;
    bool time_wait_reset; /* a RST ends TIME-WAIT; else it is ignored (RFC 1337) */
    uint8_t syn_cookies; /* 0 none, 1 for a SYN that finds no place, 2 for each (RFC 4987) */
    uint8_t ecn;    /* 0 off, 1 asked for and granted, 2 granted to who asks (RFC 3168) */
    bool tuning;    /* buffers follow what the path needs; off: they are as large as they may be */
    bool telemetry; /* per-connection counters, in a block beside the TCB */
    bool slow_start_after_idle;
    uint8_t congestion; /* enum estab_congestion */
    uint8_t hystart;    /* enum estab_hystart */
    uint8_t recovery;   /* enum estab_recovery */
    uint8_t ttl;
    uint8_t mtu_probing;   /* 0 off, 1 from the first black hole on, 2 from the beginning (RFC 4821) */
    uint32_t mtu_base_mss, mtu_probe_interval_ms;
    uint8_t dad_transmits; /* duplicate address detection of IPv6: questions; 0: off */
};

/* Congestion controls. */
enum estab_congestion {
    ESTAB_CONGESTION_NEWRENO, /* RFC 5681 */
    ESTAB_CONGESTION_CUBIC,   /* RFC 9438 */
};

/* "newreno", "cubic"; NULL past the last. */
ESTAB_API const char *estab_congestion_name(unsigned congestion);

/* What CUBIC's slow start looks at, so that it ends before a loss. */
enum estab_hystart {
    ESTAB_HYSTART_OFF,
    ESTAB_HYSTART_TRAIN = 1,  /* whether a train of ACKs is as long as a round trip */
    ESTAB_HYSTART_DELAY = 2,  /* whether round trips grow */
    ESTAB_HYSTART_LINUX = 3,  /* both */
    ESTAB_HYSTART_PLUSPLUS = 4, /* HyStart++, RFC 9406 */
};

/* How losses are found and mended where SACK was agreed on; without it, it is always NewReno. */
enum estab_recovery {
    ESTAB_RECOVERY_RACK,    /* RFC 8985, with a probe of the tail */
    ESTAB_RECOVERY_SACK,    /* RFC 6675 */
    ESTAB_RECOVERY_NEWRENO, /* RFC 6582 */
};

/* Fills the defaults: RFC 9293, and Linux's habit where an RFC only says SHOULD. */
ESTAB_API void estab_config_init(struct estab_config *config);
/* As above, with the RFC's own value everywhere. */
ESTAB_API void estab_config_rfc(struct estab_config *config);
/* NULL when the configuration holds; else a sentence that names the member and what was expected. */
ESTAB_API const char *estab_config_check(const struct estab_config *config);

/* ---- the room --------------------------------------------------------------------------------- */

struct estab_room {
    void *base;  /* aligned to 64 bytes, zeroed (untouched pages stay untouched) */
    size_t size; /* at least estab_stack_size */
};

/* Bytes that a stack of this configuration needs; 0 if the configuration does not hold. */
ESTAB_API size_t estab_stack_size(const struct estab_config *config);
/* Builds a stack in `room`.  NULL: estab_config_check fails, or the room is small or misaligned. */
ESTAB_API ESTAB_MUST_CHECK estab_stack *
estab_stack_init(struct estab_room room, const struct estab_config *config, estab_time now);
/* The stack in a room that was copied from elsewhere, another process perhaps.  NULL: there is none, or
 * one of another build or of a larger room.  Only its header is looked at: who does not trust the rest
 * runs it where it can do no harm. */
ESTAB_API ESTAB_MUST_CHECK estab_stack *estab_stack_adopt(struct estab_room room);

/* When new secrets are due, key_life_s after the last; ESTAB_NEVER.  A loop changes them by itself. */
ESTAB_API estab_time estab_keys_due(const estab_stack *);
/* Gives the stack new secrets in place of isn_key and hash_key.  No connection, no TIME-WAIT and no SYN cookie is
 * lost.  AGAIN: those of the change before are still needed, for 128 seconds at most. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_keys_change(estab_stack *, const uint8_t isn_key[16],
                                                              const uint8_t hash_key[16], estab_time now);
/* 64 bits that nobody can guess who does not know isn_key, and others each time: for the identifications
 * of protocols above, such as DNS's. */
ESTAB_API uint64_t estab_unpredictable(estab_stack *);

/* ---- interfaces and routes -------------------------------------------------------------------- */

#define ESTAB_INTERFACES_MAX 8
#define ESTAB_ROUTES_MAX     32
#define ESTAB_ADDRESSES_MAX  24 /* of all interfaces together */

struct estab_interface {
    uint32_t size;
    uint8_t link; /* enum estab_link */
    uint8_t mac[6];
    uint8_t prefix_length; /* of the address, in bits of its family (0..32, 0..128) */
    struct estab_addr address;
    uint32_t mtu;              /* bytes of IP packet, 576..65535; with IPv6 from 1280 on */
    uint32_t super_segment;    /* most bytes of text in one frame out; 0: the device does not segment */
    bool checksum_offload;     /* the device finishes checksums */
};

/* Adds an interface and the route to its own prefix; its number, from 0, or -1: full or invalid.  An
 * IPv6 address turns IPv6 on, as estab_address_add does; an unspecified one, on Ethernet, gives it its
 * link-local address alone.  IPv4's unspecified address, ::ffff:0.0.0.0/0, on Ethernet: it gets its own by
 * estab_address_add, and until then only sends and receives broadcasts. */
ESTAB_API ESTAB_MUST_CHECK int estab_interface_add(estab_stack *, const struct estab_interface *);
/* Tells the stations of an Ethernet link that the interface's address is here now, in case that they
 * remember another one (RFC 5227 section 3, RFC 4861 section 7.2.6).  A loop does so when a device
 * joins; an IPv6 address that is looked for on the link first does so once it is ours.  INVALID. */
ESTAB_API enum estab_error estab_interface_announce(estab_stack *, int interface);
/* Gives an interface that has no IPv4 address one; or an IPv6 address more, and the route to its prefix.  The first one of an interface
 * turns IPv6 on there: on Ethernet the link-local address of its MAC comes with it (RFC 4862 section
 * 5.3), and may be all that is wanted: `address` unspecified.  INVALID, EXISTS, NO_RESOURCES. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_address_add(estab_stack *, int interface,
                                                              struct estab_addr address,
                                                              uint8_t prefix_length, estab_time now);
/* On Ethernet an address that is added is looked for on the link first (RFC 4862 section 5.4, RFC 5227), a
 * second or two; meanwhile connections may be opened from it, and wait. */
enum estab_address_state {
    ESTAB_ADDRESS_TENTATIVE,
    ESTAB_ADDRESS_PREFERRED,
    ESTAB_ADDRESS_DUPLICATE, /* another station has it: never used */
    ESTAB_ADDRESS_DEPRECATED, /* its preferred lifetime is over: used where there is no other */
    ESTAB_ADDRESS_EXPIRED,    /* so is its valid lifetime: not used, until a router says more */
    ESTAB_ADDRESS_REMOVED,   /* by estab_address_remove; nothing is sent from it any more */
};

struct estab_address {
    uint32_t size;
    struct estab_addr address;
    uint8_t prefix_length, interface;
    enum estab_address_state state;
    estab_time preferred_until, valid_until; /* as routers have said; ESTAB_NEVER */
};

/* Turns IPv6 on as estab_address_add does, asks the link's routers, and does as they say from now on:
 * default routers, prefixes that are on the link, addresses formed of them (RFC 4862, RFC 7217), its hop
 * limit, MTU and times (RFC 4861 section 6.3).  Ethernet alone.  INVALID, NO_RESOURCES. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_autoconfigure(estab_stack *, int interface,
                                                                estab_time now);

struct estab_router {
    uint32_t size;
    struct estab_addr address;
    uint8_t interface;
    estab_time until;
};

/* Walks the default routers that have told of themselves: *cursor starts at 0; false at the end. */
ESTAB_API bool estab_router_next(const estab_stack *, uint32_t *cursor, struct estab_router *);
/* Walks our addresses: *cursor starts at 0; false at the end. */
ESTAB_API bool estab_address_next(const estab_stack *, uint32_t *cursor, struct estab_address *);
/* Takes an interface's IPv4 address away, and all routes that lead through its network.  Connections from it
 * stay, and what they send is dropped.  Its place is kept for when it comes again.  INVALID. */
ESTAB_API enum estab_error estab_address_remove(estab_stack *, int interface, struct estab_addr address,
                                                estab_time now);
/* Whether an interface of ours has this address. */
ESTAB_API bool estab_address_is_local(const estab_stack *, struct estab_addr address);
/* Adds a route: longest prefix wins, then the one added first.  An unspecified gateway means that
 * the destination is on the link. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_route_add(estab_stack *, struct estab_addr prefix,
                                                            uint8_t prefix_length,
                                                            struct estab_addr gateway,
                                                            uint8_t interface);

/* ---- frames in and out -------------------------------------------------------------------------- */

/* Takes `n` frames that arrived at `now`.  The end of the vector is the end of the batch. */
ESTAB_API void estab_input(estab_stack *, struct estab_frame *in, size_t n, estab_time now);
/* Fills up to `n` frames to be sent.  Fewer than `n`: there are no more for now. */
ESTAB_API size_t estab_output(estab_stack *, struct estab_frame *out, size_t n, estab_time now);
/* The frames have been sent, or copied: what they refer to is the stack's again. */
ESTAB_API void estab_output_done(estab_stack *, const struct estab_frame *out, size_t n);
/* Lends chunks of the text pool to `n` frames, room for `bytes` each, for a device to receive into.
 * Returns how many frames were filled.  Each must come back through estab_input, with its length
 * and link set, or with length 0 if nothing was received. */
ESTAB_API size_t estab_input_room(estab_stack *, struct estab_frame *in, size_t n, uint32_t bytes);

/* When estab_expire should be called next; ESTAB_NEVER if nothing is pending.  May be early, never
 * late. */
ESTAB_API estab_time estab_deadline(const estab_stack *);
ESTAB_API void estab_expire(estab_stack *, estab_time now);

/* ---- events ------------------------------------------------------------------------------------- */

enum estab_event_bits {
    ESTAB_EVENT_ACCEPT = 1 << 0,     /* listener: estab_accept has connections; take until AGAIN */
    ESTAB_EVENT_OPENED = 1 << 1,     /* ESTABLISHED was entered */
    ESTAB_EVENT_READABLE = 1 << 2,   /* text was added for estab_receive, or a datagram */
    ESTAB_EVENT_WRITABLE = 1 << 3,   /* estab_send may take text again, after it took less */
    ESTAB_EVENT_PEER_CLOSED = 1 << 4, /* the peer's FIN is in sequence: "connection closing" */
    ESTAB_EVENT_URGENT = 1 << 5,     /* the peer has urgent text ahead (RFC 9293 section 3.8.5) */
    ESTAB_EVENT_SOFT_ERROR = 1 << 6, /* ICMP, or R1 was passed; the connection lives on.  Of a UDP
                                      * socket: estab_udp_error tells more */
    ESTAB_EVENT_CLOSED = 1 << 7,     /* CLOSED was entered; the handle ends with this event,
                                      * unless ESTAB_OPTION_KEEP_TEXT keeps it */
};

struct estab_event {
    uint32_t bits;
    enum estab_error error;  /* with CLOSED: why; with SOFT_ERROR: what */
    estab_conn conn;         /* zero if the event is a listener's or a UDP socket's */
    estab_listener listener; /* of ACCEPT */
    estab_udp udp;           /* zero but for a UDP socket */
};

/* The next event, false when there is none.  A connection queues once; its bits gather. */
ESTAB_API bool estab_event_next(estab_stack *, struct estab_event *);
/* Whether there is one. */
ESTAB_API bool estab_event_pending(const estab_stack *);

/* ---- the calls of RFC 9293 section 3.9.1 --------------------------------------------------------- */

/* An option and its value, as estab_set takes them. */
struct estab_setting {
    uint32_t option; /* enum estab_option */
    uint32_t value;
};

struct estab_open {
    uint32_t size;
    struct estab_endpoint local;  /* unspecified address: from the route; port 0: chosen */
    struct estab_endpoint remote; /* may be unspecified if passive */
    bool passive;                 /* a single-shot passive OPEN, which SEND or OPEN can turn active */
    bool fixed_iss;               /* use `iss` instead of RFC 6528's (experiments only) */
    uint32_t iss;
    uint32_t user_timeout_ms; /* 0: the stack's */
    const struct estab_setting *settings; /* that hold from the SYN on */
    uint32_t setting_count;
    bool reopen; /* a pair that rests in TIME-WAIT is opened again, if it had timestamps */
};

/* OPEN (section 3.9.1.1, 3.10.1).  EXISTS, NO_RESOURCES, NO_ROUTE, REMOTE_UNSPECIFIED, INVALID. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_open(estab_stack *, const struct estab_open *,
                                                       estab_conn *out, estab_time now);
/* Turns a single-shot passive OPEN in LISTEN active (section 3.10.1, LISTEN STATE). */
ESTAB_API ESTAB_MUST_CHECK enum estab_error
estab_open_active(estab_stack *, estab_conn, struct estab_endpoint remote, estab_time now);

struct estab_listen {
    uint32_t size;
    struct estab_endpoint local; /* unspecified address: every address of this stack, or, if it is
                                  * IPv4's, every IPv4 address */
    uint32_t backlog;            /* connections in SYN-RECEIVED or waiting for estab_accept */
    bool fixed_iss;
    uint32_t iss;
    bool ipv6_only; /* with an unspecified address: every IPv6 address */
};

/* A listener: a passive OPEN that stays in LISTEN and spawns a connection for each SYN. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error
estab_listen(estab_stack *, const struct estab_listen *, estab_listener *out);
/* The oldest connection that has reached ESTABLISHED and was not yet accepted; AGAIN if none. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_accept(estab_stack *, estab_listener,
                                                         estab_conn *out);
/* Ends a listener, resets what was not accepted. */
ESTAB_API enum estab_error estab_listen_end(estab_stack *, estab_listener, estab_time now);

enum estab_send_flags {
    ESTAB_PUSH = 1 << 0,   /* PUSH flag (section 3.9.1.2) */
    ESTAB_URGENT = 1 << 1, /* the urgent pointer points past the last byte of this text */
    ESTAB_MORE = 1 << 2,   /* more follows: what does not fill a segment waits for it, or for an
                            * acknowledgment, or 200 ms */
    ESTAB_HELD = 1 << 3,   /* the user holds text back, by a bound of its own: as if the send buffer
                            * had refused it (AGAIN; WRITABLE follows; buffer_limited_us counts) */
};

/* SEND.  Takes what fits of the text, stores the count in *taken.  OK if all was taken or queued;
 * AGAIN if some was left (WRITABLE follows).  NO_CONNECTION, CLOSING, REMOTE_UNSPECIFIED,
 * NO_RESOURCES (the text pool is empty: come back after the next event). */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_send(estab_stack *, estab_conn, const void *text,
                                                       size_t length, unsigned flags, size_t *taken,
                                                       estab_time now);

enum estab_receive_flags {
    ESTAB_PEEK = 1 << 0, /* leave the text where it is */
};

struct estab_received {
    size_t length; /* bytes stored */
    bool push;     /* the text ends where the peer set PSH */
    bool end;      /* the peer's FIN follows: nothing more will come */
    bool urgent;   /* urgent text is still ahead */
};

/* RECEIVE.  OK with length > 0, or with `end`; AGAIN if no text is on hand; CLOSING in a state that
 * receives no more when none is left; NO_CONNECTION. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_receive(estab_stack *, estab_conn, void *buffer,
                                                          size_t size, unsigned flags,
                                                          struct estab_received *got,
                                                          estab_time now);

/* CLOSE: "I have no more text to send."  Receiving goes on until the peer closes too.
 * NO_CONNECTION, CLOSING. */
ESTAB_API enum estab_error estab_close(estab_stack *, estab_conn, estab_time now);
/* The user leaves for good: CLOSE, and nobody will receive (the half-duplex close of RFC 9293 section
 * 3.6.1).  Text that was not received, or that comes later, is answered with a RST (SHLD-3).  The
 * handle ends here, and no event follows; the connection goes on to its end alone.  NO_CONNECTION. */
ESTAB_API enum estab_error estab_release(estab_stack *, estab_conn, estab_time now);
/* ABORT: drops all text, sends a RST where the state asks for it.  NO_CONNECTION. */
ESTAB_API enum estab_error estab_abort(estab_stack *, estab_conn, estab_time now);

enum estab_option {
    ESTAB_OPTION_NAGLE,               /* 0 or 1 */
    ESTAB_OPTION_KEEPALIVE_IDLE_MS,   /* 0: off */
    ESTAB_OPTION_KEEPALIVE_INTERVAL_MS,
    ESTAB_OPTION_KEEPALIVE_PROBES,
    ESTAB_OPTION_USER_TIMEOUT_MS,     /* 0: R2 alone decides */
    ESTAB_OPTION_RECEIVE_BUFFER,      /* bytes */
    ESTAB_OPTION_SEND_BUFFER,         /* bytes */
    ESTAB_OPTION_DIFFSERV,            /* 0..63, of what is sent (RFC 9293 section 3.9.1.8) */
    ESTAB_OPTION_CORK,                /* 0 or 1: what does not fill a segment waits, 200 ms at most */
    ESTAB_OPTION_MSS_CLAMP,           /* 88..32767 bytes, of what a SYN offers and of what is sent;
                                       * 0: the link's.  A SYN that went before is not changed */
    ESTAB_OPTION_QUICKACK,            /* 1: acknowledge at once from now on, until the connection
                                       * turns out to talk both ways; 0: do not */
    ESTAB_OPTION_SYN_RETRIES,         /* 1..127 retransmissions of a SYN; 0: R2 decides */
    ESTAB_OPTION_WINDOW_CLAMP,        /* bytes that the receive window may have; 0: no bound */
    ESTAB_OPTION_FIN_WAIT_2_MS,       /* after estab_release; 0: the stack's fin_wait_2_ms */
    ESTAB_OPTION_DEFER_ACCEPT_MS,     /* of a listener: wait so long for text; 0: do not */
    ESTAB_OPTION_NOT_SENT_LOW,        /* bytes: SEND takes text, and WRITABLE comes, only while less
                                       * than so many wait to be sent; 0: no bound */
    ESTAB_OPTION_RECEIVE_LOW,         /* bytes: READABLE comes when so many are there, or half of
                                       * what the window could hold; 0 and 1: any */
    ESTAB_OPTION_KEEP_TEXT,           /* 1: text outlives its connection.  CLOSED comes at once, and
                                       * the handle stays until all text was received, or
                                       * estab_release.  So does one that estab_accept still has.
                                       * 0: a RST or a timeout flushes it (RFC 9293 3.10.7.4) */
    ESTAB_OPTION_BACKLOG,             /* of a listener: as in struct estab_listen, from now on */
    ESTAB_OPTION_ECN,                 /* 0..2, as in estab_config; of OPENs and listeners to come */
    ESTAB_OPTION_CONGESTION,          /* enum estab_congestion; the window starts as it is */
    ESTAB_OPTION_HYSTART,             /* enum estab_hystart */
    ESTAB_OPTION_PACING,              /* 0 or 1: text leaves in bursts, at the rate of its window */
    ESTAB_OPTION_PACING_RATE,         /* bytes a second at most, and that turns pacing on; 0: no bound */
    ESTAB_OPTION_ADVERTISE_TIMEOUT_S, /* RFC 5482: tell the peer that our user timeout is so many seconds, and
                                       * heed what it tells, unless USER_TIMEOUT_MS is set; 0: neither */
};

/* Sets a connection's option.  NO_CONNECTION, INVALID. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error
estab_set(estab_stack *, estab_conn, enum estab_option, uint32_t value, estab_time now);
/* The same of a listener: its own options, and those with which its connections begin, from the
 * SYN,ACK on.  NO_CONNECTION, INVALID. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error
estab_listener_set(estab_stack *, estab_listener, enum estab_option, uint32_t value);

/* ---- STATUS --------------------------------------------------------------------------------------- */

enum estab_state {
    ESTAB_STATE_CLOSED,
    ESTAB_STATE_LISTEN,
    ESTAB_STATE_SYN_SENT,
    ESTAB_STATE_SYN_RECEIVED,
    ESTAB_STATE_ESTABLISHED,
    ESTAB_STATE_FIN_WAIT_1,
    ESTAB_STATE_FIN_WAIT_2,
    ESTAB_STATE_CLOSE_WAIT,
    ESTAB_STATE_CLOSING,
    ESTAB_STATE_LAST_ACK,
    ESTAB_STATE_TIME_WAIT,
};

/* What the sender has noticed of losses, in Linux's words. */
enum estab_loss {
    ESTAB_LOSS_OPEN,     /* nothing */
    ESTAB_LOSS_DISORDER, /* duplicate acknowledgments, not yet enough of them */
    ESTAB_LOSS_CWR,      /* the window shrinks because the path said so */
    ESTAB_LOSS_RECOVERY, /* fast recovery */
    ESTAB_LOSS_TIMEOUT,  /* a retransmission timeout, and what it sent again is not acknowledged */
};

/* What a timer is for. */
#define ESTAB_TIMERS(X)                                                                            \
    X(NONE, "off")                                                                                 \
    X(RETRANSMIT, "retransmission")                                                                \
    X(PERSIST, "zero-window probe")                                                                \
    X(DELAYED_ACK, "delayed acknowledgment")                                                       \
    X(KEEPALIVE, "keep-alive")                                                                     \
    X(TIME_WAIT, "2MSL")                                                                           \
    X(FIN_WAIT_2, "FIN-WAIT-2")                                                                    \
    X(USER, "user timeout")                                                                        \
    X(OVERRIDE, "silly-window override")                                                           \
    X(REORDER, "reordering window")                                                                \
    X(TAIL_PROBE, "tail loss probe")                                                               \
    X(FORGET, "end of a recovery")                                                                 \
    X(PACING, "pacing")

enum estab_timer {
#define X(name, text) ESTAB_TIMER_##name,
    ESTAB_TIMERS(X)
#undef X
};

struct estab_status {
    uint32_t size;
    enum estab_state state;
    estab_conn conn;         /* zero for a listener, and for one not yet handed to the user */
    estab_listener listener; /* a listener, or the one that spawned this */
    struct estab_endpoint local, remote;
    bool passive;
    bool record; /* held as a 64-byte record */
    /* RFC 9293 section 3.3.1 */
    uint32_t snd_una, snd_nxt, snd_wnd, snd_up, snd_wl1, snd_wl2, iss;
    uint32_t rcv_nxt, rcv_wnd, rcv_up, irs;
    uint16_t snd_mss, rcv_mss;
    uint8_t snd_wscale, rcv_wscale;
    bool timestamps;
    uint32_t send_queued;      /* bytes taken and not yet acknowledged */
    uint32_t receive_queued;   /* bytes in order, not yet received by the user */
    uint32_t out_of_order;     /* bytes held beyond a gap */
    uint32_t srtt_us, rttvar_us, rto_us;
    uint32_t cwnd, ssthresh;   /* bytes */
    enum estab_congestion congestion;
    uint32_t retransmits;      /* of the segment at SND.UNA, in a row */
    uint32_t memory;           /* bytes this connection owns, everything counted */
    uint64_t timer;            /* when the earliest timer is due; ESTAB_NEVER */
    enum estab_timer timer_kind; /* which that is */
    uint32_t pending, backlog; /* of a listener: children in SYN-RECEIVED or not accepted; at most */
    enum estab_error soft_error;
    bool scaled, sack;         /* agreed on, as `timestamps` */
    bool cold;                 /* owns the block that only an unusual connection needs */
    uint32_t scoreboard;       /* bytes of `memory` that tell of what is outstanding; 0: it has none */
    bool orphan;               /* its user has left (estab_release) */
    bool ecn, ecn_seen;        /* agreed on; and text of the peer's came with ECT or CE */
    enum estab_loss loss;
    uint8_t backoff;           /* of the RTO: doublings */
    uint8_t probes;            /* of a zero window, or keep-alives, without an answer */
    uint32_t ato_us;           /* how long the next acknowledgment may wait; 0: no text has come */
    uint32_t in_flight;        /* segments: what is outstanding, in units of snd_mss, rounded up */
    uint32_t sacked, lost, retrans_out; /* segments of these: held by the peer beyond a gap; deemed lost,
                                           sent again or not; sent again and not acknowledged */
    uint32_t not_sent;         /* bytes taken and not yet sent once */
    uint16_t seen_mss, offered_mss; /* of the peer's segments, as it is estimated; rcv_mss, less timestamps */
    uint32_t rcv_wnd_most;     /* to which the receive window may grow now */
    uint32_t send_buffer, receive_buffer;
    bool pacing;
    uint32_t pacing_rate_most; /* 0: no bound */
    uint64_t pacing_rate;      /* bytes a second, heeded or not; UINT64_MAX before there is an RTT */
    uint32_t user_timeout_ms;  /* that holds now; 0: R2 decides */
    uint32_t peer_timeout_s;   /* the peer's, as it told it (RFC 5482), and we heed such; 0: it did not */
    uint32_t path_mtu;         /* bytes of packet that the path is known to carry; at first the link's */
    /* telemetry; zero where the configuration leaves it out */
    uint64_t bytes_sent; /* and acknowledged */
    uint64_t bytes_received, bytes_retransmitted;
    uint32_t segments_sent, segments_received, segments_retransmitted;
    uint32_t text_segments_sent, text_segments_received;
    uint32_t delivered, delivered_ce; /* segments acknowledged or SACKed, each once; of these, by ACKs with ECE */
    uint32_t ce_segments;  /* received with text and CE */
    uint64_t delivery_rate; /* bytes a second, as it was last measured; 0: not yet */
    bool delivery_rate_limited; /* by the user, when it was measured: a lower bound */
    uint32_t timeouts, timeout_recoveries, timeout_ms; /* of retransmission; in a row, once; time in them */
    uint32_t min_rtt_us;   /* of all samples */
    uint32_t sack_blocks;  /* received: blocks of the SACK option */
    uint32_t dsack_blocks, dsack_segments; /* of these, such as tell of duplicates (RFC 2883); of how many */
    uint32_t receiver_rtt_us, receiver_space; /* by what comes; what the user took in one, at most */
    uint32_t reordering, reorderings; /* segments by which one was overtaken, 3 at least; ACKs that told of it */
    uint32_t out_of_order_segments; /* received beyond a gap */
    uint64_t window_limited_us, buffer_limited_us; /* with text or its user waiting for that */
    uint64_t busy_us;      /* with text not acknowledged, as of the last call that had a `now` */
    estab_time text_sent_at, text_received_at, ack_received_at; /* the last; or ESTABLISHED */
};

/* STATUS (section 3.9.1.6).  NO_CONNECTION. */
ESTAB_API ESTAB_MUST_CHECK enum estab_error estab_status(const estab_stack *, estab_conn,
                                                         struct estab_status *);
/* Walks all listeners, records and connections: *cursor starts at 0; false at the end. */
ESTAB_API bool estab_list(const estab_stack *, uint64_t *cursor, struct estab_status *);

/* ---- seeing into it -------------------------------------------------------------------------------- */

struct estab_counters {
    uint32_t size;
    uint64_t frames_in, frames_out, segments_in, segments_out, text_in, text_out, retransmitted;
    uint64_t time_steps_back; /* calls whose `now` lay before the last */
    uint32_t connections, connections_peak, records, listeners;
    uint32_t chunks_used, chunks_promised, chunks_lent, chunks_total;
    uint64_t trace_lost;
    uint64_t datagrams_in, datagrams_out; /* of UDP: taken by a socket; sent */
    uint32_t udp_sockets, datagrams;      /* datagrams: that wait to be sent */
    uint64_t mtu_black_holes; /* paths that dropped what was too long, and said nothing (RFC 4821) */
    uint64_t mtu_probes, mtu_probes_passed, mtu_probes_lost;
    uint64_t fragments_in, fragments_out; /* parts of datagrams: taken; sent */
    uint64_t reassembled;                 /* datagrams of which all parts came */
    uint32_t fragments, fragments_total;  /* blocks of the pool: in use; in all */
    uint32_t connections_total, records_total, listeners_total, udp_sockets_total, datagrams_total;
    uint32_t cold_blocks, cold_blocks_total, scoreboards, scoreboards_total, spares, spares_total;
    uint32_t neighbours, neighbours_total, replies, replies_total; /* what each pool has: in use; in all */
};

ESTAB_API void estab_counters(const estab_stack *, struct estab_counters *);

/* Every drop, answer and end has a reason with a counter of its own. */
struct estab_reason_info {
    const char *name;     /* "SEQ_UNACCEPTABLE" */
    const char *rfc;      /* "RFC 9293 3.10.7.4, step 1" */
    const char *sentence; /* for people */
};
ESTAB_API unsigned estab_reasons(void);
ESTAB_API struct estab_reason_info estab_reason(unsigned reason);
ESTAB_API uint64_t estab_reason_count(const estab_stack *, unsigned reason);

ESTAB_API const char *estab_state_name(enum estab_state);   /* "SYN-RECEIVED" */
ESTAB_API const char *estab_timer_name(enum estab_timer);   /* "retransmission" */
ESTAB_API const char *estab_fsm_event_name(unsigned event); /* "rcv ACK of SYN" */

/* A decision of the core, as it was made.  Kinds and the meaning of arg[]: src/base/trace.def. */
struct estab_trace {
    estab_time time;
    uint32_t serial; /* from 1 */
    uint16_t kind;
    uint16_t reserved;
    estab_conn conn;
    uint32_t arg[10];
};

/* The oldest unread trace record, false when there is none.  Unread ones are overwritten when the
 * ring is full, and counted in trace_lost. */
ESTAB_API bool estab_trace_next(estab_stack *, struct estab_trace *);

#ifdef __cplusplus
}
#endif

#endif
