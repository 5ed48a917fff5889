/* SPDX-License-Identifier: MIT */
/*
 * wire.h - one stack at the end of a wire, in virtual time, and a peer that is made by hand.
 *
 *      OPEN(65535)                              handshake; SND.UNA and RCV.NXT are 1
 *      SEND(100)                                the user's call
 *      OUT(0, ACK | PSH, 1, 1, 100)             what the stack sends, and at what time exactly
 *      OUT(200 * MS, ACK | PSH, 1, 1, 100)
 *      QUIET(300 * MS)                          nothing else until then
 *      IN(ACK, 1, 101, 0, .wnd = 65535)         what the peer sends, now
 *
 * Times count from the start of the test; the stack's own clock starts 5 s before its milliseconds
 * pass 2^32.  Sequence numbers count from the ISN of their side; every test runs with several pairs
 * of ISNs, of which two wrap.  Text is text_at of its place in the stream.  The peer is written
 * without any code of src/.
 *
 * Of everything that the stack sends, this is looked at without being asked: checksums, lengths and
 * text; that ACK never goes back, and the right edge of the window neither (RFC 9293 section 3.8.6,
 * SHLD-14).  A failure prints the ISNs and the last segments.
 */
#ifndef SUPPORT_WIRE_H
#define SUPPORT_WIRE_H

#include <estab.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };
enum { ECT_1 = 1, ECT_0 = 2, CE = 3 }; /* wire_segment.ecn */

#define US ESTAB_US
#define MS ESTAB_MS
#define S  ESTAB_SECOND

#define WIRE_START (UINT64_C(4294962296) * ESTAB_MS)
#define WIRE_OWN   estab_ipv4(10, 0, 0, 1)
#define WIRE_PEER  estab_ipv4(10, 0, 0, 2)
#define WIRE_PORT  3333
#define WIRE_RPORT 40000
#define WIRE_TEXT  65536
#define WIRE_QUEUE 8192

/* A segment: seq and ack as on the wire for frames of other connections, else relative. */
struct wire_segment {
    unsigned flags;
    uint32_t seq, ack, len;
    uint32_t wnd, up; /* as in the header */
    uint16_t sport, dport;
    struct estab_addr from; /* of the peer's; unspecified: WIRE_PEER */
    int mss;                /* -1: absent; of the peer: 0 is absent, MSS_ZERO a 0 */
    int wscale;             /* -1: absent; of the peer: 0 is absent, SCALE(n) a scale of n */
    bool ts;
    uint32_t tsval, tsecr;
    bool sack_ok;
    unsigned sacks; /* blocks of the SACK option; from the ISN of whose text they are */
    struct {
        uint32_t left, right;
    } sack[4];
    uint8_t diffserv, ecn, ttl;
    uint32_t segment_size;
    estab_time at;    /* when the stack sent it, from the start */
    const char *text; /* of the peer: instead of text_at */
    bool lent;        /* of the peer: through estab_input_room */
};

#define MSS_ZERO (-2)
#define SCALE(n) ((n) | 256)

struct wire {
    estab_stack *stack;
    void *room;
    size_t size;
    struct estab_config config;
    estab_time now; /* from the start */
    uint32_t iss, irs, tsval;
    uint32_t mtu, super;
    bool passive, offload; /* offload: the device finishes checksums */
    int scale_out;         /* shift of the windows that the stack sends */
    estab_time answers_after; /* of OPEN's peer: a round trip */
    estab_conn conn;
    estab_listener listener;
    unsigned events; /* gathered bits of `conn`, until WIRE_EVENTS takes them */
    enum estab_error error, soft;
    size_t sent, received; /* by the user */
    struct wire_segment queue[WIRE_QUEUE];
    unsigned head, tail;
    uint32_t edge, last_ack; /* the promise so far */
    bool acked, fin_sent;    /* by the peer */
    uint64_t frames;
    uint8_t other[2048]; /* the last packet that was not TCP */
    size_t other_length;
    unsigned others;
};

