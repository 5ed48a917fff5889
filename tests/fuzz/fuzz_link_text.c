/* SPDX-License-Identifier: MIT */
/*
 * Any text is a configuration, a rule, both or neither; what is one has a text form that reads back
 * as the same.  Any bytes are a frame that a filter looks at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/link_config.h"
#include "sim/link_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void try_config(const char *text)
{
    struct link_config config = {0}, again = {0};
    char error[LINK_ERROR_MAX] = "", first[LINK_TEXT_MAX], second[LINK_TEXT_MAX];
    if (!link_config_parse(&config, text, error)) {
        expect(error[0] != '\0');
        return;
    }
    expect(!link_config_check(&config));
    link_config_text(&config, first);
    expect(link_config_parse(&again, first, error));
    link_config_text(&again, second);
    expect(strcmp(first, second) == 0);
}

static void try_rule(const char *text, const uint8_t *data, size_t n)
{
    struct link_rule rule = {0}, again = {0};
    char error[LINK_ERROR_MAX] = "", first[LINK_TEXT_MAX], second[LINK_TEXT_MAX];
    if (!link_rule_parse(&rule, text, error)) {
        expect(error[0] != '\0');
        return;
    }
    link_rule_text(&rule, first);
    expect(link_rule_parse(&again, first, error));
    link_rule_text(&again, second);
    expect(strcmp(first, second) == 0);
    for (uint8_t link = ESTAB_LINK_ETHERNET; link <= ESTAB_LINK_IP; link++)
        expect(link_filter_match(&rule.filter, data, n, link) ==
               link_filter_match(&again.filter, data, n, link));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    expect(text);
    if (n > 0)
        memcpy(text, data, n);
    text[n] = '\0';
    try_config(text);
    try_rule(text, data, n);
    try_rule("drop 1 data port 80", data, n);
    free(text);
    return 0;
}
