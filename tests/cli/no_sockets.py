#!/usr/bin/env python3
"""Runs a command that is killed when it makes a socket: no_sockets.py COMMAND ARGUMENT…
Exit 77 where the kernel or the machine has no such filter."""
import ctypes
import os
import platform
import struct
import sys

SOCKET = {'x86_64': 41, 'aarch64': 198}  # the number of socket(2)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000


class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_char_p)]


def main():
    if platform.machine() not in SOCKET:
        sys.exit(77)
    socket = SOCKET[platform.machine()]
    steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, socket), (RETURN, 0, 0, KILL), (RETURN, 0, 0, ALLOW)]
    code = b''.join(struct.pack('=HBBI', *step) for step in steps)
    program = Program(len(steps), code)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, MODE_FILTER,
                                                      ctypes.byref(program), 0, 0):
        sys.exit(77)
    os.execvp(sys.argv[1], sys.argv[1:])


main()
