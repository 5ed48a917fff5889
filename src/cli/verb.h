/* SPDX-License-Identifier: MIT */
/*
 * verb.h - the command line as data: verbs, their options, and what a verb is given.
 *
 * verb.def lists the verbs and option.def the options, once each.  Parsing (parse.c), --help
 * (help.c), the manual pages (man.c) and the completions (completion.c) are all read off these
 * rows, so that none of them can promise what another does not keep.
 *
 * A verb sees only a `struct cli_options`: every value checked, every default filled in.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/link_config.h"
#include "sim/link_rule.h"

/* What the process ends with. */
#define CLI_EXITS(X)                                                                               \
    X(OK, 0, "done")                                                                               \
    X(FAILED, 1, "an expectation or an invariant failed")                                          \
    X(USAGE, 2, "the command line is wrong")                                                       \
    X(INPUT, 3, "bad input")                                                                       \
    X(PERMISSION, 4, "a permission is missing")                                                    \
    X(REFUSED, 5, "the peer refused or reset the connection")                                      \
    X(TIMED_OUT, 6, "timed out")                                                                   \
    X(INTERRUPTED, 130, "interrupted")

enum cli_exit {
#define X(name, number, meaning) CLI_##name = number,
    CLI_EXITS(X)
#undef X
};

enum cli_option_id {
#define OPTION(id, ...) OPT_##id,
#include "cli/option.def"
    OPTIONS
};

/* --on: what carries the frames. */
enum cli_on_kind { ON_SIM, ON_KERNEL, ON_PACKET, ON_TAP, ON_WIRE };

struct cli_on {
    enum cli_on_kind kind;
    char name[24]; /* of the interface, for packet and tap, or of the wire; else "" */
};

struct cli_prefix {
    uint8_t address[4]; /* of IPv4 */
    uint8_t length;
    bool six;
    bool dhcp; /* the word: there is no address yet */
    bool automatic; /* as the routers of the link will say */
    struct estab_addr host; /* of either family */
};

#define CLI_SERVERS_MAX 3

struct cli_servers {
    unsigned count;
    struct estab_addr address[CLI_SERVERS_MAX];
};

enum cli_ts { TS_RELATIVE, TS_ABSOLUTE, TS_DELTA };
enum cli_format { FORMAT_TEXT, FORMAT_DOT, FORMAT_SVG, FORMAT_JSON };

#define CLI_NEVER_MS  UINT64_MAX /* of a duration: not at all */
#define CLI_RULES_MAX 16
#define CLI_WORDS_MAX 32

struct cli_rules {
    unsigned count;
    struct link_rule rule[CLI_RULES_MAX];
};

#define CLI_TEXTS_MAX 1024

/* Words of the command line that may be given several times, in the order given. */
struct cli_texts {
    unsigned count;
    const char *text[CLI_TEXTS_MAX];
};

/* Every member has its value; cli_given tells whether the user chose it. */
struct cli_options {
    const struct cli_verb *verb;
    uint64_t given; /* bits of enum cli_option_id */

    /* Verbs with a wire. */
    struct cli_on on;
    const char *name;          /* ours on a wire; NULL: the hub gives one */
    struct cli_prefix ip;      /* only if given */
    uint64_t seed;             /* drawn from the system unless given */
    uint64_t msl_ms;           /* the verb's default unless given: --rfc may then raise it */
    bool rfc;                  /* the RFC's values instead of Linux's habits */
    struct link_config impair; /* --impair "delay 20ms loss 1%"; a perfect link unless given */
    struct cli_rules rules;    /* --rule "drop 2 data", in the order given */

    /* Output. */
    bool json, why;
    bool absolute_seq; /* -S */
    uint8_t ts;        /* enum cli_ts */
    unsigned verbose;
    bool colour;       /* decided: --color, NO_COLOR, and whether stdout is a terminal */
    const char *write; /* -w FILE, "-" for stdout; or NULL */

