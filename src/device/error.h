/* SPDX-License-Identifier: MIT */
/*
 * error.h - how the host side says what went wrong.
 */
#ifndef DEVICE_ERROR_H
#define DEVICE_ERROR_H

#include <estab_host.h>

/* Fills `error`, which may be NULL; a `number` that is not 0 adds ": " and strerror's text. */
void host_fail(struct estab_host_error *error, enum estab_host_kind kind, int number,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
