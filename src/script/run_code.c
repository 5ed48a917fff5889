/* SPDX-License-Identifier: MIT */
/* run_code.c - %{ code }% with the names that it may use, and `commands`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/runner.h"
#include "script/shell.h"

#define INFO_BYTES  280 /* of Linux 6.18; what we leave out stays 0 */
#define LEVEL_TCP   6
#define OPTION_INFO 11 /* TCP_INFO */

/* ---- names ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t number;
} constants[] = {
    {"TCP_ESTABLISHED", 1},      {"TCP_SYN_SENT", 2},         {"TCP_SYN_RECV", 3},
    {"TCP_FIN_WAIT1", 4},        {"TCP_FIN_WAIT2", 5},        {"TCP_TIME_WAIT", 6},
    {"TCP_CLOSE", 7},            {"TCP_CLOSE_WAIT", 8},       {"TCP_LAST_ACK", 9},
    {"TCP_LISTEN", 10},          {"TCP_CLOSING", 11},         {"TCP_CA_Open", 0},
    {"TCP_CA_Disorder", 1},      {"TCP_CA_CWR", 2},           {"TCP_CA_Recovery", 3},
    {"TCP_CA_Loss", 4},          {"TCPI_OPT_TIMESTAMPS", 1},  {"TCPI_OPT_SACK", 2},
    {"TCPI_OPT_WSCALE", 4},      {"TCPI_OPT_ECN", 8},         {"TCPI_OPT_ECN_SEEN", 16},
    {"TCPI_OPT_SYN_DATA", 32},   {"TCPI_OPT_USEC_TS", 64},    {"TCPI_OPT_TFO_CHILD", 128},
};

/* The bytes of a number in this machine's order; what exceeds 63 bits is cut there. */
static int64_t load(const uint8_t *info, unsigned offset, unsigned bytes)
{
    uint8_t v8;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (bytes) {
    case 1:
        memcpy(&v8, info + offset, sizeof v8);
        return v8;
    case 2:
        memcpy(&v16, info + offset, sizeof v16);
        return v16;
    case 4:
        memcpy(&v32, info + offset, sizeof v32);
        return v32;
    default:
        memcpy(&v64, info + offset, sizeof v64);
        return v64 > INT64_MAX ? INT64_MAX : (int64_t)v64;
    }
}

/* A bit-field of a byte: the first one takes the low bits on a little-endian machine, the high ones on
 * a big-endian one. */
static int64_t load_bits(uint8_t byte, unsigned shift, unsigned bits)
{
    unsigned at = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - shift - bits : shift;

    return byte >> at & ((1 << bits) - 1);
}

static bool set_names(struct code_scope *scope, const uint8_t *info)
{
    bool ok = true;

    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        ok = ok && code_set(scope, constants[i].name, constants[i].number);
#define FIELD(name, offset, bytes)                                                                 \
    ok = ok && code_set(scope, "tcpi_" #name, load(info, offset, bytes));
#define BITS(name, offset, shift, bits)                                                            \
    ok = ok && code_set(scope, "tcpi_" #name, load_bits(info[offset], shift, bits));
#include "script/tcp_info.def"
    return ok;
}

static void keep_printed(struct runner *r)
{
    const char *text = r->scope->printed;
    size_t had = r->report->printed ? strlen(r->report->printed) : 0, n = strlen(text);
    char *grown = n && had < 65536 ? realloc(r->report->printed, had + n + 1) : NULL;

    if (!grown)
        return;
    memcpy(grown + had, text, n + 1);
    r->report->printed = grown;
}

void runner_code(struct runner *r, const struct event *e)
{
    uint8_t info[INFO_BYTES] = {0};
    socklen_t n = sizeof info;
    struct script_fault fault = {0};
    enum code_verdict verdict;

    if (r->under_test && r->under_test->fd >= 0 &&
        estab_posix_getsockopt(r->virtual.posix, r->under_test->fd, LEVEL_TCP, OPTION_INFO, info, &n) != 0) {
        runner_fail(r, e->at, "TCP_INFO: %s", strerror(errno));
        return;
    }
    if (!set_names(r->scope, info)) {
        runner_fail(r, e->at, "no memory for the names of TCP_INFO");
        return;
    }
    verdict = code_run(r->scope, e->text, e->text_at, &fault);
    keep_printed(r);
    if (verdict == CODE_FAILS)
        runner_fail(r, fault.at, "%s", fault.text);
    else if (verdict == CODE_WRONG)
        runner_bad(r, &fault);
}

/* ---- commands --------------------------------------------------------------------------------------------- */

static void set_sysctl(void *context, const char *name, const char *value)
{
    struct runner *r = context;

    if (r->virtual.stack) {
        runner_note(r, "not changed while it runs: sysctl %s=%s", name, value);
        return;
    }
    switch (settings_sysctl(&r->settings, name, value)) {
    case SYSCTL_UNHEEDED:
        runner_note(r, "without a counterpart here: sysctl %s=%s", name, value);
        break;
    case SYSCTL_WRONG:
        runner_note(r, "not understood: sysctl %s=%s", name, value);
        break;
    default:
        break;
    }
}

static void skip_command(void *context, const char *command, const char *why)
{
    runner_note(context, "%s: %s", why, command);
}

void runner_command(struct runner *r, const char *text)
{
    struct shell shell = {
        .arena = &r->arena,
        .folder = r->folder,
        .context = r,
        .set = set_sysctl,
        .skip = skip_command,
    };

    shell_read(&shell, text);
}
