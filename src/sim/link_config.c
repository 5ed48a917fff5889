/* SPDX-License-Identifier: MIT */
/* link_config.c - see link_config.h. */
#include "sim/link_config.h"

#include <stdio.h>

#include "sim/random.h"
#include "sim/words.h"

#define KEYWORDS "delay, jitter, rate, queue, loss, duplicate, reorder, scatter, corrupt, mark or none"

/* How a number is written, what it is called, and how great it may be. */
struct kind {
    const struct word_unit *units;
    const char *expected;
    uint64_t max;
};

static const struct kind time_kind = {word_times, "a time such as 20ms, at most 3600s",
                                      LINK_TIME_MAX};
static const struct kind rate_kind = {word_rates, "a rate such as 10mbit, at most 1000gbit",
                                      LINK_RATE_MAX};
static const struct kind share_kind = {word_shares, "a share such as 1% or 0.05%, at most 100%",
                                       RANDOM_PPM};

static bool take(struct words *w, const struct kind *kind, const char *keyword, uint64_t *out,
                 char *error);
static bool take_share(struct words *w, const char *keyword, uint32_t *out, char *error);
static bool take_queue(struct words *w, struct link_config *config, char *error);
static bool take_reorder(struct words *w, struct link_config *config, char *error);
static bool take_setting(struct words *w, struct link_config *config, char *error);
static void append(char *text, const char *keyword, uint64_t value, const struct word_unit *units);

const char *link_config_check(const struct link_config *config)
{
    if (config->delay_ns > LINK_TIME_MAX || config->jitter_ns > LINK_TIME_MAX ||
        config->reorder_ns > LINK_TIME_MAX || config->scatter_ns > LINK_TIME_MAX)
        return "delay, jitter, reorder, scatter: expected at most 3600s";
    if (config->rate_bps > LINK_RATE_MAX)
        return "rate: expected at most 1000gbit";
    if (config->rate_bps == 0 && (config->queue_frames > 0 || config->queue_bytes > 0))
        return "queue: expected a rate as well, as nothing waits without one";
    if (config->loss_ppm > RANDOM_PPM || config->duplicate_ppm > RANDOM_PPM ||
        config->reorder_ppm > RANDOM_PPM || config->corrupt_ppm > RANDOM_PPM ||
        config->mark_ppm > RANDOM_PPM)
        return "loss, duplicate, reorder, corrupt, mark: expected at most 100%";
    return NULL;
}

bool link_config_parse(struct link_config *config, const char *text, char error[LINK_ERROR_MAX])
{
    struct link_config changed = *config;
    struct words w = words_of(text);
    if (words_end(&w)) {
        (void)snprintf(error, LINK_ERROR_MAX, "expected " KEYWORDS);
        return false;
    }
    while (!words_end(&w))
        if (!take_setting(&w, &changed, error))
            return false;
    const char *wrong = link_config_check(&changed);
    if (wrong) {
        (void)snprintf(error, LINK_ERROR_MAX, "%s", wrong);
        return false;
    }
    *config = changed;
    return true;
}

void link_config_text(const struct link_config *config, char text[LINK_TEXT_MAX])
{
    text[0] = '\0';
    append(text, "delay", config->delay_ns, word_times);
    append(text, "jitter", config->jitter_ns, word_times);
    append(text, "rate", config->rate_bps, word_rates);
    append(text, "queue", config->queue_frames, word_counts);
    append(text, "queue", config->queue_bytes, word_bytes);
    append(text, "loss", config->loss_ppm, word_shares);
    append(text, "duplicate", config->duplicate_ppm, word_shares);
    if (config->reorder_ppm > 0 || config->reorder_ns > 0) {
        words_append(text, LINK_TEXT_MAX, "%sreorder ", text[0] ? " " : "");
        words_append_number(text, LINK_TEXT_MAX, config->reorder_ppm, word_shares);
        words_append(text, LINK_TEXT_MAX, " ");
        words_append_number(text, LINK_TEXT_MAX, config->reorder_ns, word_times);
    }
    append(text, "scatter", config->scatter_ns, word_times);
    append(text, "corrupt", config->corrupt_ppm, word_shares);
    append(text, "mark", config->mark_ppm, word_shares);
    if (text[0] == '\0')
        words_append(text, LINK_TEXT_MAX, "none");
}

/* One keyword with its values. */
static bool take_setting(struct words *w, struct link_config *config, char *error)
{
    if (words_take(w, "delay"))
        return take(w, &time_kind, "delay", &config->delay_ns, error);
    if (words_take(w, "jitter"))
        return take(w, &time_kind, "jitter", &config->jitter_ns, error);
    if (words_take(w, "rate"))
        return take(w, &rate_kind, "rate", &config->rate_bps, error);
    if (words_take(w, "queue"))
        return take_queue(w, config, error);
    if (words_take(w, "loss"))
        return take_share(w, "loss", &config->loss_ppm, error);
    if (words_take(w, "duplicate"))
        return take_share(w, "duplicate", &config->duplicate_ppm, error);
    if (words_take(w, "reorder"))
        return take_reorder(w, config, error);
    if (words_take(w, "scatter"))
        return take(w, &time_kind, "scatter", &config->scatter_ns, error);
    if (words_take(w, "corrupt"))
        return take_share(w, "corrupt", &config->corrupt_ppm, error);
    if (words_take(w, "mark"))
        return take_share(w, "mark", &config->mark_ppm, error);
    if (words_take(w, "none")) {
        *config = (struct link_config){0};
        return true;
    }
    (void)snprintf(error, LINK_ERROR_MAX, "\"%s\": expected " KEYWORDS, w->word);
    return false;
}

static bool take(struct words *w, const struct kind *kind, const char *keyword, uint64_t *out,
                 char *error)
{
    if (words_take_number(w, kind->units, kind->max, out))
        return true;
    (void)snprintf(error, LINK_ERROR_MAX, "%s: expected %s, not \"%s\"", keyword, kind->expected,
                   w->word);
    return false;
}

static bool take_share(struct words *w, const char *keyword, uint32_t *out, char *error)
{
    uint64_t ppm;
    if (!take(w, &share_kind, keyword, &ppm, error))
        return false;
    *out = (uint32_t)ppm;
    return true;
}

/* Frames, or bytes, or both in any order. */
static bool take_queue(struct words *w, struct link_config *config, char *error)
{
    unsigned taken = 0;
    for (; taken < 2; taken++) {
        uint64_t frames;
        if (words_take_number(w, word_counts, UINT32_MAX, &frames))
            config->queue_frames = (uint32_t)frames;
        else if (!words_take_number(w, word_bytes, UINT64_C(1) << 40, &config->queue_bytes))
            break;
    }
    if (taken > 0)
        return true;
    (void)snprintf(error, LINK_ERROR_MAX,
                   "queue: expected frames such as 100, or bytes such as 64kb, not \"%s\"",
                   w->word);
    return false;
}

static bool take_reorder(struct words *w, struct link_config *config, char *error)
{
    return take_share(w, "reorder", &config->reorder_ppm, error) &&
           take(w, &time_kind, "reorder", &config->reorder_ns, error);
}

static void append(char *text, const char *keyword, uint64_t value, const struct word_unit *units)
{
    if (value == 0)
        return;
    words_append(text, LINK_TEXT_MAX, "%s%s ", text[0] ? " " : "", keyword);
    words_append_number(text, LINK_TEXT_MAX, value, units);
}
