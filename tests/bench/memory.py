"""What each process of `jit up` holds in memory, after it has done some work."""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from demo.stack import Stack, running_stack
from jit.clock import SystemClock
from jit.requests.lifecycle import State
from jit.runtime.supervisor import STOP_WITHIN
from playground.sample import REQUESTS
from tests.bench.results import Result, one_run
from tests.world.product import POLICIES, Product
from tests.world.shared_clock import SharedClock

GRANTS = 5


def measure_memory() -> Sequence[Result]:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        with running_stack(folder, POLICIES, bots=1, workers=1, clock=SystemClock(), output=None) as stage:
            environment = {k: v for child in stage.supervisor.children.values() for k, v in child.env.items()}
            for child in stage.supervisor.children:
                stage.supervisor.kill(child, stay_down=True)
            environment |= {"JIT_DATA": str(folder / "data")}
            environment.pop("REDIS_URL")
            with _up(environment, folder) as product:
                _use(Product(stage, SharedClock(folder / "clock"), folder))
                children = [child for child in product.children(recursive=True) if "/bin/sh" not in child.cmdline()]
                names = Counter[str]()
                return [_held(process, _name(process, names)) for process in (product, *children)]


@contextmanager
def _up(environment: dict[str, str], folder: Path) -> Iterator[psutil.Process]:
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "jit.cli", "up"], env=environment, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(STOP_WITHIN * 3)


def _use(it: Product) -> None:
    stage: Stack = it.stage
    it.until(stage.stage.connections, 60)
    for _ in range(GRANTS):
        request = it.granted(stage.alice, "orders-db/read 1h INC-42 to see what it takes")
        stage.alice.command("/jit", f"release {request.id}", channel=REQUESTS)
        it.reaches(request, State.ENDED)


def _name(process: psutil.Process, given: Counter[str]) -> str:
    command = process.cmdline()
    name = "valkey" if "valkey" in command[0] else f"jit {command[-1]}"
    given[name] += 1
    return name if given[name] == 1 else f"{name} {given[name]}"


def _held(process: psutil.Process, name: str) -> Result:
    """The proportional set where the system tells it: pages that processes share are counted once among them."""
    memory = process.memory_full_info()
    proportional = getattr(memory, "pss", 0) / 2**20
    resident = memory.rss / 2**20
    says = f"RSS {resident:.0f} MB" if proportional else "RSS"
    return one_run(name, "MB", [proportional or resident], says=says)
