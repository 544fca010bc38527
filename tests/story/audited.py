"""The service under the interpreter's audit hook: every file that is opened for writing, made or renamed is reported.

Run as a module, with the report's path in AUDIT_REPORT.
"""

import os
import sys

report = os.open(os.environ["AUDIT_REPORT"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITING):
            os.write(report, f"{path}\n".encode())
    elif event in {"os.rename", "os.link", "os.symlink", "shutil.move", "tempfile.mkstemp", "tempfile.mkdtemp"}:
        os.write(report, f"{arguments[-1] if event.startswith('os') else arguments[0]}\n".encode())


if __name__ == "__main__":
    from service.cli.main import main

    sys.addaudithook(watch)
    main()
