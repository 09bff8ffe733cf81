"""Becomes a command that may use the named system calls only, and has no memory to write and to execute.

    /usr/bin/python3 confine.py read,write,... COMMAND ...

What systemd does for SystemCallFilter= and MemoryDenyWriteExecute= (systemd.exec(5)); here a breach kills. And
never as root, as for User=: SQLite gives its files away then, which is a call that services may not use.
"""
import ctypes
import os
import sys

import seccomp

PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
W_AND_X = PROT_WRITE | PROT_EXEC
NOBODY = 65534

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)

leave = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
for name in sys.argv[1].split(","):
    try:
        if name == "mmap":
            for protection in (0, PROT_WRITE, PROT_EXEC):
                leave.add_rule(seccomp.ALLOW, name, seccomp.Arg(2, seccomp.MASKED_EQ, W_AND_X, protection))
        elif name in ("mprotect", "pkey_mprotect"):
            leave.add_rule(seccomp.ALLOW, name, seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
        elif name == "shmat":
            leave.add_rule(seccomp.ALLOW, name, seccomp.Arg(2, seccomp.MASKED_EQ, SHM_EXEC, 0))
        else:
            leave.add_rule(seccomp.ALLOW, name)
    except RuntimeError:
        continue  # of another architecture
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
leave.load()
os.execv(sys.argv[2], sys.argv[2:])
