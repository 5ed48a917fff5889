/* SPDX-License-Identifier: MIT */
/*
 * Capture files: their bytes by a literal hash, their contents by tshark, and the cutting of
 * super-segments by the onlooker's own parser.
 */
#include "capture/pcapng.h"
#include "capture/segment.h"
#include "support/made_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SEGMENT 1000u

static uint8_t bytes[MADE_FRAME_MAX];

static struct made_tcp segment(uint32_t length)
{
    return (struct made_tcp){
        .src = {estab_ipv4(10, 11, 0, 101), 40000},
        .dst = {estab_ipv4(10, 11, 0, 1), 3333},
        .seq = UINT32_C(0xfffffff0),
        .ack = 1,
        .window = 65535,
        .id = 0xffff,
        .flags = CTL_ACK,
        .length = length,
    };
}

static struct names names(void)
{
    struct names n = {.count = 0};
    assert_true(names_add(&n, estab_ipv4(10, 11, 0, 1), "server"));
    assert_true(names_add(&n, estab_ipv4(10, 11, 0, 101), "client"));
    return n;
}

/* A file in memory, and what was written to it. */
struct memory {
    FILE *file;
    char *bytes;
    size_t n;
};

static struct pcapng *memory_open(struct memory *m)
{
    struct pcapng *p;
    m->file = open_memstream(&m->bytes, &m->n);
    assert_non_null(m->file);
    p = pcapng_stream(m->file, "memory", "estab test", 0);
    assert_non_null(p);
    return p;
}

static void memory_close(struct memory *m)
{
    fclose(m->file);
    free(m->bytes);
}

static uint64_t fnv1a(const char *p, size_t n)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- bytes ---- */

static void two_frames_are_these_bytes(void **state)
{
    (void)state;
    static const char *const comments[] = {"server: LISTEN -> SYN-RECEIVED", "", NULL, "odd"};
    static const uint8_t begin[] = {0x0a, 0x0d, 0x0d, 0x0a, 48, 0, 0, 0,
                                    0x4d, 0x3c, 0x2b, 0x1a, 1,  0, 0, 0};
    struct names n = names();
    struct made_tcp m = segment(3);
    struct memory memory;
    struct pcapng *p = memory_open(&memory);
    struct estab_frame frame;

    assert_int_equal(pcapng_interface(p, ESTAB_LINK_ETHERNET, "estab0"), 0);
    assert_int_equal(pcapng_interface(p, ESTAB_LINK_IP, NULL), 1);
    pcapng_names(p, &n);
    frame = made_frame(bytes, made_tcp(bytes, &m, false), false);
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, comments, 4, 20135000);
    frame = made_frame(bytes, made_tcp(bytes, &m, true), true);
    pcapng_frame(p, 1, PCAPNG_IN, &frame, NULL, 0, UINT64_C(5000000000123456789));
    assert_int_equal(pcapng_packets(p), 2);
    assert_null(pcapng_error(p));
    assert_true(pcapng_close(p, NULL));
    fflush(memory.file);
    assert_memory_equal(memory.bytes, begin, sizeof begin);
    assert_int_equal(memory.n % 4, 0);
    assert_int_equal(memory.n, 48 + 44 + 32 + 48 + 148 + 88);
    assert_true(fnv1a(memory.bytes, memory.n) == UINT64_C(0xe534a62ac216b825));
    memory_close(&memory);
}

/* ---- errors ---- */

static void errors_have_sentences(void **state)
{
    (void)state;
    char why[PCAPNG_ERROR_MAX];
    struct made_tcp m = segment(60000);
    struct pcapng *p = pcapng_create("/nonexistent/a.pcapng", "estab", 0);
    struct estab_frame frame = made_frame(bytes, made_tcp(bytes, &m, true), true);

    assert_non_null(p);
    assert_string_equal(pcapng_error(p),
                        "cannot create /nonexistent/a.pcapng: No such file or directory");
    assert_int_equal(pcapng_interface(p, ESTAB_LINK_IP, "a"), -1);
    pcapng_flush(p);
    assert_false(pcapng_close(p, why));
    assert_string_equal(why, "cannot create /nonexistent/a.pcapng: No such file or directory");

    p = pcapng_create("/dev/full", "estab", 0);
    assert_non_null(p);
    assert_int_equal(pcapng_interface(p, ESTAB_LINK_IP, "a"), 0);
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, NULL, 0, 0);
    pcapng_flush(p);
    assert_string_equal(pcapng_error(p), "cannot write /dev/full: No space left on device");
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, NULL, 0, 0);
    assert_false(pcapng_close(p, why));
    assert_string_equal(why, "cannot write /dev/full: No space left on device");

    struct memory memory;
    p = memory_open(&memory);
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, NULL, 0, 0);
    assert_string_equal(
        pcapng_error(p),
        "cannot write memory: interface 0 is not described, or has another link type");
    assert_false(pcapng_close(p, NULL));
    memory_close(&memory);

    p = memory_open(&memory);
    for (int i = 0; i < PCAPNG_INTERFACES_MAX; i++)
        assert_int_equal(pcapng_interface(p, ESTAB_LINK_IP, "x"), i);
    assert_int_equal(pcapng_interface(p, ESTAB_LINK_IP, "x"), -1);
    frame.length = PCAPNG_PACKET_MAX + 1;
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, NULL, 0, 0);
    assert_string_equal(pcapng_error(p),
                        "cannot write memory: a frame of 1048577 bytes, more than 1048576");
    assert_false(pcapng_close(p, NULL));
    memory_close(&memory);
}

