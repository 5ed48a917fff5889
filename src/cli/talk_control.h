/* SPDX-License-Identifier: MIT */
/* talk_control.h - a verb that talks, as netstat in another terminal sees it. */
#ifndef CLI_TALK_CONTROL_H
#define CLI_TALK_CONTROL_H

#include "cli/talk.h"

/* Opens a control socket of "estab WHAT", and gives it to the loop.  Without one everything else goes
 * on: then the user is told why. */
void talk_control_open(struct talk *, estab_loop *, const char *what);
/* Adds the names of a wire's stations. */
void talk_station_names(const struct station *, struct names *);
/* As the user would write it behind --on. */
const char *talk_on_text(const struct cli_on *, char out[40]);

#endif
