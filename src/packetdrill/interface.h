/* SPDX-License-Identifier: MIT */
/*
 * interface.h - what packetdrill asks of a shared object, `packetdrill --so_filename=X.so`.
 *
 * It calls packetdrill_interface_init once, with the text of --so_flags or NULL, and a table of
 * zeroes to be filled.  The order of the table is the ABI.  Calls are POSIX's, with `userdata` before
 * their arguments: -1 and errno.  Packets are IPv4 or IPv6 without a header in front.
 */
#ifndef PACKETDRILL_INTERFACE_H
#define PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct packetdrill_interface {
    void *userdata;
    void (*free)(void *u);

    int (*socket)(void *u, int domain, int type, int protocol);
    int (*bind)(void *u, int fd, const struct sockaddr *, socklen_t);
    int (*listen)(void *u, int fd, int backlog);
    int (*accept)(void *u, int fd, struct sockaddr *, socklen_t *);
    int (*connect)(void *u, int fd, const struct sockaddr *, socklen_t);
    ssize_t (*read)(void *u, int fd, void *, size_t);
    ssize_t (*readv)(void *u, int fd, const struct iovec *, int count);
    ssize_t (*recv)(void *u, int fd, void *, size_t, int flags);
    ssize_t (*recvfrom)(void *u, int fd, void *, size_t, int flags, struct sockaddr *, socklen_t *);
    ssize_t (*recvmsg)(void *u, int fd, struct msghdr *, int flags);
    ssize_t (*write)(void *u, int fd, const void *, size_t);
    ssize_t (*writev)(void *u, int fd, const struct iovec *, int count);
    ssize_t (*send)(void *u, int fd, const void *, size_t, int flags);
    ssize_t (*sendto)(void *u, int fd, const void *, size_t, int flags, const struct sockaddr *,
                      socklen_t);
    ssize_t (*sendmsg)(void *u, int fd, const struct msghdr *, int flags);
    int (*fcntl)(void *u, int fd, int command, ...);           /* an int, or nothing */
    int (*ioctl)(void *u, int fd, unsigned long request, ...); /* an int * */
    int (*close)(void *u, int fd);
    int (*shutdown)(void *u, int fd, int how);
    int (*getsockopt)(void *u, int fd, int level, int option, void *, socklen_t *);
    int (*setsockopt)(void *u, int fd, int level, int option, const void *, socklen_t);
    int (*poll)(void *u, struct pollfd *, nfds_t, int timeout_ms);

    int (*netdev_send)(void *u, const void *packet, size_t n); /* to the stack */
    /* The next packet from the stack: *n is the room, then its length; 0: there is none.  Its time is
     * gettimeofday's, in microseconds. */
    int (*netdev_receive)(void *u, void *packet, size_t *n, long long *time_us);

    int (*usleep)(void *u, useconds_t);
    int (*gettimeofday)(void *u, struct timeval *, struct timezone *);
    int (*epoll_create)(void *u, int size);
    int (*epoll_ctl)(void *u, int set, int op, int fd, struct epoll_event *);
    int (*epoll_wait)(void *u, int set, struct epoll_event *, int most, int timeout_ms);
    int (*pipe)(void *u, int fd[2]);
    int (*splice)(void *u, int in, loff_t *in_at, int out, loff_t *out_at, size_t, unsigned flags);
};

__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *);

#endif
