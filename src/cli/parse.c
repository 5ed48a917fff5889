/* SPDX-License-Identifier: MIT */
/*
 * parse.c - options and operands in any order, up to `--`.
 *
 *     --name VALUE   --name=VALUE   -x VALUE   -xVALUE   -xyz (letters without values)
 *
 * Names are not abbreviated: what a script says today means the same when options are added.  The
 * defaults go through the same readers as the user's words, before them.
 */
#include "cli/parse.h"

#include <string.h>

#include "estab_host.h"

#include "cli/suggest.h"
#include "cli/value.h"

#define OPERANDS_MAX 4

struct parser {
    struct cli_options *o;
    const struct cli_verb *verb;
    char **next; /* the word to be read */
    const char *operand[OPERANDS_MAX];
    unsigned operands;
    bool help;
};

/* ---- refusals ------------------------------------------------------------------------------------- */

/* Opens the sentence that cli_say would print, to be continued on stderr. */
static FILE *complain(const struct parser *p)
{
    fprintf(stderr, "estab %s: ", p->verb->name);
    return stderr;
}

static bool refuse_value(const struct parser *p, const struct cli_option *option, const char *text)
{
    FILE *out = complain(p);

    if (option->type == VALUE_word)
        fprintf(out, "'%s': ", text);
    else if (option_is_operand(option))
        fprintf(out, "%s '%s': ", option->argument, text);
    else
        fprintf(out, "--%s '%s': ", option->name, text);
    value_expected(option, text, out);
    if (option == verb_option(OPT_PORT) && verb_has(p->verb, OPT_HOST) && p->operands == 1)
        fputs(", or a HOST and its PORT", out);
    if (option->type == VALUE_verb) {
        struct suggestion s = {.typed = text};

        for (unsigned i = 0; verb_at(i); i++)
            suggest_offer(&s, verb_at(i)->name);
        if (s.best)
            fprintf(out, "; did you mean '%s'?", s.best);
        else
            fputs(", one of those that 'estab help' lists", out);
    }
    fputc('\n', out);
    return false;
}

static bool refuse_missing(const struct parser *p, const struct cli_option *option)
{
    FILE *out = complain(p);

    if (option_is_operand(option))
        fputs("an operand is missing: ", out);
    else
        fprintf(out, "--%s lacks its value: ", option->name);
    value_expected(option, "", out);
    fputc('\n', out);
    return false;
}

/* `word` is "--name", or "-x" for one letter. */
static bool refuse_unknown(const struct parser *p, const char *word)
{
    FILE *out = complain(p);
    struct suggestion s = {.typed = word + 2};
    const struct cli_option *option;
    const char *verbs[2] = {0};

    for (unsigned id = 0; (option = verb_option(id)); id++) {
        if (verb_has(p->verb, id) && !option_is_operand(option))
            suggest_offer(&s, option->name);
        if (option_is_operand(option) || strcmp(option->name, word + 2) != 0)
            continue;
        for (unsigned i = 0, n = 0; verb_at(i) && n < 2; i++) {
            if (verb_has(verb_at(i), id))
                verbs[n++] = verb_at(i)->name;
        }
    }
    fprintf(out, "there is no option %s", word);
    if (verbs[0])
        fprintf(out, " here; '%s'%s%s%s has it", verbs[0], verbs[1] ? " or '" : "",
                verbs[1] ? verbs[1] : "", verbs[1] ? "'" : "");
    else if (word[1] == '-' && s.best)
        fprintf(out, "; did you mean --%s?", s.best);
    else
        fprintf(out, "; expected one of those that 'estab %s --help' lists", p->verb->name);
    fputc('\n', out);
    return false;
}

static bool refuse_operand(const struct parser *p, const char *word)
{
    FILE *out = complain(p);

    fprintf(out, "'%s' is one word too many: expected estab %s [OPTION]...%s", word, p->verb->name,
            verb_has_operands(p->verb) ? " " : "");
    verb_operands(p->verb, out);
    fputc('\n', out);
    return false;
}

/* ---- options -------------------------------------------------------------------------------------- */

static int find_name(const struct parser *p, const char *name, size_t length)
{
    const struct cli_option *option;

    for (unsigned id = 0; (option = verb_option(id)); id++) {
        if (verb_has(p->verb, id) && !option_is_operand(option) && strlen(option->name) == length &&
            memcmp(option->name, name, length) == 0)
            return (int)id;
    }
    return -1;
}

static int find_letter(const struct parser *p, char letter)
{
    const struct cli_option *option;

    for (unsigned id = 0; (option = verb_option(id)); id++) {
        if (verb_has(p->verb, id) && option->letter == letter)
            return (int)id;
    }
    return -1;
}

static bool set(struct parser *p, unsigned id, const char *text)
{
    const struct cli_option *option = verb_option(id);

    if (!value_read(option, text, p->o))
        return refuse_value(p, option, text);
    p->o->given |= UINT64_C(1) << id;
    return true;
}

/* Sets an option that takes a value: `text`, or the next word if that is NULL. */
static bool set_value(struct parser *p, unsigned id, const char *text)
{
    if (!text && !*p->next)
        return refuse_missing(p, verb_option(id));
    return set(p, id, text ? text : *p->next++);
}

