"""What the doctor finds before a start. A process of its own looks: what looking takes, the databases' and Slack's
clients among it, is not held by `jit up`, which stays.
"""

import subprocess
import sys
from collections.abc import Mapping

from pydantic import TypeAdapter

from jit.doctor import Line
from jit.runtime.supervisor import LIFELINE, OF_MALLOC, hold_lifeline

_LINES = TypeAdapter(list[Line])


def look_first(seen: Mapping[str, str], within: float) -> list[Line]:
    """Lines about what can be reached with the environment ``seen``, after ``within`` seconds at the latest and the
    moment that a process takes to start.
    """
    argv = [sys.executable, "-m", "jit.cli.first_look", str(within)]
    pipe = subprocess.PIPE
    environment = {**OF_MALLOC, **seen, LIFELINE: "stdin"}
    # In a session of its own, for Ctrl-C is for whoever asks: it ends when its input does.
    with subprocess.Popen(argv, env=environment, stdin=pipe, stdout=pipe, start_new_session=True) as looking:  # noqa: S603  our own program
        assert looking.stdout is not None  # noqa: S101  it is a pipe
        said = looking.stdout.read()
    if looking.returncode:
        raise subprocess.CalledProcessError(looking.returncode, argv)
    return _LINES.validate_json(said)


def look(within: float) -> bytes:
    """What `look_first` reads."""
    from jit.cli.doctor import DoctorSettings, checks  # noqa: PLC0415  not for the process that asks
    from jit.clock import SystemClock  # noqa: PLC0415
    from jit.doctor import examine  # noqa: PLC0415

    return _LINES.dump_json(examine(checks(DoctorSettings(), SystemClock()), within))


if __name__ == "__main__":
    from jit.runtime import logs

    logs.set_up()
    hold_lifeline()
    sys.stdout.buffer.write(look(float(sys.argv[1])))
