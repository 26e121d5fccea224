# SPDX-License-Identifier: ISC
"""
The peer of the image: sends it random bytes, or asks it for bytes, by TCP. Prints
the hash that the image says or printed, and that of the bytes here.

    peer.py send ADDRESS BYTES PROGRESS
    peer.py receive ADDRESS BYTES PROGRESS

The file PROGRESS gets a byte for each MB that has passed.
"""
import hashlib
import os
import socket
import sys

PIECE = 1 << 18


def connect(address, port):
    s = socket.create_connection((address, port), timeout=120)
    s.settimeout(300)
    return s


def send(s, total, note):
    digest = hashlib.sha256()
    for at in range(0, total, PIECE):
        piece = os.urandom(min(PIECE, total - at))
        digest.update(piece)
        s.sendall(piece)
        note(at + len(piece))
    s.shutdown(socket.SHUT_WR)
    answer = b''
    while data := s.recv(4096):
        answer += data
    print(answer.decode().strip(), digest.hexdigest())


def receive(s, total, note):
    digest, at = hashlib.sha256(), 0
    s.sendall(b'%d\n' % total)
    while data := s.recv(PIECE):
        digest.update(data)
        at += len(data)
        note(at)
    print(f'sent {at} bytes: {digest.hexdigest()}')


def main():
    way, address, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(sys.argv[4], 'wb', buffering=0) as progress:
        passed = 0

        def note(at):
            nonlocal passed
            progress.write(b'.' * (at // 1000000 - passed))
            passed = at // 1000000

        if way == 'send':
            send(connect(address, 9), total, note)
        else:
            receive(connect(address, 19), total, note)


main()