static bool read_long(struct parser *p, char *word)
{
    const char *name = word + 2, *value = strchr(name, '=');
    size_t length = value ? (size_t)(value - name) : strlen(name);
    int id = find_name(p, name, length);

    if (strcmp(name, "help") == 0) {
        p->help = true;
        return true;
    }
    if (id < 0) {
        word[2 + length] = '\0';
        return refuse_unknown(p, word);
    }
    if (option_takes_value(verb_option((unsigned)id)))
        return set_value(p, (unsigned)id, value ? value + 1 : NULL);
    return value ? refuse_value(p, verb_option((unsigned)id), value + 1) : set(p, (unsigned)id, "");
}

static bool read_letters(struct parser *p, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        int id = find_letter(p, *letter);

        if (*letter == 'h') {
            p->help = true;
            continue;
        }
        if (id < 0)
            return refuse_unknown(p, (char[3]){'-', *letter, '\0'});
        if (option_takes_value(verb_option((unsigned)id)))
            return set_value(p, (unsigned)id, letter[1] ? letter + 1 : NULL);
        if (!set(p, (unsigned)id, ""))
            return false;
    }
    return true;
}

/* ---- operands ------------------------------------------------------------------------------------- */

/* The operands of a verb, in order; how many there are. */
static unsigned operands_of(const struct cli_verb *verb, unsigned ids[OPERANDS_MAX])
{
    unsigned n = 0;

    for (unsigned id = 0; verb_option(id) && n < OPERANDS_MAX; id++) {
        if (verb_has(verb, id) && option_is_operand(verb_option(id)) && id != OPT_COMMAND &&
            !option_is_words(id))
            ids[n++] = id;
    }
    return n;
}

/* The operand that takes all words, however many; -1 if the verb has none. */
static int greedy_operand(const struct cli_verb *verb)
{
    unsigned ids[OPERANDS_MAX], n = operands_of(verb, ids);

    return n && verb_option(ids[n - 1])->type == VALUE_files ? (int)ids[n - 1] : -1;
}

/* Fewer operands than the verb has are those that it requires, and its last ones. */
static bool set_operands(struct parser *p)
{
    unsigned ids[OPERANDS_MAX], n = operands_of(p->verb, ids);
    int greedy = greedy_operand(p->verb);

    if (greedy >= 0)
        return p->verb->required == 0 || cli_given(p->o, (enum cli_option_id)greedy) ||
               refuse_missing(p, verb_option((unsigned)greedy));
    if (p->operands < p->verb->required)
        return refuse_missing(p, verb_option(ids[p->operands]));
    for (unsigned i = 0; i < p->operands; i++) {
        unsigned at = i < p->verb->required ? i : n - p->operands + i;

        if (!set(p, ids[at], p->operand[i]))
            return false;
    }
    return true;
}

static bool read_command(struct parser *p)
{
    p->o->command = p->next;
    if (!verb_has(p->verb, OPT_COMMAND)) {
        fprintf(complain(p), "takes no command after '--'\n");
        return false;
    }
    if (!*p->next) {
        fprintf(complain(p), "nothing follows '--': expected a command with its arguments\n");
        return false;
    }
    return true;
}

static bool read_word(struct parser *p)
{
    unsigned ids[OPERANDS_MAX];
    char *word = *p->next++;

    if (word[0] == '-' && word[1] == '-')
        return read_long(p, word);
    if (word[0] == '-' && word[1])
        return read_letters(p, word);
    if (greedy_operand(p->verb) >= 0)
        return set(p, (unsigned)greedy_operand(p->verb), word);
    if (p->operands == operands_of(p->verb, ids)) {
        if (!(verb_has(p->verb, OPT_WORDS) || verb_has(p->verb, OPT_FILTER)) ||
            p->o->words == CLI_WORDS_MAX)
            return refuse_operand(p, word);
        p->o->word[p->o->words++] = word;
        return true;
    }
    p->operand[p->operands++] = word;
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static bool set_presets(struct parser *p)
{
    for (unsigned id = 0; verb_option(id); id++) {
        const char *preset = verb_preset(p->verb, id);

        if (verb_has(p->verb, id) && *preset && !set(p, id, preset))
            return false;
    }
    p->o->given = 0;
    return true;
}

/* What no single option can see. */
static bool check_together(const struct parser *p)
{
    struct cli_options *o = p->o;

    if (o->command && !cli_given(o, OPT_ON) && !verb_has(p->verb, OPT_STATION))
        o->on = (struct cli_on){.kind = ON_KERNEL};
    if (o->name && o->on.kind != ON_WIRE) {
        fprintf(complain(p), "--name is a name on a wire: expected --on wire:NAME with it\n");
        return false;
    }
    if (o->command && o->on.kind != ON_KERNEL && !verb_has(p->verb, OPT_STATION)) {
        fprintf(complain(p), "a command after '--' runs beside the kernel's TCP: expected "
                             "--on kernel with it\n");
        return false;
    }
    return true;
}

enum parse_result parse_words(const struct cli_verb *verb, char **words, struct cli_options *o)
{
    struct parser p = {.o = o, .verb = verb, .next = words};

    *o = (struct cli_options){.verb = verb};
    if (!set_presets(&p))
        return PARSE_ERROR;
    while (*p.next && !p.help) {
        if (strcmp(*p.next, "--") == 0) {
            p.next++;
            if (!read_command(&p))
                return PARSE_ERROR;
            break;
        }
        if (!read_word(&p))
            return PARSE_ERROR;
    }
    if (p.help)
        return PARSE_HELP;
    if (!set_operands(&p) || !check_together(&p))
        return PARSE_ERROR;
    if (!cli_given(o, OPT_SEED)) {
        uint32_t drawn; /* 32 bits, so that people can type it */

        estab_random(&drawn, sizeof(drawn));
        o->seed = drawn;
    }
    return PARSE_OK;
}
