"""Decode sessions on the cores of this machine or on a Ray cluster."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from emgtype.evaluation.decoding import Decoded, Task, attempt
from messages.errors import InputError

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_DIED = "the process that decoded it died, probably for lack of memory: decode it on a machine with more"


class Backend(Protocol):
    """Runs tasks, in any order, until all are done or the caller stops iterating."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Decoded | str]]:
        """Yield each task with its result as soon as it is done; a failure is a sentence."""
        ...


class Processes:
    """Processes of this machine, with one thread each."""

    def __init__(self, jobs: int | None = None) -> None:
        """Set the number of processes; `jobs=None`: one per core."""
        self._jobs = jobs or os.cpu_count() or 1

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Decoded | str]]:
        """Yield each task with its result; see Backend."""
        lost: list[Task] = []
        for task, result in _pool(tasks, min(self._jobs, len(tasks))):
            if result is None:
                lost.append(task)
            else:
                yield task, result
        # A process that dies takes the whole pool along. Each lost task runs again by itself, so that one alone fails.
        for task in lost:
            for _, result in _pool([task], 1):
                yield task, _DIED if result is None else result


def _pool(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Decoded | str | None]]:
    """Yield results as they come; None for tasks that were lost with a process."""
    if not tasks:
        return
    before = set(multiprocessing.active_children())
    with _environment(_ONE_THREAD):
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_ignore_interrupt)
        runs: dict[Future[Decoded | str], Task] = {}
        try:
            runs.update((pool.submit(attempt, task), task) for task in tasks)
            for run in as_completed(runs):
                try:
                    yield runs[run], run.result()
                except BrokenProcessPool:
                    yield runs[run], None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            # The caller has stopped iterating: nobody needs the tasks that still run.
            if not all(run.done() and not run.cancelled() for run in runs):
                for process in set(multiprocessing.active_children()) - before:
                    process.terminate()


def _ignore_interrupt() -> None:
    # Ctrl-C reaches all processes of a terminal; the parent ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that start within the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Cluster:
    """A Ray cluster, whose nodes have this emgtype installed and see the sessions and bundles under the same paths."""

    def __init__(self, address: str, jobs: int | None = None) -> None:
        """Connect to a cluster.

        Args:
            address: The head node's address ("ray://host:10001", "host:6379"), "auto" for a cluster that runs on this
                machine, or "local" to start one until `close`.
            jobs: Tasks at once at most on "local"; a cluster decides by its cores.

        Raises:
            InputError: No cluster answers at the address.
            ModuleNotFoundError: Ray is not installed.
        """
        # Here, since it is optional and slow to load.
        import ray  # noqa: PLC0415

        self._ray: Any = ray
        settings: dict[str, Any] = {"num_cpus": jobs, "include_dashboard": False} if address == "local" else {}
        try:
            ray.init(address, log_to_driver=False, runtime_env={"env_vars": _ONE_THREAD}, **settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"no Ray cluster at {address!r} ({reason}): start one with `ray start --head`, give Ray the "
                "token that the cluster asks for (RAY_AUTH_TOKEN_PATH), or leave --cluster out"
            ) from None

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Decoded | str]]:
        """Yield each task with its result; see Backend."""
        ray = self._ray
        remote = ray.remote(num_cpus=1)(attempt)
        waiting = {remote.remote(_anywhere(task)): task for task in tasks}
        try:
            while waiting:
                (done,), _ = ray.wait(list(waiting), num_returns=1)
                try:
                    result = ray.get(done)
                except ray.exceptions.RayError as error:
                    result = f"the cluster lost it: {' '.join(str(error).split())}"
                yield waiting.pop(done), result
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)

    def close(self) -> None:
        """Disconnect; end a local cluster."""
        self._ray.shutdown()


def _anywhere(task: Task) -> Task:
    """Return the task with absolute paths, which hold in every working directory."""
    return replace(task, session=task.session.absolute(), bundle=task.bundle.absolute())
