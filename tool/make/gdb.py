# SPDX-License-Identifier: ISC
#
# gdb.py   commands of gdb for images, by gdb -x, as `mirage run --gdb` does:
#
#     mirage fibers        lists each fiber: its name, its state, its place
#     mirage backtraces    lists its calls, too
#
# The registers of a suspended fiber are on its stack (arch_switch). Its calls are
# found by frame pointers. Nothing in the image is changed, so that it can be
# continued, or be a core file.

import gdb

FIBER = "'core/fiber.c'::"
MOST_FRAMES = 64


def value(name):
    return gdb.parse_and_eval(FIBER + name)


def all_fibers():
    """All fibers, in the order in which they were started."""
    found, fiber = [], value("newest")
    while fiber:
        found.insert(0, fiber)
        fiber = fiber["older"]
    return found


def word(address):
    return int(gdb.parse_and_eval("*(unsigned long *)%d" % address))


def return_addresses(fiber):
    """The calls of a suspended fiber, the innermost first."""
    low = int(fiber["stack"]["low"])
    high = low + int(fiber["stack"]["size"])
    sp = int(fiber["sp"])
    frame, address = word(sp + 40), word(sp + 48)
    for _ in range(MOST_FRAMES):
        if not address:
            return
        yield address
        if not low <= frame < high:
            return
        frame, address = word(frame), word(frame + 8)


def source_line(line):
    if not line.symtab:
        return ""
    name = line.symtab.filename
    return "%s:%d" % (name[2:] if name.startswith("./") else name, line.line)


def place(address):
    """(function, "file:line") of the call that returns to address."""
    pc = address - 1
    block = gdb.block_for_pc(pc)
    while block and not block.function:
        block = block.superblock
    line = gdb.find_pc_line(pc)
    where = source_line(line)
    if block:
        return block.function.name, where
    symbol = gdb.execute("info symbol %d" % pc, to_string=True)
    return symbol.split(" in section")[0].strip(), where


def is_running(fiber):
    return fiber == value("running")


def state(fiber):
    if is_running(fiber):
        return "runs"
    if fiber["ended"]:
        return "has ended"
    if not fiber["waiting"]:
        return "is ready"
    timer = fiber["timer"]
    until = ""
    if timer["is_set"]:
        until = " until %.3f s" % (int(timer["deadline"]) / 1e9)
    return ("waits" if fiber["waiting_in"] else "sleeps") + until


def calls(fiber):
    """(function, place) of each call; gdb finds those of the running fiber."""
    if not is_running(fiber):
        return [place(a) for a in return_addresses(fiber)]
    found, frame = [], gdb.newest_frame()
    while frame and len(found) < MOST_FRAMES:
        if frame.name():
            found.append((frame.name(), source_line(frame.find_sal())))
        frame = frame.older()
    return found


def outside(list_of_calls):
    """The innermost call outside the scheduler."""
    for function, where in list_of_calls:
        if "core/fiber.c:" not in where:
            return "%s %s" % (function, where)
    return ""


def print_fiber(fiber, with_calls):
    found = calls(fiber)
    name, what = fiber["name"].string(), state(fiber)
    print('%s %-20s %s, in %s' % ("*" if is_running(fiber) else " ",
                                  '"%s"' % name, what, outside(found)))
    if with_calls:
        for n, (function, where) in enumerate(found):
            print("    #%-2d %s %s" % (n, function, where))


class Mirage(gdb.Command):
    """Looks into an image of Mirage for C."""

    def __init__(self):
        super().__init__("mirage", gdb.COMMAND_STACK, prefix=True)


class Fibers(gdb.Command):
    """Each fiber: its name, what it does, and where."""

    def __init__(self, name, with_calls):
        super().__init__(name, gdb.COMMAND_STACK)
        self.with_calls = with_calls

    def invoke(self, argument, from_tty):
        if gdb.selected_inferior().architecture().name() != "i386:x86-64":
            raise gdb.GdbError("fibers are looked into on x86-64 only")
        for fiber in all_fibers():
            print_fiber(fiber, self.with_calls)


Mirage()
Fibers("mirage fibers", False)
Fibers("mirage backtraces", True)
