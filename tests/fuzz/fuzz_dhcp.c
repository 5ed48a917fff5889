/* SPDX-License-Identifier: MIT */
/*
 * Any bytes are a message of DHCP, whole or as what follows a good head, as the first octet says.  Whatever is
 * read is within its bounds, and what is written of it reads the same.
 */
#include <stdlib.h>
#include <string.h>

#include "names/dhcp_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { LEAD = DHCP_FIXED + 4 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct dhcp_message *m)
{
    uint8_t out[DHCP_WRITE_MAX];
    struct dhcp_message again;
    size_t length = dhcp_write(out, m);

    expect(m->routers <= DHCP_SERVERS_MAX && m->dns <= DHCP_SERVERS_MAX && m->prefix_length <= 32);
    expect(length >= DHCP_LEAST && length <= DHCP_WRITE_MAX);
    expect(dhcp_read(out, length, &again) == DHCP_NONE);
    expect(again.type == m->type && again.xid == m->xid && again.lease == m->lease &&
           again.prefix_length == m->prefix_length &&
           memcmp(&again.yours, &m->yours, sizeof m->yours) == 0 &&
           memcmp(&again.server, &m->server, sizeof m->server) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t head[] = {2, 1, 6, 0, 1, 2, 3, 4};
    struct dhcp_message m;
    enum dhcp_fault fault;
    uint8_t *message;
    size_t lead;

    if (n < 1 || n > 4096)
        return 0;
    lead = data[0] & 1 ? LEAD : 0;
    message = calloc(1, lead + n - 1 ? lead + n - 1 : 1); /* of just that size: a sanitizer sees its end */
    expect(message);
    if (lead) {
        memcpy(message, head, sizeof head);
        memcpy(message + DHCP_FIXED, "\x63\x82\x53\x63", 4);
        if (n > 200) /* file and sname, for options there */
            memcpy(message + 44, data + n - 192, 192);
    }
    memcpy(message + lead, data + 1, n - 1);
    fault = dhcp_read(message, lead + n - 1, &m);
    expect(dhcp_fault_info(fault).sentence[0] != '\0');
    if (fault == DHCP_NONE)
        check(&m);
    free(message);
    return 0;
}