/* ---- checksums and cuts ---- */

/* The pseudo header's sum, as ESTAB_CHECKSUM_FINISH has it in the field. */
static void unfinish(uint8_t *tcp, const uint8_t *ip, size_t length)
{
    uint16_t sum = (uint16_t)~made_sum(6 + (uint32_t)length, ip + 12, 8);
    tcp[16] = (uint8_t)(sum >> 8);
    tcp[17] = (uint8_t)sum;
}

static void unfinished_checksums_are_completed(void **state)
{
    (void)state;
    static const uint8_t states[] = {ESTAB_CHECKSUM_FINISH, ESTAB_CHECKSUM_GOOD};

    for (unsigned i = 0; i < 2; i++) {
        for (uint32_t length = 0; length < 4; length++) {
            struct made_tcp m = segment(length);
            uint8_t whole[MADE_FRAME_MAX];
            size_t n = made_tcp(whole, &m, false);
            struct estab_frame frame = made_frame(bytes, n, false);

            memcpy(bytes, whole, n);
            unfinish(bytes + 34, bytes + 14, n - 34);
            frame.checksum = states[i];
            frame.checksum_start = 34;
            frame.checksum_offset = 16;
            segment_finish(&frame, bytes, n);
            assert_memory_equal(bytes, whole, n);
            segment_finish(&(struct estab_frame){.checksum = ESTAB_CHECKSUM_GOOD}, bytes, n);
            assert_memory_equal(bytes, whole, n); /* complete already */
        }
    }
    bytes[50] ^= 1; /* to be verified: it stays as it came */
    uint8_t before = bytes[50];
    struct estab_frame frame = made_frame(bytes, 57, false);
    segment_finish(&frame, bytes, 57);
    assert_int_equal(bytes[50], before);
}

static void super_segments_are_cut(void **state)
{
    (void)state;
    struct made_tcp m = segment(2 * SEGMENT + 1);
    struct frame_view whole, v;
    uint8_t out[2000];
    size_t n;

    m.flags = CTL_ACK | CTL_PSH | CTL_FIN | CTL_URG | CTL_CWR;
    m.urgent = SEGMENT + 5;
    m.options = "\x01\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02";
    m.options_length = 12;
    n = made_tcp(bytes, &m, false);
    for (size_t i = n - m.length; i < n; i++)
        bytes[i] = (uint8_t)(i * 7);
    view_bytes(&whole, bytes, n, ESTAB_LINK_ETHERNET);
    assert_int_equal(segment_count(&whole, SEGMENT), 3);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t length = i < 2 ? SEGMENT : 1;
        size_t got = segment_cut(&whole, bytes, SEGMENT, i, out);
        assert_int_equal(got, 66 + length);
        view_bytes(&v, out, got, ESTAB_LINK_ETHERNET);
        assert_null(v.malformed);
        assert_int_equal(v.checksum, VIEW_SUM_GOOD);
        assert_int_equal(v.ip_id, (uint16_t)(0xffff + i));
        assert_int_equal(v.tcp.seq, m.seq + i * SEGMENT);
        assert_int_equal(v.tcp.tsval, 1);
        assert_int_equal(v.payload_length, length);
        assert_memory_equal(out + 66, bytes + 66 + i * SEGMENT, length);
        assert_int_equal(v.tcp.flags & (CTL_PSH | CTL_FIN), i == 2 ? CTL_PSH | CTL_FIN : 0);
        assert_int_equal(v.tcp.flags & CTL_CWR, i == 0 ? CTL_CWR : 0);
        assert_int_equal(v.tcp.flags & CTL_URG, i < 2 ? CTL_URG : 0);
        assert_int_equal(v.tcp.urgent, i == 0 ? SEGMENT + 5 : i == 1 ? 5 : 0);
    }
    assert_int_equal(segment_count(&whole, 0), 1);
    assert_int_equal(segment_count(&whole, 2 * SEGMENT + 1), 1);
    whole.malformed = "broken";
    assert_int_equal(segment_count(&whole, SEGMENT), 1);
}

/* ---- tshark's opinion ---- */

static bool have_tshark(void)
{
    return system("command -v tshark >/dev/null 2>&1") == 0;
}