/* The byte at a place in the stream. */
static inline uint8_t text_at(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

/* Small pools, no timestamps, no window scale, no quick ACKs; the rest are the defaults. */
struct estab_config wire_config(void);
/* A stack on a bare IP link of `w->mtu`. */
void wire_start(struct wire *w, const struct estab_config *config);
/* Aborts all, and looks whether every pool got everything back. */
void wire_stop(struct wire *w);
typedef void wire_test(struct wire *w);
/* Runs a test with each pair of ISNs. */
void wire_each(wire_test *test);
#define WIRE_TEST(name)                                                                            \
    static void name##_(struct wire *w);                                                           \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        wire_each(name##_);                                                                        \
    }                                                                                              \
    static void name##_(struct wire *w)

/* Time goes on to `until`; what the stack sends is queued. */
void wire_run(struct wire *w, estab_time until);
/* Takes output and events, without time going on. */
void wire_pump(struct wire *w);
struct estab_status wire_status(const struct wire *w, estab_conn conn);
struct estab_counters wire_counters(const struct wire *w);
uint64_t wire_reason(const struct wire *w, const char *name);

void wire_in(struct wire *w, const struct wire_segment *s);
/* A packet of any kind to the stack. */
void wire_packet(struct wire *w, uint8_t *bytes, size_t n);
/* The next segment, which must be of this kind. */
const struct wire_segment *wire_out(struct wire *w, estab_time at, unsigned flags, uint32_t seq,
                                    uint32_t ack, uint32_t len, const char *file, int line);
/* The next segment of any kind; NULL: none until `until`. */
const struct wire_segment *wire_any(struct wire *w, estab_time until);
void wire_quiet(struct wire *w, estab_time until, const char *file, int line);

/* Handshakes.  `o` is the peer's SYN or SYN,ACK: mss, wscale, ts, tsval, wnd. */
void wire_open(struct wire *w, const struct wire_segment *o, const char *file, int line);
void wire_accept(struct wire *w, const struct wire_segment *o, const char *file, int line);
void wire_send(struct wire *w, size_t n, unsigned flags, const char *file, int line);
size_t wire_send_some(struct wire *w, size_t n, unsigned flags, enum estab_error *error);
/* Receives exactly n bytes, whose text is right. */
struct estab_received wire_receive(struct wire *w, size_t n, const char *file, int line);
void wire_fail(struct wire *w, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));

#define HERE __FILE__, __LINE__
/* After the length: .wnd and what else there is. */
#define IN(f, s, a, ...)                                                                           \
    wire_in(w, &(struct wire_segment){.flags = f, .seq = s, .ack = a, .len = __VA_ARGS__})
#define OUT(t, f, s, a, n) wire_out(w, t, f, s, a, n, HERE)
#define QUIET(t)           wire_quiet(w, t, HERE)
/* What came by now is not looked at. */
#define SKIP (wire_pump(w), (void)(w->head = w->tail))
/* Active OPEN, answered, and LISTEN, asked: with this window, and MSS 1460 unless it is said. */
#define OPEN(...)   wire_open(w, &(struct wire_segment){.wnd = __VA_ARGS__}, HERE)
#define ACCEPT(...) wire_accept(w, &(struct wire_segment){.wnd = __VA_ARGS__}, HERE)
#define SEND(n)     wire_send(w, n, 0, HERE)
#define RECEIVE(n)  wire_receive(w, n, HERE)
#define STATUS      wire_status(w, w->conn)
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            wire_fail(w, HERE, "not so: %s", #condition);                                          \
    } while (0)
#define CHECK_EQ(got, want)                                                                        \
    do {                                                                                           \
        uint64_t got_ = (got), want_ = (want);                                                     \
        if (got_ != want_)                                                                         \
            wire_fail(w, HERE, "%s is %llu, not %llu", #got, (unsigned long long)got_,             \
                      (unsigned long long)want_);                                                  \
    } while (0)
/* The events since the last time, and only these. */
#define EVENTS(bits)                                                                               \
    do {                                                                                           \
        wire_pump(w);                                                                              \
        CHECK_EQ(w->events, bits);                                                                 \
        w->events = 0;                                                                             \
    } while (0)

#endif
