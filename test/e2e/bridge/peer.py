# SPDX-License-Identifier: ISC
"""
peer.py serve ADDRESS         returns what it is sent by TCP, to port 7, and
                              takes datagrams
peer.py tcp ADDRESS BYTES     sends bytes to it, while they come back, and
                              compares the hashes
peer.py udp ADDRESS           sends 40 datagrams by one call, and asks how many
                              have arrived whole
"""
import hashlib
import socket
import sys
import threading

UDP_SEGMENT = 103  # of linux/udp.h
SIZE, COUNT, WAIT = 1200, 40, 50


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def datagrams():
    return [bytes([i]) * SIZE for i in range(COUNT)]


def take(s):
    """Answers "?" with how many of the datagrams have come whole, by then."""
    wanted, whole = datagrams(), set()
    while True:
        data, peer = s.recvfrom(65536)
        if data == b'?':
            s.sendto(b'%d' % len(whole), peer)
        elif data in wanted:
            whole.add(data)


def serve(address):
    udp = socket.socket(family(address), socket.SOCK_DGRAM)
    udp.bind((address, 7))
    threading.Thread(target=take, args=(udp,), daemon=True).start()
    with socket.create_server((address, 7), family=family(address)) as server:
        print('serving', flush=True)
        while True:
            s, _ = server.accept()
            while data := s.recv(1 << 18):
                s.sendall(data)
            s.close()


def tcp(address, length):
    s = socket.create_connection((address, 7), WAIT)
    chunk = bytes(i * 7 % 251 for i in range(251 * 1000))
    sent, received, got = hashlib.sha256(), hashlib.sha256(), 0

    def send():
        left = length
        while left > 0:
            data = chunk[:left]
            s.sendall(data)
            sent.update(data)
            left -= len(data)
        s.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    while data := s.recv(1 << 18):
        received.update(data)
        got += len(data)
    sender.join()
    print(got, 'bytes', 'same' if sent.digest() == received.digest()
          else 'other')


def udp(address):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.settimeout(WAIT)
    s.connect((address, 7))
    s.send(b'?')  # the neighbour's address is known then
    s.recv(100)
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
    s.send(b''.join(datagrams()))
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
    s.send(b'?')
    print(s.recv(100).decode(), 'datagrams')


if sys.argv[1] == 'serve':
    serve(sys.argv[2])
elif sys.argv[1] == 'tcp':
    tcp(sys.argv[2], int(sys.argv[3]))
else:
    udp(sys.argv[2])
