"""Give a reader of bytes from outside millions of inputs, guided by what they reach.

    python -m tests.fuzz config                    # a million
    python -m tests.fuzz all --inputs 100000
    python -m tests.fuzz files --minutes 10        # all kinds of files.py, in turns; or one: files --kind session
    python -m tests.fuzz sockets --minutes 10

It ends with an error and the input where a target lets anything but an InputError through, takes longer than five
seconds for one, or uses more than a gigabyte; for files and sockets, where the process that reads ends, does not answer
or grows. All but files and sockets need atheris (pip install atheris).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def _fuzz(name: str, inputs: int, folder: Path) -> None:
    """Fuzz a target in this process, which atheris ends."""
    import atheris  # noqa: PLC0415 - developers alone have it

    with atheris.instrument_imports(include=["adapters", "decoder", "emgtype", "streamer"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    target = TARGETS[name]
    for number, seed in enumerate(target.seeds()):
        (folder / f"seed{number}").write_bytes(seed)
    limits = [
        "-timeout=5",
        "-rss_limit_mb=1024",
        f"-max_len={target.longest}",
        f"-runs={inputs}",
        "-print_final_stats=1",
    ]
    options = [*limits, f"-artifact_prefix={folder.parent}/{name}-", "-verbosity=0"]
    if words := [token for token in target.tokens if token.isascii()]:
        dictionary = folder.parent / "words"
        dictionary.write_text("".join(f'"{word}"\n' for word in words), encoding="utf-8")
        options.append(f"-dict={dictionary}")

    def one(data: bytes) -> None:
        target(data)

    atheris.Setup([sys.argv[0], *options, str(folder)], one)
    atheris.Fuzz()


def _fuzz_processes(options: argparse.Namespace) -> bool:
    """Fuzz files or sockets, and tell whether a fault was found."""
    from tests.fuzz.file_fuzz import for_minutes, fuzz_files  # noqa: PLC0415
    from tests.fuzz.files import FILES  # noqa: PLC0415
    from tests.fuzz.socket_fuzz import fuzz_sockets  # noqa: PLC0415

    if options.target == "sockets":
        run = fuzz_sockets(for_minutes(options.minutes), options.seed)
        print(run)
        return bool(run.faults)
    kinds = [options.kind] if options.kind else list(FILES)
    keep = Path(tempfile.mkdtemp(prefix="emgtype-fuzz-files-"))
    faults = False
    for kind in kinds:
        file_run = fuzz_files(kind, for_minutes(options.minutes / len(kinds)), options.seed, keep)
        print(file_run, flush=True)
        faults |= bool(file_run.faults)
    return faults


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="one of tests/fuzz/targets.py, or all")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=10.0, help="of files or sockets")
    parser.add_argument("--kind", help="of files; all")
    parser.add_argument("--seed", type=int, default=0, help="of files and sockets")
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.corpus:
        _fuzz(options.target, options.inputs, options.corpus)
        return
    if options.target in ("files", "sockets"):
        sys.exit(_fuzz_processes(options))
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - not where it is to be instrumented

    if options.target not in (*TARGETS, "all"):
        parser.error(f"no target {options.target!r}: expected one of {', '.join(TARGETS)}, all, files or sockets")
    failed = []
    for name in TARGETS if options.target == "all" else [options.target]:
        # Kept where it failed: the input is in it.
        folder = Path(tempfile.mkdtemp(prefix=f"emgtype-fuzz-{name}-"))
        (folder / "corpus").mkdir()
        call = [sys.executable, "-m", "tests.fuzz", name, "--inputs", str(options.inputs)]
        began = time.monotonic()
        done = subprocess.run(
            [*call, "--corpus", str(folder / "corpus")],
            env={**os.environ, "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        peak = [line.split()[-1] for line in done.stderr.splitlines() if "peak_rss_mb" in line]
        print(
            f"{name}: {options.inputs} inputs in {time.monotonic() - began:.0f} s, at most {''.join(peak) or '?'} MB, "
            + ("no fault" if done.returncode == 0 else f"FAULT, see {folder}\n{done.stderr[-3000:]}"),
            flush=True,
        )
        failed += [name] if done.returncode else []
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
