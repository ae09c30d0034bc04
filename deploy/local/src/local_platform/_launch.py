"""Becomes another program, after telling the guard about itself and giving up root where that is asked for.

`python -I -S _launch.py <guard fd> <last signal> <identity> <program> <arguments...>`, already in a session of its own.
Identities: `same` (whoever runs this), `namespace` (the files of this user under another name, in a user namespace),
`nobody` (another user altogether). Only the standard library, to stay small and quick.
"""

import ctypes
import os
import pwd
import sys

CLONE_NEWUSER = 0x10000000


def unprivileged() -> pwd.struct_passwd:
    """An ordinary user with an entry in the password file: programs look their own name up."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)


def enter_namespace() -> None:
    """Takes another user's id inside a new user namespace; outside of it everything still belongs to this user."""
    user, group = os.geteuid(), os.getegid()
    entry = unprivileged()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, value in (
        ("setgroups", "deny"),
        ("uid_map", f"{entry.pw_uid} {user} 1"),
        ("gid_map", f"{entry.pw_gid} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(value)


def become_nobody() -> None:
    entry = unprivileged()
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def main(arguments: list[str]) -> None:
    guard, last_signal, identity, *command = arguments
    os.write(int(guard), f"+{os.getpid()} {last_signal}\n".encode())
    os.set_inheritable(int(guard), False)
    if identity == "namespace":
        enter_namespace()
    elif identity == "nobody":
        become_nobody()
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
