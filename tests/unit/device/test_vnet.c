/* SPDX-License-Identifier: MIT */
/* The header that the kernel reads in front of a frame: checksums to be finished, and what is to be cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/vnet.h"
#include "support/made_frame.h"

/* A super-segment of 3000 bytes, with its headers in the head and its text in a part. */
static struct virtio_net_hdr written(uint8_t flags, bool bare)
{
    static uint8_t bytes[4000];
    struct made_tcp m = {.src = {estab_ipv4(10, 0, 0, 1), 1},
                         .dst = {estab_ipv4(10, 0, 0, 2), 2},
                         .flags = flags,
                         .length = 3000};
    size_t n = made_tcp(bytes, &m, bare);
    struct estab_frame f = {.length = (uint32_t)n,
                            .link = bare ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET,
                            .segment_size = 1000,
                            .head_length = (uint8_t)(n - 3000),
                            .parts = 1,
                            .part = {{bytes + n - 3000, 3000}}};

    memcpy(f.head, bytes, f.head_length);
    return vnet_write(&f);
}

static void super_segments_are_cut(void **state)
{
    (void)state;
    for (unsigned bare = 0; bare < 2; bare++) {
        struct virtio_net_hdr h = written(0x10, bare);

        assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
        assert_int_equal(h.gso_size, 1000);
        assert_int_equal(h.hdr_len, bare ? 40 : 54);
    }
}

/* RFC 3168 section 6.1.2: of what is cut from it, the first says CWR. */
static void cwr_is_the_first_ones(void **state)
{
    (void)state;
    for (unsigned bare = 0; bare < 2; bare++) {
        assert_int_equal(written(0x90, bare).gso_type,
                         VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
        assert_int_equal(written(0x50, bare).gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    }
}

static void one_with_cwr_is_still_cut(void **state)
{
    struct virtio_net_hdr h = {.gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                               .gso_size = 1448};
    struct estab_frame f = {0};

    (void)state;
    vnet_read(&h, &f);
    assert_int_equal(f.segment_size, 1448);
    h.gso_type = VIRTIO_NET_HDR_GSO_NONE;
    vnet_read(&h, &f);
    assert_int_equal(f.segment_size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(super_segments_are_cut),
        cmocka_unit_test(cwr_is_the_first_ones),
        cmocka_unit_test(one_with_cwr_is_still_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
