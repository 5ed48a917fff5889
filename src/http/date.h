/* SPDX-License-Identifier: MIT */
/* date.h - a moment as HTTP writes it: IMF-fixdate, RFC 9110 section 5.6.7. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdint.h>

#define HTTP_DATE_SIZE sizeof("Sun, 06 Nov 1994 08:49:37 GMT")

/* `seconds` since 1970, and before the year 10000. */
void http_date(char out[HTTP_DATE_SIZE], int64_t seconds);

#endif
