"""sshd and sudo, from the journal as JSON (`journalctl -o json`) and from auth.log, in either form of its times.

A session of sshd is its process; one of sudo is the user and the terminal. The commands of sudo are kept, with secrets
masked; what is typed in a shell no log of sshd shows.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from jit.clock import from_micros
from jit.detect.activity.lines import Line
from jit.detect.activity.model import MORE, Activity
from jit.detect.activity.parsers.parser import Parser, Unreadable, moment, object_of, text, text_of
from jit.detect.activity.secrets import masked
from jit.facts import ActivityClass as C

_LINE = re.compile(
    r"(\S+T\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S{1,100}) ([\w./-]{1,60})(?:\[(\d{1,10})\])?: (.*)", re.DOTALL
)
_ACCEPTED = re.compile(
    r"Accepted (\S{1,40}) for (\S{1,100}) from (\S{1,60}) port (\d{1,5})(?:.* ID (\S{1,200}) \(serial (\d{1,20})\))?"
)
_OPENED = re.compile(r"pam_unix\(sshd:session\): session (closed) for user (\S{1,100})")
_GONE = re.compile(r"Disconnected from user (\S{1,100}) (\S{1,60}) port")
_RUNS = re.compile(
    r"Starting session: (command|shell|subsystem '([^']{1,60})')(?: on \S+)? for (\S{1,100}) from (\S{1,60})"
)
_SUDO = re.compile(
    r"\s*(\S{1,100}) : (?:(.{1,200}?) ; )?TTY=(\S{1,60}) ; PWD=(.{0,1000}?) ; USER=(\S{1,100}) ; "
    r"(?:[^;]{1,200}; ){0,4}COMMAND=(.*)",
    re.DOTALL,
)
_OF_SUDO = re.compile(r"\s*(\S{1,100}) : .*?(?:TTY=| ; COMMAND=)", re.DOTALL)
"""A folder may be called as whoever stands in it likes, `x ; USER=root ; COMMAND=`, or be longer than a line of syslog:
then it is not known what was run.
"""
_GRANT = re.compile(r"jit[:_-](R-[0-9A-Z]{4,12}|r_[0-9a-z]{4,12})")
_ACCOUNT_TOOLS = re.compile(r"(?:^|/)(?:useradd|userdel|usermod|groupadd|passwd|chpasswd|visudo|adduser|gpasswd)\b")
_SHELLS = re.compile(r"(?:^|/)(?:ba|z|da|k|fi|c)?sh(?:\s|$)|(?:^|/)su(?:\s|$)")
_HIDES = re.compile(r"(?:systemctl|service)\s+(?:stop|mask|disable)\s+\S*(?:audit|syslog|journald)|auditctl\s+-e\s*0")


class _UnixLog(Parser):
    def _said(self, program: str, pid: str, at: datetime | None, says: str) -> Iterator[Activity]:
        told = _of_sshd(says) if program.startswith("sshd") else _of_sudo(says) if program == "sudo" else None
        if told is not None:
            common = {"time": at, "target": self.target, "source": program.partition("-")[0]}
            yield Activity.bounded(**common, **{"session": f"sshd {pid}"} | told)


class Journal(_UnixLog):
    """`journalctl -o json`"""

    source = "journal"

    def _parse(self, line: Line) -> Iterator[Activity]:
        told = object_of(line)
        says = told.get("MESSAGE")
        if isinstance(says, list):  # bytes that are no text
            says = bytes(each for each in says if isinstance(each, int) and 0 <= each < 256).decode("utf-8", "replace")
        if not isinstance(says, str):
            raise Unreadable("a line without a message")
        stamp = text(told, "_SOURCE_REALTIME_TIMESTAMP") or text(told, "__REALTIME_TIMESTAMP")
        at = from_micros(int(stamp)) if stamp.isascii() and stamp.isdigit() and len(stamp) < 18 else None
        program = text(told, "SYSLOG_IDENTIFIER") or text(told, "_COMM")
        yield from self._said(program, text(told, "_PID") or text(told, "SYSLOG_PID"), at, says)


class AuthLog(_UnixLog):
    """`/var/log/auth.log`. The old form of times says no year and no zone: the last such day, by the zone given."""

    source = "auth.log"

    def _parse(self, line: Line) -> Iterator[Activity]:
        found = _LINE.fullmatch(text_of(line).strip("\0"))
        if found is None:
            raise Unreadable("torn, or not a line of syslog")
        stamp, _, program, pid, says = found.groups()
        at = moment(stamp, self.zone) if "T" in stamp and stamp[0].isdigit() else self._without_year(stamp)
        yield from self._said(program.rpartition("/")[2], pid or "", at, says)

    def _without_year(self, stamp: str) -> datetime | None:
        now = datetime.now(self.zone or UTC)
        for year in (now.year, now.year - 1):
            try:
                at = datetime.strptime(f"{year} {stamp}", "%Y %b %d %H:%M:%S").replace(tzinfo=self.zone or UTC)
            except ValueError:
                continue
            if at <= now + timedelta(days=1):
                return at
        return None


def _of_sshd(says: str) -> dict[str, Any] | None:
    if found := _ACCEPTED.match(says):
        named = _GRANT.search(found[5] or "")
        request = named[1].upper().replace("_", "-") if named else None
        return {
            "class_": C.LOGIN,
            "principal": found[2],
            "client": f"{found[3]} port {found[4]}",
            "text": f"{found[1]}{f', certificate {found[5]} serial {found[6]}' if found[5] else ''}",
            "request": request,
        }
    if found := _OPENED.match(says):
        return {"class_": C.LOGOUT, "principal": found[2]}
    if found := _GONE.match(says):
        return {"class_": C.LOGOUT, "principal": found[1], "client": found[2]}
    if found := _RUNS.match(says):
        return {"class_": C.EXEC, "principal": found[3], "client": found[4], "text": f"{found[1]}"}
    return None


def _of_sudo(says: str) -> dict[str, Any] | None:
    found = _SUDO.fullmatch(says)
    if found is None or says.count(" ; COMMAND=") > 1:
        return _not_known(says)
    who, refused, terminal, _, become, command = found.groups()
    return {
        "class_": _class_of(command),
        "principal": who,
        "session": f"sudo {who} {terminal}",
        "text": masked(f"{command} (as {become}{f', {refused}' if refused else ''})"),
        "objects": (command.split()[0],) if command.split() else (),
        "hides": bool(_HIDES.search(command)),
    }


def _not_known(says: str) -> dict[str, Any] | None:
    found = _OF_SUDO.match(says)
    if found is None:
        return None
    told = {"principal": found[1], "session": f"sudo {found[1]}", "text": masked(says.strip()), "objects": (MORE,)}
    return {"class_": _class_of(says), "hides": bool(_HIDES.search(says)), **told}


def _class_of(command: str) -> C:
    return C.ACCOUNT if _ACCOUNT_TOOLS.search(command) else C.PRIVILEGE if _SHELLS.search(command) else C.EXEC
