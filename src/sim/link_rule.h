/* SPDX-License-Identifier: MIT */
/*
 * link_rule.h - "the Nth frame that matches a filter", and how people write it.
 *
 *      drop 2 data                          the second segment with text
 *      drop every rst                       all resets
 *      delay 1 syn ack 300ms                holds the first SYN,ACK back, lets later frames pass
 *      duplicate 3 data port 80 500ms       a copy of the third arrives 500 ms later
 *      corrupt the 4th data min 1000        flips a bit in the fourth of 1000 bytes or more
 *
 *      RULE   = ACTION [the] [N | every] FILTER... [TIME]           without N: every
 *      FILTER = tcp | syn ack fin rst psh urg | no-syn no-ack ...   flags set, flags clear
 *             | data | no-data | port N | min BYTES                 (either port; the whole frame)
 *
 * All words of a filter must hold.  A filter without words matches each frame, ARP included; with
 * any word but `min` it matches only well-formed TCP over IPv4 or IPv6 (first fragments; IPv6
 * without extension headers).
 */
#ifndef SIM_LINK_RULE_H
#define SIM_LINK_RULE_H

#include "sim/link_config.h"

enum link_action {
    LINK_DROP,
    LINK_DUPLICATE,
    LINK_DELAY,
    LINK_CORRUPT,
    LINK_ACTIONS,
};

enum link_text {
    LINK_TEXT_ANY,
    LINK_TEXT_SOME, /* data */
    LINK_TEXT_NONE, /* no-data */
};

enum link_flag { /* as in the TCP header */
                 LINK_FIN = 0x01,
                 LINK_SYN = 0x02,
                 LINK_RST = 0x04,
                 LINK_PSH = 0x08,
                 LINK_ACK = 0x10,
                 LINK_URG = 0x20,
};

/* All zero matches each frame. */
struct link_filter {
    uint8_t flags_set, flags_clear; /* enum link_flag */
    uint8_t text;                   /* enum link_text */
    bool tcp;
    uint16_t port;       /* source or destination; 0: any */
    uint32_t min_length; /* bytes of the frame, link header included */
};

struct link_rule {
    struct link_filter filter;
    uint64_t nth; /* of the frames that match, from 1; 0: every one */
    enum link_action action;
    estab_time delay_ns; /* LINK_DELAY: held back for; LINK_DUPLICATE: the copy comes later by */
};

/* Whether the frame matches.  `link` is enum estab_link. */
ESTAB_MUST_CHECK bool link_filter_match(const struct link_filter *filter, const uint8_t *bytes,
                                        size_t n, uint8_t link);

/* False: `rule` is as it was, and `error` (of LINK_ERROR_MAX bytes) holds a sentence that says what
 * was expected. */
ESTAB_MUST_CHECK bool link_rule_parse(struct link_rule *rule, const char *text,
                                      char error[LINK_ERROR_MAX]);
/* The text from which link_rule_parse makes this rule. */
void link_rule_text(const struct link_rule *rule, char text[LINK_TEXT_MAX]);

#endif
