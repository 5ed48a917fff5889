/* SPDX-License-Identifier: MIT */
/*
 * help.c - `estab`, `estab help`, `estab VERB --help`, read off the tables.
 */
#include "cli/help.h"

#include "cli/prose.h"
#include "cli/value.h"

#define OPTION_COLUMN 26

static void head(FILE *out, const char *text, bool colour)
{
    fprintf(out, "\n%s%s%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

void help_first(FILE *out)
{
    fputs("estab, a TCP that can be seen into. Five commands to begin with:\n\n", out);
    for (unsigned i = 0; i < HELP_FIRST; i++) {
        const struct cli_verb *verb = verb_at(i);

        fprintf(out, "  %-16s %s\n", verb_example(verb, 0)->command, verb->summary);
    }
    fputs("\n'estab help' lists every verb, 'estab VERB --help' explains one.\n", out);
}

void help_all(FILE *out, bool colour)
{
    fputs("usage: estab VERB [OPTION]... [OPERAND]... [-- COMMAND [ARGUMENT]...]\n", out);
    head(out, "Verbs", colour);
    for (unsigned i = 0; verb_at(i); i++)
        fprintf(out, "  %-12s %s\n", verb_at(i)->name, verb_at(i)->summary);
    head(out, "Exit status", colour);
#define X(name, number, meaning) fprintf(out, "  %-12d %s\n", number, meaning);
    CLI_EXITS(X)
#undef X
    fputs("\n'estab VERB --help' explains a verb; 'estab --version' tells the version.\n", out);
}

/* "-p, --local-port PORT", or the operand's name; its width. */
static unsigned option_title(const struct cli_option *option, FILE *out)
{
    int width;

    if (option_is_operand(option))
        width = fprintf(out, "  %s", option->argument);
    else if (option->letter)
        width = fprintf(out, "  -%c, --%s %s", option->letter, option->name, option->argument);
    else
        width = fprintf(out, "      --%s %s", option->name, option->argument);
    return (unsigned)width;
}

/* The meaning with its range and default. */
static void option_text(const struct cli_verb *verb, unsigned id, FILE *out, bool colour)
{
    const struct cli_option *option = verb_option(id);
    const char *preset = verb_preset(verb, id);
    char range[48], text[640], tail[128];

    value_range(option, range);
    tail[0] = '\0';
    if (*preset || *range)
        (void)snprintf(tail, sizeof(tail), " (%s%s%s%s)", range, *range && *preset ? "; " : "",
                       *preset ? "default " : "", preset);
    (void)snprintf(text, sizeof(text), "%s%s", option->meaning, tail);
    prose_write(out, text, OPTION_COLUMN, OPTION_COLUMN, colour);
}

static void option_entry(const struct cli_verb *verb, unsigned id, FILE *out, bool colour)
{
    unsigned width = option_title(verb_option(id), out);

    if (width + 1 > OPTION_COLUMN) {
        fputc('\n', out);
        width = 0;
    }
    fprintf(out, "%*s", (int)(OPTION_COLUMN - width), "");
    option_text(verb, id, out, colour);
}

static void option_entries(const struct cli_verb *verb, bool operands, FILE *out, bool colour)
{
    bool any = false;

    for (unsigned id = 0; verb_option(id); id++) {
        if (!verb_has(verb, id) || option_is_operand(verb_option(id)) != operands)
            continue;
        if (!any)
            head(out, operands ? "Operands" : "Options", colour);
        any = true;
        option_entry(verb, id, out, colour);
    }
}

void help_verb(const struct cli_verb *verb, FILE *out, bool colour)
{
    const struct cli_example *example;

    fprintf(out, "estab %s: %s\n\nusage: estab %s [OPTION]...%s", verb->name, verb->summary,
            verb->name, verb_has_operands(verb) ? " " : "");
    verb_operands(verb, out);
    fputs("\n\n", out);
    prose_write(out, verb->about, 0, 0, colour);
    option_entries(verb, true, out, colour);
    option_entries(verb, false, out, colour);
    head(out, "Examples", colour);
    for (unsigned i = 0; (example = verb_example(verb, i)); i++)
        fprintf(out, "  %s\n      %s\n", example->command, example->meaning);
}

/* ---- for programs --------------------------------------------------------------------------------- */

static void json_member(const char *key, const char *text, FILE *out)
{
    fprintf(out, ",\"%s\":", key);
    prose_json(out, text);
}

static void json_option(const struct cli_verb *verb, unsigned id, FILE *out)
{
    const struct cli_option *option = verb_option(id);
    char range[48];

    value_range(option, range);
    fprintf(out, "{\"operand\":%s", option_is_operand(option) ? "true" : "false");
    json_member("name", option->name, out);
    json_member("letter", (char[2]){option->letter, '\0'}, out);
    json_member("argument", option->argument, out);
    json_member("default", verb_preset(verb, id), out);
    json_member("range", range, out);
    json_member("meaning", option->meaning, out);
    fputc('}', out);
}

static void json_examples(const struct cli_verb *verb, FILE *out)
{
    const struct cli_example *example;

    for (unsigned i = 0; (example = verb_example(verb, i)); i++) {
        fprintf(out, "%s{\"command\":", i ? "," : "");
        prose_json(out, example->command);
        json_member("meaning", example->meaning, out);
        fputc('}', out);
    }
}

static void json_verb(const struct cli_verb *verb, FILE *out)
{
    bool first = true;

    fputs("{\"schema\":\"estab.verb/1\"", out);
    json_member("name", verb->name, out);
    json_member("summary", verb->summary, out);
    fputs(",\"options\":[", out);
    for (unsigned id = 0; verb_option(id); id++) {
        if (!verb_has(verb, id))
            continue;
        fputs(first ? "" : ",", out);
        first = false;
        json_option(verb, id, out);
    }
    fputs("],\"examples\":[", out);
    json_examples(verb, out);
    fputs("]}\n", out);
}

/* One object a verb. */
static void help_json(const struct cli_verb *only, FILE *out)
{
    for (unsigned i = 0; verb_at(i); i++) {
        if (!only || verb_at(i) == only)
            json_verb(verb_at(i), out);
    }
}

int cmd_help(const struct cli_options *o)
{
    const struct cli_verb *verb = o->topic ? verb_named(o->topic) : NULL;

    if (o->man)
        man_page(verb, stdout);
    else if (o->json)
        help_json(verb, stdout);
    else if (verb)
        help_verb(verb, stdout, o->colour);
    else
        help_all(stdout, o->colour);
    return CLI_OK;
}
