/* SPDX-License-Identifier: MIT */
/*
 * man.c - the manual pages in mdoc(7), read off the tables.  Those in man/ are kept, so that an
 * installation needs no run of the program; a test compares.
 */
#include <string.h>

#include "cli/help.h"
#include "cli/value.h"

#define MAN_DATE "November 20, 2025" /* of the last change to the tables that matters to readers */

/* ---- text ----------------------------------------------------------------------------------------- */

/* Lines of a page's source are broken here, as mandoc likes them. */
#define SOURCE_WIDTH 72

struct source {
    FILE *out;
    unsigned column;
    bool typed; /* between backquotes */
};

static void break_line(struct source *s)
{
    if (s->column)
        fputc('\n', s->out);
    s->column = 0;
}

/* One word.  What is typed is bold, and its hyphens are minus signs. */
static void put_word(struct source *s, const char *word, size_t length)
{
    if (s->column)
        fputc(' ', s->out);
    else if (*word == '.' || *word == '\'')
        fputs("\\&", s->out);
    for (size_t i = 0; i < length; i++) {
        if (word[i] == '`') {
            s->typed = !s->typed;
            fputs(s->typed ? "\\fB" : "\\fP", s->out);
        } else if (word[i] == '-' && s->typed) {
            fputs("\\-", s->out);
        } else if (word[i] == '\\') {
            fputs("\\e", s->out);
        } else {
            fputc(word[i], s->out);
        }
    }
    s->column += (unsigned)length + 1;
}

/* Paragraphs.  Each sentence begins a line, as mdoc wants it. */
static void text(FILE *out, const char *p)
{
    struct source s = {.out = out};

    while (*p) {
        size_t gap = strspn(p, " \n"), length = strcspn(p + gap, " \n");

        if (strncmp(p, "\n\n", 2) == 0) {
            break_line(&s);
            fputs(".Pp\n", out);
        } else if (gap && (p[-1] == '.' || s.column + length > SOURCE_WIDTH)) {
            break_line(&s);
        }
        put_word(&s, p + gap, length);
        p += gap + length;
    }
    break_line(&s);
}

/* A command as it is typed, on one line. */
static void command(FILE *out, const char *p)
{
    for (; *p; p++) {
        if (*p == '-')
            fputs("\\-", out);
        else if (*p == '"')
            fputs("\\(dq", out);
        else if (*p == '\\')
            fputs("\\e", out);
        else
            fputc(*p, out);
    }
    fputc('\n', out);
}

/* ---- parts of a page ------------------------------------------------------------------------------ */

static void title(const struct cli_verb *verb, FILE *out)
{
    fputs(".\\\" SPDX-License-Identifier: MIT\n"
          ".\\\" Generated from the program's own tables: estab help --man",
          out);
    fprintf(out, "%s%s\n.Dd %s\n.Dt ESTAB", verb ? " " : "", verb ? verb->name : "", MAN_DATE);
    if (verb)
        fputc('-', out);
    for (const char *p = verb ? verb->name : ""; *p; p++)
        fputc(*p - 'a' + 'A', out);
    fprintf(out, " 1\n.Os estab %s\n", ESTAB_VERSION);
}

static void examples(const struct cli_verb *verb, FILE *out)
{
    const struct cli_example *example;

    for (unsigned i = 0; (example = verb_example(verb, i)); i++) {
        text(out, example->meaning);
        fputs(".Dl ", out);
        command(out, example->command);
        fputs(verb_example(verb, i + 1) ? ".Pp\n" : "", out);
    }
}

static void synopsis(const struct cli_verb *verb, FILE *out)
{
    fprintf(out, ".Nm estab %s\n.Op Ar option ...\n", verb->name);
    if (!verb_has_operands(verb))
        return;
    verb_operands(verb, out);
    fputc('\n', out);
}

static void option_head(const struct cli_option *option, FILE *out)
{
    fputs(".It ", out);
    if (option_is_operand(option)) {
        fprintf(out, "Ar %s\n", option->argument);
        return;
    }
    if (option->letter)
        fprintf(out, "Fl %c , ", option->letter);
    fprintf(out, "Fl Fl %s", option->name);
    if (option_takes_value(option))
        fprintf(out, " Ar %s", option->argument);
    fputc('\n', out);
}

