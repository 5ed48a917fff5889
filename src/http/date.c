/* SPDX-License-Identifier: MIT */
/*
 * date.c - see date.h.
 *
 * The calendar by arithmetic: gmtime_r ends in 2038 where time_t has 32 bits, and the names are not the
 * locale's.
 */
#include "http/date.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#define DAY         86400
#define SECONDS_END INT64_C(253402300800) /* the year 10000 */

static const char week[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month] + (month == 1 && is_leap(year));
}

void http_date(char out[HTTP_DATE_SIZE], int64_t seconds)
{
    unsigned year = 1970, month = 0, days, weekday, time;
    int length;

    assert(seconds >= 0 && seconds < SECONDS_END);
    days = (unsigned)(seconds / DAY);
    time = (unsigned)(seconds % DAY);
    weekday = days % 7;
    while (days >= 365u + is_leap(year))
        days -= 365u + is_leap(year++);
    while (days >= days_of(year, month))
        days -= days_of(year, month++);
    length = snprintf(out, HTTP_DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT", week[weekday],
                      (days + 1) % 100, months[month], year % 10000, time / 3600 % 24,
                      time / 60 % 60, time % 60);
    assert(length == HTTP_DATE_SIZE - 1);
}
