/* SPDX-License-Identifier: MIT */
/*
 * whom.h - runs a group of tests as the user who started it and, if that is root, again as nobody.
 */
#ifndef TESTS_SUPPORT_WHOM_H
#define TESTS_SUPPORT_WHOM_H

/* The program's exit code; 77, and a sentence, where no namespace can be made. */
int whom_run(int (*run_all)(const char *as));

#endif
