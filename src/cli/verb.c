/* SPDX-License-Identifier: MIT */
/*
 * verb.c - the tables that verb.def and option.def spell, and questions to them.
 */
#include "cli/verb.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "cli/prose.h"
#include "cli/value.h"

static const struct cli_option options[OPTIONS] = {
#define OPTION(id, c, long_name, kind, member, value, usual, least, most, text)                    \
    [OPT_##id] = {.letter = c,                                                                     \
                  .name = long_name,                                                               \
                  .type = VALUE_##kind,                                                            \
                  .field = offsetof(struct cli_options, member),                                   \
                  .argument = value,                                                               \
                  .preset = usual,                                                                 \
                  .low = least,                                                                    \
                  .high = most,                                                                    \
                  .meaning = text},
#include "cli/option.def"
};

_Static_assert(OPTIONS <= 64, "a set of options is a uint64_t");
#define OPTION(id, letter, name, type, field, ...)                                                 \
    _Static_assert(sizeof(((struct cli_options *)0)->field) == VALUE_SIZE_##type, "--" name);
#include "cli/option.def"

enum verb_row {
#define VERB(name, ...) VERB_##name,
#include "cli/verb.def"
    VERBS
};

static const struct cli_verb verbs[VERBS] = {
#define VERB(name, required, summary, options, about)                                              \
    [VERB_##name] = {#name, summary, about, options, required, cmd_##name},
#include "cli/verb.def"
};

static const struct {
    uint8_t verb, option;
    const char *value;
} presets[] = {
#define PRESET(verb, option, value) {VERB_##verb, OPT_##option, value},
#include "cli/verb.def"
};

static const struct {
    uint8_t verb;
    struct cli_example example;
} examples[] = {
#define EXAMPLE(verb, command, meaning) {VERB_##verb, {command, meaning}},
#include "cli/verb.def"
};

const struct cli_verb *verb_at(unsigned i)
{
    return i < VERBS ? &verbs[i] : NULL;
}

const struct cli_verb *verb_named(const char *name)
{
    for (unsigned i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

const struct cli_option *verb_option(unsigned id)
{
    return id < OPTIONS ? &options[id] : NULL;
}

const struct cli_example *verb_example(const struct cli_verb *verb, unsigned i)
{
    for (size_t row = 0; row < sizeof(examples) / sizeof(examples[0]); row++) {
        if (&verbs[examples[row].verb] == verb && i-- == 0)
            return &examples[row].example;
    }
    return NULL;
}

const char *verb_preset(const struct cli_verb *verb, unsigned id)
{
    for (size_t row = 0; row < sizeof(presets) / sizeof(presets[0]); row++) {
        if (&verbs[presets[row].verb] == verb && presets[row].option == id)
            return presets[row].value;
    }
    return options[id].preset;
}

static bool is_single(unsigned id)
{
    return option_is_operand(&options[id]) && id != OPT_COMMAND && !option_is_words(id);
}

/* Of the operands that may be left out the first ones are, so their brackets nest: [[HOST] PORT]. */
void verb_operands(const struct cli_verb *verb, FILE *out)
{
    unsigned count = 0, seen = 0;

    for (unsigned id = 0; id < OPTIONS; id++)
        count += verb_has(verb, id) && is_single(id);
    for (unsigned id = 0; id < OPTIONS; id++) {
        if (!verb_has(verb, id) || !is_single(id))
            continue;
        for (unsigned i = verb->required; seen == verb->required && i < count; i++)
            fputc('[', out);
        seen++;
        fprintf(out, "%s%s%s", options[id].argument, seen > verb->required ? "]" : "",
                seen < count ? " " : "");
    }
    for (unsigned id = 0; id < OPTIONS; id++)
        if (verb_has(verb, id) && option_is_words(id))
            fprintf(out, "%s[%s]...", count ? " " : "", options[id].argument);
    if (verb_has(verb, OPT_COMMAND))
        fprintf(out, "%s[-- COMMAND [ARGUMENT]...]", count ? " " : "");
}

bool verb_has_operands(const struct cli_verb *verb)
{
    for (unsigned id = 0; id < OPTIONS; id++) {
        if (verb_has(verb, id) && option_is_operand(&options[id]))
            return true;
    }
    return false;
}

int cli_say(const struct cli_options *o, enum cli_exit code, const char *format, ...)
{
    va_list list;
    int column;

    fflush(stdout);
    column = fprintf(stderr, "estab%s%s: ", o && o->verb ? " " : "",
                     o && o->verb ? o->verb->name : "");
    va_start(list, format);
    prose_say(stderr, column > 0 ? (unsigned)column : 0, format, list);
    va_end(list);
    fputc('\n', stderr);
    return code;
}
