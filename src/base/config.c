/* SPDX-License-Identifier: MIT */
/* config.c - struct estab_config: its defaults and its ranges, from defaults.def. */
#include <string.h>

#include "estab.h"

void estab_config_init(struct estab_config *config)
{
    memset(config, 0, sizeof *config);
    config->size = sizeof *config;
#define DEFAULT(member, value, rfc, least, most, unit, source, linux_, text) config->member = value;
#include "base/defaults.def"
#undef DEFAULT
}

void estab_config_rfc(struct estab_config *config)
{
    estab_config_init(config);
#define DEFAULT(member, value, rfc, least, most, unit, source, linux_, text) config->member = rfc;
#include "base/defaults.def"
#undef DEFAULT
}

/* A room from elsewhere (estab_stack_adopt) may have any byte in the place of a bool. */
static int64_t byte_at(const void *p)
{
    uint8_t byte;

    memcpy(&byte, p, sizeof byte);
    return byte;
}

/* The ranges of single members; int64_t holds all of their values. */
static const char *out_of_range(const struct estab_config *config)
{
#define VALUE(member)                                                                              \
    _Generic(config->member, bool: byte_at(&config->member), default: (int64_t)config->member)
#define DEFAULT(member, value, rfc, least, most, unit, source, linux_, text)                       \
    if (VALUE(member) < (int64_t)(least) || VALUE(member) > (int64_t)(most))                       \
        return #member " must be from " #least " to " #most " " unit;
#include "base/defaults.def"
#undef DEFAULT
#undef VALUE
    return NULL;
}

static bool power_of_two(uint32_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

const char *estab_config_check(const struct estab_config *config)
{
    const char *range;

    if (config->size != sizeof *config)
        return "size must be sizeof(struct estab_config): call estab_config_init first";
    range = out_of_range(config);
    if (range)
        return range;
    if (!power_of_two(config->chunk_bytes))
        return "chunk_bytes must be a power of two";
    if (config->trace_records && !power_of_two(config->trace_records))
        return "trace_records must be 0 or a power of two";
    if (config->rto_min_ms > config->rto_max_ms)
        return "rto_min_ms must not be above rto_max_ms";
    if (config->persist_min_ms > config->persist_max_ms)
        return "persist_min_ms must not be above persist_max_ms";
    if (2 * (uint64_t)config->receive_reserve / (config->chunk_bytes - ESTAB_HEAD_MAX) + 4 >
        config->chunks - config->chunks / 8)
        return "chunks must hold receive_reserve twice, and an eighth more for senders";
    if (config->receive_reserve > config->receive_buffer)
        return "receive_reserve must not be above receive_buffer";
    return NULL;
}

const char *estab_error_text(enum estab_error error)
{
    static const char *const texts[] = {
#define X(name, text) [ESTAB_##name] = text,
        ESTAB_ERRORS(X)
#undef X
    };

    return (unsigned)error < sizeof texts / sizeof texts[0] ? texts[error] : "unknown error";
}
