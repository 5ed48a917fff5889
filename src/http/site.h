/* SPDX-License-Identifier: MIT */
/*
 * site.h - what `estab serve http` has to say: the pages of the socket tutorials.
 *
 *      GET  /hello                                Hello World!
 *      GET  /info?name=N&age=A                    hello, I'm N and A years old.
 *      POST /form with username=U&password=P      I'm U and my password is P.
 */
#ifndef HTTP_SITE_H
#define HTTP_SITE_H

#include "http/http.h"

http_handler site_answer;

#endif