static void options(const struct cli_verb *verb, FILE *out)
{
    char range[48];

    fputs(".Bl -tag -width Ds\n", out);
    for (unsigned id = 0; verb_option(id); id++) {
        const struct cli_option *option = verb_option(id);
        const char *preset = verb_preset(verb, id);

        if (!verb_has(verb, id))
            continue;
        option_head(option, out);
        text(out, option->meaning);
        value_range(option, range);
        if (*range)
            fprintf(out, "From %s.\n", range);
        if (*preset)
            fprintf(out, "The default is\n.Cm %s .\n", preset);
    }
    fputs(".El\n", out);
}

static void status(FILE *out)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width 130 -compact\n", out);
#define X(name, number, meaning) fprintf(out, ".It %d\n%s\n", number, meaning);
    CLI_EXITS(X)
#undef X
    fputs(".El\n", out);
}

/* The verb whose name comes after `name`; NULL after the last. */
static const struct cli_verb *next_by_name(const char *name)
{
    const struct cli_verb *verb, *next = NULL;

    for (unsigned i = 0; (verb = verb_at(i)); i++) {
        if (strcmp(verb->name, name) > 0 && (!next || strcmp(verb->name, next->name) < 0))
            next = verb;
    }
    return next;
}

static void tail(const struct cli_verb *verb, FILE *out)
{
    const struct cli_verb *other = verb ? NULL : next_by_name("");

    fputs(".Sh SEE ALSO\n", out);
    if (verb)
        fputs(".Xr estab 1 ,\n", out);
    for (; other; other = next_by_name(other->name))
        fprintf(out, ".Xr estab-%s 1 ,\n", other->name);
    fputs(".Xr tcpdump 8\n"
          ".Sh STANDARDS\n"
          ".Rs\n.%A Wesley Eddy\n.%T Transmission Control Protocol (TCP)\n.%D August 2022\n"
          ".%R RFC 9293\n.Re\n",
          out);
}

/* ---- pages ---------------------------------------------------------------------------------------- */

static void verb_page(const struct cli_verb *verb, FILE *out)
{
    title(verb, out);
    fprintf(out, ".Sh NAME\n.Nm estab-%s\n.Nd %s\n.Sh SYNOPSIS\n", verb->name, verb->summary);
    synopsis(verb, out);
    fputs(".Sh DESCRIPTION\n", out);
    text(out, verb->about);
    fputs(".Pp\nThe options and operands are:\n", out);
    options(verb, out);
    status(out);
    fputs(".Sh EXAMPLES\n", out);
    examples(verb, out);
    tail(verb, out);
}

static void program_page(FILE *out)
{
    title(NULL, out);
    fputs(".Sh NAME\n.Nm estab\n.Nd a user-space TCP/IP stack that can be seen into\n"
          ".Sh SYNOPSIS\n.Nm\n.Ar verb\n.Op Ar option ...\n.Op Ar operand ...\n"
          ".Op Fl - Ar command Op Ar argument ...\n"
          ".Nm\n.Ar verb\n.Fl Fl help\n.Nm\n.Fl Fl version\n"
          ".Sh DESCRIPTION\n.Nm\nis a complete TCP in user space, and the instruments to drive it, "
          "watch it and break it.\n"
          "Every segment is shown with what it did to both ends.\n"
          ".Pp\nData goes to standard output, talk to standard error.\n"
          "Output is flushed line by line.\n"
          "What follows\n.Fl Fl\nis a command that runs beside the kernel's TCP.\n"
          ".Pp\nThe verbs are:\n.Bl -tag -width completion\n",
          out);
    for (unsigned i = 0; verb_at(i); i++) {
        fprintf(out, ".It Cm %s\n", verb_at(i)->name);
        text(out, verb_at(i)->summary);
    }
    fputs(".El\n.Sh ENVIRONMENT\n.Bl -tag -width NO_COLOR\n.It Ev NO_COLOR\n"
          "If set and not empty, no colour unless\n.Fl Fl color Ar always\nasks for it.\n.El\n",
          out);
    status(out);
    fputs(".Sh EXAMPLES\n", out);
    for (unsigned i = 0; i < HELP_FIRST; i++) {
        fputs(i ? ".Pp\n" : "", out);
        examples(verb_at(i), out);
    }
    tail(NULL, out);
}

void man_page(const struct cli_verb *verb, FILE *out)
{
    if (verb)
        verb_page(verb, out);
    else
        program_page(out);
}
