# SPDX-License-Identifier: MIT
#
# libpcap, for the binary: its filter language, and capture on interfaces. A cross-compiled binary,
# which is only tested, goes without: `capture` then reads files and wires, unfiltered.

add_library(pcap INTERFACE)
if(CMAKE_CROSSCOMPILING)
    target_compile_definitions(pcap INTERFACE ESTAB_NO_PCAP)
else()
    find_path(ESTAB_PCAP_INCLUDE pcap/pcap.h)
    find_library(ESTAB_PCAP_LIBRARY pcap)
    if(NOT ESTAB_PCAP_INCLUDE OR NOT ESTAB_PCAP_LIBRARY)
        message(FATAL_ERROR "libpcap is missing: `scripts/setup build` installs it")
    endif()
    target_include_directories(pcap SYSTEM INTERFACE ${ESTAB_PCAP_INCLUDE})
    target_link_libraries(pcap INTERFACE ${ESTAB_PCAP_LIBRARY})
endif()
