/* SPDX-License-Identifier: MIT */
#include "support/whom.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/netns.h"

#define NOBODY 65534

/* What forbids it forbids it to every ordinary user, as a chroot does; that is no failure of ours. */
static int run_if_allowed(int (*run_all)(const char *))
{
    struct estab_host_error error;
    struct netns_options o = netns_defaults(true);
    struct netns *ns = netns_make(&o, &error);

    if (!ns) {
        printf("as an ordinary user: skipped: %s\n", error.text);
        return 0;
    }
    netns_free(ns);
    return run_all("as an ordinary user");
}

/* A process that drops root is not "dumpable", and then does not own its own files in /proc. */
static int run_as_nobody(int (*run_all)(const char *))
{
    int status = 1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
            setresuid(NOBODY, NOBODY, NOBODY) || prctl(PR_SET_DUMPABLE, 1) || chdir("/"))
            _exit(1);
        exit(run_if_allowed(run_all) ? 1 : 0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

int whom_run(int (*run_all)(const char *as))
{
    struct estab_host_error error;
    struct netns_options o = netns_defaults(true);
    struct netns *ns = netns_make(&o, &error);
    if (!ns) {
        printf("%s\n", error.text);
        return 77;
    }
    netns_free(ns);
    bool root = geteuid() == 0;
    int failed = run_all(root ? "as root" : "as this user");
    if (root)
        failed |= run_as_nobody(run_all);
    return failed ? 1 : 0;
}
