/* SPDX-License-Identifier: MIT */
/*
 * test_info.c - every member of TCP_INFO, on Linux's sockets and on ours, in the same conversations.
 *
 * A row says how a member is compared: SAME, to the last digit; or WITHIN bounds that hold in both worlds,
 * because it is a time, or follows from times or from the sizes of the stack's own buffers.  The rows'
 * names are Linux's, and all of script/tcp_info.def must have one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "support/socket_world.h"

#define INFO_BYTES 280
#define MINUTE_MS  60000
#define MINUTE_US  60000000
#define MEGABYTE   1000000
#define ANY        UINT64_MAX

struct field {
    const char *name;
    size_t offset, bytes;
    unsigned shift, bits;
};

static const struct field fields[] = {
#define FIELD(name, offset, bytes) {#name, offset, bytes, 0, 8 * (bytes)},
#define BITS(name, offset, shift, bits) {#name, offset, 1, shift, bits},
#include "script/tcp_info.def"
};

#define FIELDS (sizeof fields / sizeof fields[0])

enum how { SAME, WITHIN };

struct row {
    const char *name;
    enum how how;
    uint64_t low, high;
};

/* Of a connection with nothing outstanding; what has bounds is not compared otherwise. */
static const struct row rows[] = {
    {"state", SAME, 0, 0},
    {"ca_state", SAME, 0, 0},
    {"retransmits", SAME, 0, 0},
    {"probes", SAME, 0, 0},
    {"backoff", SAME, 0, 0},
    {"options", SAME, 0, 0},
    {"snd_wscale", WITHIN, 1, 14}, /* by the size of the receive buffer */
    {"rcv_wscale", WITHIN, 1, 14},
    {"delivery_rate_app_limited", SAME, 0, 0},
    {"fastopen_client_fail", SAME, 0, 0},
    {"rto", WITHIN, 200000, MINUTE_US},
    {"ato", SAME, 0, 0},
    {"snd_mss", SAME, 0, 0},
    {"rcv_mss", SAME, 0, 0},
    {"unacked", SAME, 0, 0},
    {"sacked", SAME, 0, 0},
    {"lost", SAME, 0, 0},
    {"retrans", SAME, 0, 0},
    {"fackets", SAME, 0, 0},
    {"last_data_sent", WITHIN, 0, MINUTE_MS},
    {"last_ack_sent", SAME, 0, 0},
    {"last_data_recv", WITHIN, 0, MINUTE_MS},
    {"last_ack_recv", WITHIN, 0, MINUTE_MS},
    {"pmtu", WITHIN, 65535, 65536}, /* of the loopback, which over IPv6 is one longer in Linux */
    {"rcv_ssthresh", WITHIN, 10000, 10 * MEGABYTE},
    {"rtt", WITHIN, 0, MINUTE_US},
    {"rttvar", WITHIN, 0, MINUTE_US},
    {"snd_ssthresh", SAME, 0, 0},
    {"snd_cwnd", WITHIN, 10, 1000},
    {"advmss", SAME, 0, 0},
    {"reordering", SAME, 0, 0},
    {"rcv_rtt", WITHIN, 0, MINUTE_US},
    {"rcv_space", WITHIN, 9880, MEGABYTE}, /* ten segments at first, and less never */
    {"total_retrans", SAME, 0, 0},
    {"pacing_rate", WITHIN, 1, ANY},
    {"max_pacing_rate", SAME, 0, 0},
    {"bytes_acked", SAME, 0, 0},
    {"bytes_received", SAME, 0, 0},
    {"segs_out", WITHIN, 2, 1000},
    {"segs_in", WITHIN, 1, 1000},
    {"notsent_bytes", SAME, 0, 0},
    {"min_rtt", WITHIN, 1, MINUTE_US},
    {"data_segs_in", SAME, 0, 0},
    {"data_segs_out", SAME, 0, 0},
    {"delivery_rate", WITHIN, 0, ANY},
    {"busy_time", WITHIN, 0, MINUTE_US},
    {"rwnd_limited", SAME, 0, 0},
    {"sndbuf_limited", SAME, 0, 0},
    {"delivered", SAME, 0, 0},
    {"delivered_ce", SAME, 0, 0},
    {"bytes_sent", SAME, 0, 0},
    {"bytes_retrans", SAME, 0, 0},
    {"dsack_dups", SAME, 0, 0},
    {"reord_seen", SAME, 0, 0},
    {"rcv_ooopack", SAME, 0, 0},
    {"snd_wnd", WITHIN, 10000, 10 * MEGABYTE},
    {"rcv_wnd", WITHIN, 10000, 10 * MEGABYTE},
    {"rehash", SAME, 0, 0},
    {"total_rto", SAME, 0, 0},
    {"total_rto_recoveries", SAME, 0, 0},
    {"total_rto_time", SAME, 0, 0},
    {"received_ce", SAME, 0, 0},
    {"delivered_e1_bytes", SAME, 0, 0},
    {"delivered_e0_bytes", SAME, 0, 0},
    {"delivered_ce_bytes", SAME, 0, 0},
    {"received_e1_bytes", SAME, 0, 0},
    {"received_e0_bytes", SAME, 0, 0},
    {"received_ce_bytes", SAME, 0, 0},
    {"accecn_fail_mode", SAME, 0, 0},
    {"accecn_opt_seen", SAME, 0, 0},
};

