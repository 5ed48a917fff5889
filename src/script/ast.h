/* SPDX-License-Identifier: MIT */
/*
 * ast.h - a script as it was parsed.
 *
 *      script := option* command? event+
 *      event  := time (packet | call | command | code)
 *
 * Everything lies in the script's arena and is constant once parsed.  Numbers are what the script
 * says; how they become those of a live connection is packet.h's business.
 */
#ifndef SCRIPT_AST_H
#define SCRIPT_AST_H

#include <stddef.h>

#include "script/fault.h"

/* ---- expressions of calls ------------------------------------------------------------------------ */

enum expr_kind {
    EXPR_ELLIPSIS, /* ...                    whatever is usual, or: not compared */
    EXPR_INTEGER,  /* 1000, 0x2 */
    EXPR_WORD,     /* SOCK_STREAM            a constant's name */
    EXPR_STRING,   /* "abc" "def"            its bytes */
    EXPR_PREFIX,   /* "cub"...               bytes that begin so */
    EXPR_OR,       /* O_RDWR|O_NONBLOCK      list: the parts */
    EXPR_LIST,     /* [1], [{...}, {...}]    list: the elements */
    EXPR_GROUP,    /* {events=EPOLLIN, fd=4} list: the members, mostly FIELDs */
    EXPR_FIELD,    /* msg_iov(1)=[...]       text: its name; list: count or NULL, then the value */
    EXPR_CALL,     /* htons(8080)            text: its name; list: the arguments */
};

struct expr {
    enum expr_kind kind;
    struct span at;
    const char *text;
    size_t length; /* of the text */
    int64_t number;
    struct expr *list; /* the first of its parts */
    struct expr *count; /* FIELD: what stood in parentheses, or NULL */
    struct expr *next;  /* in the list that this is in */
};

/* ---- packets ---------------------------------------------------------------------------------------- */

enum packet_kind { PACKET_TCP, PACKET_ICMP, PACKET_UDP };

enum tos_check { TOS_ANY, TOS_BYTE, TOS_ECN, TOS_ECT01 };

#define PACKET_OPTIONS_MAX 40

struct packet_spec {
    enum packet_kind kind;
    bool out;
    struct span at;
    /* Of the IP header. */
    enum tos_check tos_check;
    uint8_t tos; /* a byte, or two bits of ECN */
    uint8_t ttl; /* 0: not given */
    bool flow_label;
    uint32_t flow; /* 20 bits */
    const char *tunnel; /* "GRE", "MPLS", "IPv4 in IPv4": a header around it; or NULL */
    /* Ports, if given; else 0. */
    uint16_t sport, dport;
    /* TCP */
    uint16_t flags;     /* enum tcp_ctl, and PACKET_AE */
    bool ace;           /* the three bits AE, CWR, ECE were given as a number */
    bool has_ack;       /* `ack N` was written */
    bool any_window;    /* `win` was not */
    bool any_options;   /* <...> */
    uint8_t option_length;
    uint8_t option[PACKET_OPTIONS_MAX];
    uint16_t window, urgent;
    uint32_t seq, ack, length; /* the length also of UDP, and of what ICMP echoes */
    /* ICMP */
    struct packet_icmp {
        bool known; /* it has such a message */
        uint8_t type, code;
    } icmp[2];          /* of ICMPv4, and of ICMPv6 */
    const char *message; /* its name in the script, where one of them does not know it */
    int64_t mtu;        /* -1: not given */
    uint16_t icmp_id;
    enum packet_kind echoed; /* of the packet that it answers */
    bool has_echoed;
};

#define PACKET_AE 0x100 /* the AE bit of RFC 9768, beside those of enum tcp_ctl */

/* ---- events ------------------------------------------------------------------------------------------- */

struct call_spec {
    const char *name;
    struct span at;
    bool blocking;
    int64_t end_us; /* blocking: when it returns, in the event's kind of time */
    struct expr *arguments;
    unsigned count;
    struct expr *result;
    const char *error; /* "EAGAIN", or NULL */
    const char *note;  /* what stands in parentheses behind it, or NULL */
};

enum event_kind { EVENT_PACKET, EVENT_CALL, EVENT_COMMAND, EVENT_CODE };

enum event_time { TIME_ABSOLUTE, TIME_RELATIVE, TIME_ANY, TIME_RANGE, TIME_RELATIVE_RANGE };

struct event {
    enum event_kind kind;
    enum event_time time;
    struct span at;
    int64_t begin_us, end_us; /* end: of a range */
    union {
        const struct packet_spec *packet;
        const struct call_spec *call;
        const char *text; /* of a command, of code */
    };
    struct span text_at; /* where the text begins */
    struct event *next;
};

struct script_option {
    const char *name, *value; /* value: "" if there was none */
    struct span at;
    struct script_option *next;
};

struct script {
    struct script_option *options;
    const char *preamble; /* the command before the first event, or NULL */
    struct span preamble_at;
    struct event *events;
    unsigned event_count;
    const char *cleanup; /* a command behind the last event, or NULL */
};

#endif
