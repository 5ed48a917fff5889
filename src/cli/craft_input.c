/* SPDX-License-Identifier: MIT */
/*
 * craft_input.c - lines out of a buffer of two of them.
 *
 * A line that is too long is handed over cut, which the parser refuses, and the rest of it is read
 * as a line of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/craft.h"

const char *craft_input_open(struct craft_input *in, const char *file)
{
    memset(in, 0, sizeof *in);
    in->fd = STDIN_FILENO;
    in->name = file;
    if (file)
        in->fd = open(file, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        return strerror(errno);
    in->terminal = isatty(in->fd);
    return NULL;
}

void craft_input_close(struct craft_input *in)
{
    if (in->fd > STDERR_FILENO)
        close(in->fd);
}

bool craft_input_line(struct craft_input *in, const char **line, size_t *n)
{
    char *start = in->bytes + in->start;
    size_t left = in->stop - in->start;
    char *newline = left > 0 ? memchr(start, '\n', left) : NULL;
    size_t length = newline ? (size_t)(newline - start) : left;

    if (!newline && left < CRAFT_LINE_MAX && !(in->end && left > 0))
        return false;
    if (length > CRAFT_LINE_MAX) {
        length = CRAFT_LINE_MAX;
        newline = NULL;
    }
    *line = start;
    *n = length;
    in->start += length + (newline != NULL);
    in->line++;
    return true;
}

void craft_input_read(struct craft_input *in)
{
    ssize_t n;

    memmove(in->bytes, in->bytes + in->start, in->stop - in->start);
    in->stop -= in->start;
    in->start = 0;
    n = read(in->fd, in->bytes + in->stop, sizeof in->bytes - in->stop);
    if (n > 0)
        in->stop += (size_t)n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        in->end = true;
}