#define ROWS (sizeof rows / sizeof rows[0])

static const struct row *row_of(const char *name, const struct row *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(from[i].name, name) == 0)
            return &from[i];
    return NULL;
}

static uint64_t value_of(const struct field *f, const uint8_t *info)
{
    uint64_t value = 0;

    for (size_t i = f->bytes; i-- > 0;) /* the host's order, by a sum: of what runs here, little-endian */
        value = value << 8 | info[f->offset + i];
    return f->bits < 8 ? value >> f->shift & ((1u << f->bits) - 1) : value;
}

static void info_of(struct world *w, int slot, uint8_t *info)
{
    socklen_t length = INFO_BYTES;

    memset(info, 0, INFO_BYTES);
    world_settle(w);
    assert_int_equal(WORLD_CALL(w, getsockopt, w->fd[slot], IPPROTO_TCP, TCP_INFO, info, &length), 0);
    if (length < INFO_BYTES)
        skip(); /* a kernel before 6.18 */
}

/* `special` replaces rows for what this stage is about. */
static void stage(struct world *w, const char *name, int slot, const struct row *special, size_t count)
{
    uint8_t info[INFO_BYTES];

    info_of(w, slot, info);
    world_note(w, "%s\n", name);
    for (size_t i = 0; i < FIELDS; i++) {
        const struct row *r = row_of(fields[i].name, special, count);
        uint64_t value = value_of(&fields[i], info);

        if (!r)
            r = row_of(fields[i].name, rows, ROWS);
        if (r->how == SAME)
            world_note(w, "  %s %llu\n", r->name, (unsigned long long)value);
        else if (value < r->low || value > r->high)
            world_note(w, "  %s %llu, not %llu to %llu: %s\n", r->name, (unsigned long long)value,
                       (unsigned long long)r->low, (unsigned long long)r->high, w->name);
    }
}

#define STAGE(w, name, slot, special) stage(w, name, slot, special, sizeof(special) / sizeof((special)[0]))

static uint64_t member(struct world *w, int slot, const char *name)
{
    uint8_t info[INFO_BYTES];

    info_of(w, slot, info);
    for (size_t i = 0; i < FIELDS; i++)
        if (strcmp(fields[i].name, name) == 0)
            return value_of(&fields[i], info);
    fail_msg("no member %s", name);
    return 0;
}

/* ---- conversations ------------------------------------------------------------------------------------ */

static const char text[50000];

struct ends {
    int listener, client, server;
};

/* In segments of `mss` bytes, less timestamps; 0: as long as the loopback's packets. */
static struct ends meet(struct world *w, int mss)
{
    struct ends e;

    w->quiet = true;
    e.listener = world_socket(w, 0);
    world_set(w, e.listener, SOL_SOCKET, SO_REUSEADDR, 1);
    world_set(w, e.listener, IPPROTO_TCP, TCP_MAXSEG, mss);
    world_bind(w, e.listener, WORLD_OWN, w->port);
    world_listen(w, e.listener, 5);
    e.client = world_socket(w, 0);
    world_set(w, e.client, IPPROTO_TCP, TCP_MAXSEG, mss);
    world_set(w, e.client, IPPROTO_TCP, TCP_NODELAY, 1);
    assert_int_equal(world_connect(w, e.client, WORLD_OWN, w->port), 0);
    e.server = world_accept(w, e.listener, 0);
    w->quiet = false;
    return e;
}

static void take(struct world *w, int slot, size_t n)
{
    bool quiet = w->quiet;

    w->quiet = true;
    while (n > 0) {
        long got = world_recv(w, slot, n < 4000 ? n : 4000, 0);

        assert_true(got > 0);
        n -= (size_t)got;
    }
    w->quiet = quiet;
}

static void say(struct world *w, int from, int to, size_t n)
{
    bool quiet = w->quiet;

    w->quiet = true;
    assert_int_equal(world_send(w, from, text, n, 0), n);
    take(w, to, n);
    w->quiet = quiet;
}

