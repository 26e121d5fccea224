# SPDX-License-Identifier: ISC
"""
Spoils the receive queue of a virtio device in QEMU, which then asks for a reset.
The buffers that the image has made available get an index beyond the ring, or,
in a packed ring, a table of descriptors that has one byte.

    spoil.py SOCKET ADDRESS ENTRIES split|packed

SOCKET is that of QEMU's stub for gdb, and ADDRESS that of the available ring, or
of the packed one.
"""
import socket
import struct
import sys

INDIRECT = 4  # a flag of descriptors (virtio 1.2, 2.8)


class Stub:
    """The remote protocol of gdb."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)

    def _byte(self):
        byte = self.socket.recv(1)
        if not byte:
            sys.exit('QEMU has ended')
        return byte

    def _packet(self):
        while self._byte() != b'$':
            pass
        packet = b''
        while (byte := self._byte()) != b'#':
            packet += byte
        self._byte(), self._byte()
        self.socket.sendall(b'+')
        return packet.decode()

    def ask(self, text):
        data = text.encode()
        self.socket.sendall(b'$%s#%02x' % (data, sum(data) % 256))
        # T: the machine has stopped, since we are there.
        while (answer := self._packet()).startswith('T'):
            pass
        if answer.startswith('E'):
            sys.exit(f'{text[:40]}: {answer}')
        return answer

    def read(self, address, size):
        return bytes.fromhex(self.ask(f'm{address:x},{size:x}'))

    def write(self, address, data):
        self.ask(f'M{address:x},{len(data):x}:{data.hex()}')


def main():
    stub, at, entries = Stub(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    stub.ask('Qqemu.PhyMemMode:1')
    for n in range(entries):
        if sys.argv[4] == 'split':
            stub.write(at + 4 + 2 * n, b'\xff\xff')
        else:
            _, number, flags = struct.unpack('<IHH',
                                             stub.read(at + 16 * n + 8, 8))
            stub.write(at + 16 * n + 8,
                       struct.pack('<IHH', 1, number, flags | INDIRECT))
    stub.ask('D')


main()