/* What tshark prints, with checksums verified. */
static void tshark(char *out, size_t size, const char *file, const char *arguments)
{
    char command[512];
    size_t n;

    snprintf(command, sizeof command,
             "unset LD_PRELOAD; exec tshark -n -r %s -o ip.check_checksum:TRUE "
             "-o tcp.check_checksum:TRUE %s 2>/dev/null",
             file, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    n = fread(out, 1, size - 1, pipe);
    out[n] = '\0';
    assert_int_equal(pclose(pipe), 0);
}

static void write_conversation(const char *path)
{
    static const char *const moves[] = {"client: CLOSED -> SYN-SENT", "sent: open"};
    static const char *const closing[] = {"client: FIN-WAIT-1 -> CLOSING"};
    struct pcapng *p = pcapng_create(path, "estab test", UINT64_C(1700000000) * ESTAB_SECOND);
    struct made_tcp m = segment(0);
    struct names n = names();
    struct estab_frame frame;
    size_t length;

    assert_non_null(p);
    assert_int_equal(pcapng_interface(p, ESTAB_LINK_ETHERNET, "estab0"), 0);
    assert_int_equal(pcapng_interface(p, ESTAB_LINK_IP, "tun0"), 1);
    pcapng_names(p, &n);
    length = made_arp(bytes, 1, m.src.addr, m.dst.addr);
    frame = made_frame(bytes, length, false);
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, NULL, 0, 0);
    m.flags = CTL_SYN;
    m.ack = 0;
    m.options = "\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x01\x03\x03\x07";
    m.options_length = 20;
    frame = made_frame(bytes, made_tcp(bytes, &m, false), false);
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, moves, 2, 20135000);
    m = segment(2500);
    m.seq++;
    m.flags = CTL_ACK | CTL_PSH | CTL_FIN;
    length = made_tcp(bytes, &m, false);
    unfinish(bytes + 34, bytes + 14, length - 34);
    frame = made_frame(bytes, length, false);
    frame.checksum = ESTAB_CHECKSUM_FINISH;
    frame.checksum_start = 34;
    frame.checksum_offset = 16;
    frame.segment_size = SEGMENT;
    pcapng_frame(p, 0, PCAPNG_OUT, &frame, closing, 1, 20135001);
    m = segment(1);
    length = made_tcp(bytes, &m, true);
    unfinish(bytes + 20, bytes, length - 20);
    frame = made_frame(bytes, length, true);
    frame.checksum = ESTAB_CHECKSUM_GOOD; /* the kernel never finished it */
    pcapng_frame(p, 1, PCAPNG_IN, &frame, NULL, 0, 20136000);
    assert_int_equal(pcapng_packets(p), 6);
    assert_true(pcapng_close(p, NULL));
}

static void tshark_reads_what_was_written(void **state)
{
    (void)state;
    char path[] = "/tmp/estab-test-XXXXXX", out[8192];
    int fd;

    if (!have_tshark()) {
        print_message("tshark is missing\n");
        skip();
    }
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_conversation(path);
    tshark(out, sizeof out, path,
           "-T fields -e frame.time_epoch -e frame.interface_name -e frame.packet_flags "
           "-e ip.id -e tcp.seq_raw -e tcp.len -e tcp.flags -e tcp.checksum.status");
    assert_string_equal(
        out, "1700000000.000000000\testab0\t0x00000002\t\t\t\t\t\n"
             "1700000000.020135000\testab0\t0x00000002\t0xffff\t4294967280\t0\t0x0002\t1\n"
             "1700000000.020135001\testab0\t0x00000002\t0xffff\t4294967281\t1000\t0x0010\t1\n"
             "1700000000.020135001\testab0\t0x00000002\t0x0000\t985\t1000\t0x0010\t1\n"
             "1700000000.020135001\testab0\t0x00000002\t0x0001\t1985\t500\t0x0019\t1\n"
             "1700000000.020136000\ttun0\t0x00000001\t0xffff\t4294967280\t1\t0x0010\t1\n");
    tshark(out, sizeof out, path,
           "-T fields -e frame.comment -Y 'frame.comment contains \"SENT\"'");
    assert_string_equal(out, "client: CLOSED -> SYN-SENT,sent: open\n");
    tshark(out, sizeof out, path,
           "-T fields -e frame.number "
           "-Y 'frame.comment contains \"CLOSING\"'");
    assert_string_equal(out, "3\n");
    tshark(out, sizeof out, path,
           "-T fields -e frame.number -Y '_ws.malformed || tcp.checksum.status == 0 || "
           "ip.checksum.status == 0'");
    assert_string_equal(out, "");
    tshark(out, sizeof out, path, "-Nn -T fields -e ip.src_host -e ip.dst_host -c 2");
    assert_string_equal(out, "\t\nclient\tserver\n");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_frames_are_these_bytes),
        cmocka_unit_test(errors_have_sentences),
        cmocka_unit_test(unfinished_checksums_are_completed),
        cmocka_unit_test(super_segments_are_cut),
        cmocka_unit_test(tshark_reads_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