static const struct row handshake[] = {
    {"segs_out", SAME, 0, 0},
    {"segs_in", SAME, 0, 0},
    {"rcv_rtt", SAME, 0, 0},
    {"rcv_space", SAME, 0, 0},
};
/* In a virtual time that stands still no rate can be measured. */
static const struct row streamed[] = {
    {"delivery_rate_app_limited", WITHIN, 0, 1},
};
static const struct row talked[] = {
    {"segs_out", SAME, 0, 0},
    {"segs_in", SAME, 0, 0},
};

static void talk(struct world *w, int argument)
{
    struct ends e = meet(w, 1000);

    (void)argument;
    STAGE(w, "client, established", e.client, handshake);
    STAGE(w, "server, established", e.server, handshake);
    for (int i = 0; i < 10; i++) {
        say(w, e.client, e.server, 100);
        say(w, e.server, e.client, 900);
    }
    STAGE(w, "client, after ten questions", e.client, talked);
    STAGE(w, "server, after ten answers", e.server, talked);
    say(w, e.client, e.server, 50000);
    world_sleep(w, 300); /* until all is acknowledged */
    STAGE(w, "client, after 50000 bytes", e.client, streamed);
    stage(w, "server, after 50000 bytes", e.server, NULL, 0);
    world_note(w, "window %d\n", member(w, e.client, "snd_wnd") == member(w, e.server, "rcv_wnd"));
    world_shutdown(w, e.client, SHUT_WR);
    world_sleep(w, 300);
    STAGE(w, "client, in FIN-WAIT-2", e.client, streamed);
    stage(w, "server, in CLOSE-WAIT", e.server, NULL, 0);
}

/* ---- none, not yet, or nobody's ------------------------------------------------------------------------ */

static const struct row nothing[] = {
    {"pmtu", SAME, 0, 0},
    {"rto", SAME, 0, 0},         {"rttvar", SAME, 0, 0},      {"rtt", SAME, 0, 0},
    {"snd_cwnd", SAME, 0, 0},    {"pacing_rate", SAME, 0, 0}, {"min_rtt", SAME, 0, 0},
    {"segs_out", SAME, 0, 0},    {"segs_in", SAME, 0, 0},     {"snd_wscale", SAME, 0, 0},
    {"rcv_wscale", SAME, 0, 0},  {"rcv_space", SAME, 0, 0},   {"rcv_ssthresh", SAME, 0, 0},
    {"snd_wnd", SAME, 0, 0},     {"rcv_wnd", SAME, 0, 0},     {"delivery_rate", SAME, 0, 0},
    {"busy_time", SAME, 0, 0},
    {"last_data_sent", WITHIN, 0, ANY}, /* since the machine was started */
    {"last_data_recv", WITHIN, 0, ANY}, {"last_ack_recv", WITHIN, 0, ANY},
};
/* The SYN goes again each second in Linux, and after twice the time here. */
static const struct row silence[] = {
    {"pmtu", SAME, 0, 0}, /* of another link: 1500 */
    {"backoff", WITHIN, 0, 1},    {"rto", WITHIN, 1000000, 2000000}, {"snd_cwnd", WITHIN, 1, 10},
    {"rcv_mss", WITHIN, 88, 536}, {"rehash", WITHIN, 0, 1},          {"total_rto_time", WITHIN, 100, MINUTE_MS},
    {"rttvar", SAME, 0, 0},       {"rtt", SAME, 0, 0},               {"min_rtt", SAME, 0, 0},
    {"snd_wscale", SAME, 0, 0},   {"rcv_wscale", SAME, 0, 0},        {"snd_wnd", SAME, 0, 0},
    {"segs_in", SAME, 0, 0},      {"rcv_space", SAME, 0, 0},
    {"last_data_sent", WITHIN, 0, ANY}, {"last_data_recv", WITHIN, 0, ANY}, {"last_ack_recv", WITHIN, 0, ANY},
};

static void lonely(struct world *w, int argument)
{
    int s = world_socket(w, 0), far = world_socket(w, SOCK_NONBLOCK), waits;

    (void)argument;
    STAGE(w, "fresh", s, nothing);
    world_bind(w, s, WORLD_OWN, w->port);
    STAGE(w, "bound", s, nothing);
    world_listen(w, s, 5);
    STAGE(w, "listens", s, nothing);
    waits = world_socket(w, 0);
    world_connect(w, waits, WORLD_OWN, w->port);
    STAGE(w, "one waits for accept()", s, nothing);
    world_connect(w, far, WORLD_FAR, 99);
    world_sleep(w, 1500);
    STAGE(w, "the SYN went twice", far, silence);
}

