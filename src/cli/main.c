/* SPDX-License-Identifier: MIT */
/*
 * main.c - from the command line to a verb.
 *
 *      words --> verb_named --> parse_words --> verb->run(options) --> exit status
 *
 * Data goes to stdout, line by line, and talk to stderr.  A verb's data that cannot be written is
 * an error, though its end finds that out.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/parse.h"
#include "cli/suggest.h"

/* The only mutable statics: a signal handler can reach nothing else. */
static volatile sig_atomic_t interrupts, caught, terminal, hung_up;

/* A terminal has just written ^C; what follows, if only the prompt, begins a line. */
static void interrupted(int number)
{
    int before = errno;

    if (number == SIGINT && terminal && write(STDERR_FILENO, "\n", 1) < 0)
        terminal = 0;
    errno = before;
    if (!caught)
        _exit(CLI_INTERRUPTED);
    if (number == SIGHUP)
        hung_up = 1;
    interrupts++;
}

void cli_catch(void)
{
    caught = 1;
}

unsigned cli_interrupts(void)
{
    return (unsigned)interrupts;
}

bool cli_hung_up(void)
{
    return hung_up;
}

/* A closed terminal ends us like Ctrl-C, unless nohup(1) has said that it shall not.  No SA_RESTART: what waits is to notice. */
static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupted}, before;

    terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

static int unknown_verb(const char *word)
{
    struct suggestion s = {.typed = word};

    for (unsigned i = 0; verb_at(i); i++)
        suggest_offer(&s, verb_at(i)->name);
    if (s.best)
        return cli_say(NULL, CLI_USAGE, "there is no verb '%s'; did you mean '%s'?", word, s.best);
    return cli_say(NULL, CLI_USAGE,
                   "there is no verb '%s': expected one of those that 'estab help' lists", word);
}

static int run_verb(char **words)
{
    const struct cli_verb *verb = verb_named(words[0]);
    struct cli_options options;

    if (!verb)
        return unknown_verb(words[0]);
    switch (parse_words(verb, words + 1, &options)) {
    case PARSE_HELP:
        help_verb(verb, stdout, options.colour);
        return CLI_OK;
    case PARSE_ERROR:
        return CLI_USAGE;
    default:
        return verb->run(&options);
    }
}

static int run(char **words)
{
    if (!words[0]) {
        help_first(stdout);
        return CLI_OK;
    }
    if (strcmp(words[0], "--version") == 0 || strcmp(words[0], "-V") == 0) {
        puts("estab " ESTAB_VERSION);
        return CLI_OK;
    }
    if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)
        return run_verb((char *[]){"help", NULL});
    if (words[0][0] == '-')
        return cli_say(NULL, CLI_USAGE,
                       "'%s' before the verb: expected a verb, --help or --version", words[0]);
    return run_verb(words);
}

/* Words of our own, since a process that outlives this one writes its name over those (title.h); in one
 * piece.  NULL: no memory. */
static char **copy_words(int n, char **words)
{
    size_t pointers = ((size_t)n + 1) * sizeof *words, text = 0;
    char **copy, *to;

    for (int i = 0; i < n; i++)
        text += strlen(words[i]) + 1;
    copy = calloc(1, pointers + text);
    if (!copy)
        return NULL;
    to = (char *)copy + pointers;
    for (int i = 0; i < n; i++) {
        copy[i] = to;
        to = stpcpy(to, words[i]) + 1;
    }
    return copy;
}

static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    cli_say(NULL, CLI_FAILED, "stdout: %s", strerror(errno));
    return status ? status : CLI_FAILED;
}

int main(int argc, char **argv)
{
    char **words = copy_words(argc, argv);
    int status;

    if (!words)
        return cli_say(NULL, CLI_FAILED, "no memory");
    setvbuf(stdout, NULL, _IOLBF, 0);
    watch_signals();
    status = finish(run(words + (argc > 0)));
    free(words);
    return status;
}
