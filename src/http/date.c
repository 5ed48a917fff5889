/* SPDX-License-Identifier: MIT */
/* date.c - see date.h.  The names are not the locale's, so strftime is no help. */
#include "http/date.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define SECONDS_END INT64_C(253402300800) /* the year 10000 */

static const char week[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void http_date(char out[HTTP_DATE_SIZE], int64_t seconds)
{
    time_t moment = (time_t)seconds;
    struct tm tm;
    bool known = gmtime_r(&moment, &tm);
    int length;

    assert(known && seconds >= 0 && seconds < SECONDS_END);
    length = snprintf(out, HTTP_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", week[tm.tm_wday],
                      tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                      tm.tm_sec);
    assert(length == HTTP_DATE_SIZE - 1);
}
