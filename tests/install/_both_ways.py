#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""_both_ways.py ADDRESS PORT ANSWER HEARD: accept one connection of the kernel's TCP; send the one
file and receive the other at once, each to its end. (Netcat leaves when its own text has gone, and
with it what it has not yet read.)"""

import pathlib
import socket
import sys
import threading

address, port, answer, heard = sys.argv[1:]
with socket.create_server((address, int(port))) as server:
    print("listening", flush=True)
    peer, _ = server.accept()


def give():
    peer.sendall(pathlib.Path(answer).read_bytes())
    peer.shutdown(socket.SHUT_WR)


giver = threading.Thread(target=give)
giver.start()
with open(heard, "wb") as file:
    while text := peer.recv(65536):
        file.write(text)
giver.join()
