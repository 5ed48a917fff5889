# SPDX-License-Identifier: MIT
#
# Debian's cross compiler for i386, and qemu-user to run what it makes.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_C_COMPILER i686-linux-gnu-gcc)

find_program(ESTAB_QEMU qemu-i386 REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR "${ESTAB_QEMU};-L;/usr/i686-linux-gnu")

set(CMAKE_FIND_ROOT_PATH /usr/i686-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
