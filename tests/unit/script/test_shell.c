/* SPDX-License-Identifier: MIT */
/* test_shell.c - preambles: what is set, and what is named and left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "script/settings.h"
#include "script/shell.h"

struct heard {
    char text[1024];
};

static void hear_set(void *context, const char *name, const char *value)
{
    struct heard *h = context;
    size_t n = strlen(h->text);

    snprintf(h->text + n, sizeof h->text - n, "%s=%s;", name, value);
}

static void hear_skip(void *context, const char *command, const char *why)
{
    struct heard *h = context;
    size_t n = strlen(h->text);

    snprintf(h->text + n, sizeof h->text - n, "(%s: %s);", why, command);
}

static const struct {
    const char *text, *heard;
} commands[] = {
    {"sysctl -q net.ipv4.tcp_sack=1", "net.ipv4.tcp_sack=1;"},
    {"sysctl -q net/ipv4/tcp_sack=0 net.ipv4.tcp_ecn=2", "net.ipv4.tcp_sack=0;net.ipv4.tcp_ecn=2;"},
    {"sysctl -q net.ipv4.tcp_rmem=\"4096 540000 $((15*1024*1024))\"",
     "net.ipv4.tcp_rmem=4096 540000 15728640;"},
    {"sysctl -q a.b='$((1+1))'", "a.b=$((1+1));"},
    {"sysctl -q a=$(((1 + 2) * 6 / 3 - 1))", "a=5;"},
    {"sysctl -q a=1 > /dev/null 2>&1", "a=1;"},
    {"sysctl -q a=1; sysctl -q b=2 && sysctl -q c=3", "a=1;b=2;c=3;"},
    {"# a comment\n\n  sysctl -q a=1 # another\n", "a=1;"},
    {"../common/set_sysctls.py /proc/sys/net/ipv4/tcp_fastopen=0x1 \\\n  /proc/sys/x=2",
     "net.ipv4.tcp_fastopen=0x1;x=2;"},
    {"tc qdisc add dev tun0 root pfifo", "(not run: tc qdisc add dev tun0 root pfifo);"},
    {"ip tcp_metrics flush all > /dev/null 2>&1",
     "(not run: ip tcp_metrics flush all > /dev/null 2>&1);"},
    {"nstat | grep x", "(not run: nstat);(not run: grep x);"},
    {"sysctl -q a", "(expected NAME=VALUE: sysctl -q a);"},
    {"sysctl -q a=$(date)", "(not understood: sysctl -q a=$(date));"},
    {"sysctl -q a=$((1/0))", "(not understood: sysctl -q a=$((1/0)));"},
    {"/tmp/restore_${PPID}.sh", "(not understood: /tmp/restore_${PPID}.sh);"},
    {"no-such-file.sh", "(this file cannot be read: no-such-file.sh);"},
    {"", ""},
    {"  \n;;\n", ""},
};

static void commands_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct arena arena = {0};
        struct heard heard = {""};
        struct shell shell = {.arena = &arena, .folder = "/nonexistent", .context = &heard,
                              .set = hear_set, .skip = hear_skip};

        shell_read(&shell, commands[i].text);
        assert_string_equal(heard.text, commands[i].heard);
        arena_free(&arena);
    }
}

/* A file that reads itself ends, and says so. */
static void files_are_found_from_the_folder(void **state)
{
    (void)state;
    char folder[] = "/tmp/estab-shell-XXXXXX", path[64];
    struct arena arena = {0};
    struct heard heard = {""};
    struct shell shell = {.arena = &arena, .folder = folder, .context = &heard, .set = hear_set,
                          .skip = hear_skip};
    FILE *file;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/one.sh", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("sysctl -q a=1\n./one.sh\n", file);
    fclose(file);
    shell_read(&shell, ". one.sh");
    assert_string_equal(heard.text, "a=1;a=1;a=1;a=1;(this file cannot be read: ./one.sh);");
    unlink(path);
    rmdir(folder);
    arena_free(&arena);
}

static void sysctls_become_settings(void **state)
{
    (void)state;
    struct script_settings s;

    settings_init(&s);
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_rmem", "4096 540000 15728640"), SYSCTL_SET);
    assert_int_equal(s.stack.receive_buffer, 15728640);
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_timestamps", "0"), SYSCTL_SET);
    assert_false(s.stack.timestamps);
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_syn_retries", "5"), SYSCTL_SET);
    assert_int_equal(s.stack.r2_syn_ms, 63000); /* 1 + 2 + 4 + 8 + 16 + 32 seconds */
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_retries2", "15"), SYSCTL_SET);
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_fack", "0"), SYSCTL_NO_MATTER);
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_fastopen", "1"), SYSCTL_UNHEEDED);
    assert_int_equal(settings_sysctl(&s, "net.core.rmem_max", "1"), SYSCTL_UNHEEDED);
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_timestamps", "yes"), SYSCTL_WRONG);
    assert_int_equal(settings_sysctl(&s, "net.ipv4.tcp_rmem", "1 2"), SYSCTL_WRONG);
    assert_null(estab_config_check(&s.stack));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_read),
        cmocka_unit_test(files_are_found_from_the_folder),
        cmocka_unit_test(sysctls_become_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