/* ---- a reader who does not read -------------------------------------------------------------------------- */

/* Both buffers fill, of their own sizes, by their own steps; what Linux's has no room for it drops. */
static const struct row stuck_client[] = {
    {"advmss", WITHIN, 60000, 65535},
    {"notsent_bytes", WITHIN, 1, 100 * MEGABYTE},
    {"bytes_sent", WITHIN, 10000, 100 * MEGABYTE},
    {"bytes_acked", WITHIN, 10000, 100 * MEGABYTE},
    {"data_segs_out", WITHIN, 2, MEGABYTE},
    {"segs_out", WITHIN, 3, MEGABYTE},
    {"segs_in", WITHIN, 2, MEGABYTE},
    {"delivered", WITHIN, 2, MEGABYTE},
    {"snd_mss", WITHIN, 10000, 65535}, /* Linux: half of the greatest window at most */
    {"rcv_space", WITHIN, 10000, 10 * MEGABYTE},
    {"busy_time", WITHIN, 40000, MINUTE_US},
    {"rwnd_limited", WITHIN, 40000, MINUTE_US},
    {"snd_wnd", WITHIN, 0, 10 * MEGABYTE},
    {"snd_cwnd", WITHIN, 10, MEGABYTE},
    {"unacked", WITHIN, 0, 100},
    {"ca_state", WITHIN, 0, 4},
    {"sacked", WITHIN, 0, 100},
    {"lost", WITHIN, 0, 100},
    {"retrans", WITHIN, 0, 100},
    {"total_retrans", WITHIN, 0, 10},
    {"bytes_retrans", WITHIN, 0, MEGABYTE},
    {"dsack_dups", WITHIN, 0, 10},
    {"probes", WITHIN, 0, 3},
    {"backoff", WITHIN, 0, 3},
    {"delivery_rate_app_limited", WITHIN, 0, 1},
};
static const struct row stuck_server[] = {
    {"advmss", WITHIN, 60000, 65535},
    {"bytes_received", WITHIN, 10000, 100 * MEGABYTE},
    {"data_segs_in", WITHIN, 2, MEGABYTE},
    {"segs_out", WITHIN, 1, MEGABYTE},
    {"segs_in", WITHIN, 3, MEGABYTE},
    {"snd_mss", WITHIN, 10000, 65535},
    {"rcv_mss", WITHIN, 536, 65535},
    {"rcv_space", WITHIN, 10000, 10 * MEGABYTE},
    {"rcv_wnd", WITHIN, 0, 10 * MEGABYTE},
    {"ato", WITHIN, 1, 200000},
};

static void stuck(struct world *w, int argument)
{
    struct ends e = meet(w, 0);
    long n;

    (void)argument;
    w->quiet = true;
    world_nonblock(w, e.client);
    do
        n = world_send(w, e.client, text, sizeof text, 0);
    while (n > 0);
    world_sleep(w, 60);
    w->quiet = false;
    STAGE(w, "client, whose peer does not read", e.client, stuck_client);
    STAGE(w, "server, who does not read", e.server, stuck_server);
    world_note(w, "acknowledged %d\n",
               member(w, e.client, "bytes_acked") == 1 + member(w, e.server, "bytes_received"));
}

/* ---- tests ----------------------------------------------------------------------------------------------- */

enum { TRIES = 3 };

/* Linux's numbers change with the time in which this process has to wait for the machine: an acknowledgment
 * more, a longer timeout for them.  Ours do not. */
static void compare(const char *label, void (*program)(struct world *w, int argument))
{
    if (!world_kernel_ready())
        skip();
    for (enum world_family family = 0; family < WORLD_FAMILIES; family++) {
        int tries = 0;

        while (!world_compare(family, label, program, 0))
            assert_true(++tries < TRIES);
    }
}

static void a_conversation(void **state)
{
    (void)state;
    compare("a conversation", talk);
}

static void none_or_nobody(void **state)
{
    (void)state;
    compare("no connection", lonely);
}

static void a_full_window(void **state)
{
    (void)state;
    compare("a full window", stuck);
}

static void every_member_has_a_row(void **state)
{
    (void)state;
    assert_int_equal(FIELDS, ROWS);
    for (size_t i = 0; i < FIELDS; i++)
        if (!row_of(fields[i].name, rows, ROWS))
            fail_msg("%s has no row", fields[i].name);
    assert_int_equal(fields[FIELDS - 1].offset + fields[FIELDS - 1].bytes, INFO_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_has_a_row),
        cmocka_unit_test(a_conversation),
        cmocka_unit_test(none_or_nobody),
        cmocka_unit_test(a_full_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