    /* listen, connect */
    const char *host;    /* a name or an address; the verb resolves it */
    uint16_t port;       /* to listen on, or to connect to; 0: the service's own (serve) */
    struct cli_servers dns; /* connect: whom to ask for names, in the order given */
    uint16_t local_port; /* connect -p; 0: the stack chooses */
    uint64_t hold_ms;    /* connect: from ESTABLISHED to our CLOSE; CLI_NEVER_MS */
    uint16_t publish;    /* only if given */
    uint64_t close_ms;   /* listen: from the peer's FIN to our CLOSE; CLI_NEVER_MS */
    uint32_t iss;        /* only if given */
    uint8_t mac[6];      /* only if given */
    bool leave_open;     /* serve print */

    /* netstat */
    bool all, listening, numeric, programs, timers, statistics;
    bool tcp, udp; /* neither, as both: all there is */
    bool listens;        /* craft -l */
    const char *file;    /* craft -f FILE; or NULL */

    /* capture; its filter is in `word` */
    const char *read, *interface; /* -r, -i; or NULL */
    uint32_t packets;             /* -c; 0: no end */
    bool interfaces;              /* -D */

    /* The others. */
    bool no_kernel;    /* demo */
    bool strict;       /* doctor */
    bool man;          /* help */
    uint8_t format;    /* states: enum cli_format */
    uint8_t congestion; /* enum estab_congestion */
    const char *topic; /* help: a verb; completion: a shell; serve: a service; or NULL */
    struct cli_texts files; /* script */
    struct cli_texts sets;  /* script: "NAME=VALUE" */
    uint8_t ip_version;     /* script: one of script_versions, if given */

    /* wire, host */
    const char *action;         /* of wire: show, set ... */
    const char *station;        /* host: its name */
    unsigned words;             /* what follows the operands */
    char *word[CLI_WORDS_MAX];

    char **command; /* what follows `--`, ending in NULL; NULL if there was no `--` */
};

static inline bool cli_given(const struct cli_options *o, enum cli_option_id id)
{
    return o->given >> id & 1;
}

/* The verbs: cmd_demo, cmd_listen ...; each returns an enum cli_exit. */
typedef int cli_run(const struct cli_options *);
#define VERB(name, ...) cli_run cmd_##name;
#include "cli/verb.def"

/* Says "estab VERB: ..." on stderr and returns `code`: return cli_say(o, CLI_INPUT, "..."). */
int cli_say(const struct cli_options *, enum cli_exit code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ctrl-C, SIGTERM and a closed terminal end the process with CLI_INTERRUPTED, until a verb wants to close
 * its connections first and calls cli_catch: from then on they only count, and interrupt what waits. */
void cli_catch(void);
unsigned cli_interrupts(void);
/* The terminal was closed: nobody sees what is told. */
bool cli_hung_up(void);

/* ---- the tables, for parsing, help, manual pages and completion -------------------------------- */

/* A row of option.def. */
struct cli_option {
    const char *name, *argument, *preset, *meaning;
    uint64_t low, high;
    uint16_t field; /* offset in struct cli_options */
    uint8_t type;   /* enum value_type */
    char letter;
};

/* A row of verb.def. */
struct cli_verb {
    const char *name, *summary, *about;
    uint64_t options; /* bits of enum cli_option_id */
    uint8_t required; /* operands, at least */
    cli_run *run;
};

struct cli_example {
    const char *command, *meaning;
};

const struct cli_verb *verb_at(unsigned i);          /* NULL past the end */
const struct cli_verb *verb_named(const char *name); /* NULL if there is none */
const struct cli_option *verb_option(unsigned id);   /* NULL past the end */
const struct cli_example *verb_example(const struct cli_verb *, unsigned i);

static inline bool verb_has(const struct cli_verb *verb, unsigned id)
{
    return verb->options >> id & 1;
}

static inline bool option_is_operand(const struct cli_option *option)
{
    return !option->name[0] && !option->letter;
}

/* All operands that are left, as they stand. */
static inline bool option_is_words(unsigned id)
{
    return id == OPT_WORDS || id == OPT_FILTER;
}

static inline bool option_takes_value(const struct cli_option *option)
{
    return option->argument[0];
}

/* The default of an option for a verb, as the user would write it; "" for none. */
const char *verb_preset(const struct cli_verb *, unsigned id);
/* "[[HOST] PORT] [-- COMMAND [ARGUMENT]...]" */
void verb_operands(const struct cli_verb *, FILE *);
bool verb_has_operands(const struct cli_verb *); /* or takes a command */

#endif
