"""`make quality`: how good what is made is. One subject after another, each by itself:

    python -m benchmarks.quality [SUBJECT …]

Each prints its tables and writes them to benchmarks/results; at the end there is one table of all subjects'
most telling figures.
"""

import subprocess
import sys
from pathlib import Path

from benchmarks.quality._pages import summarize

HERE = Path(__file__).resolve().parent


def main() -> int:
    known = [path.stem for path in sorted(HERE.glob("[!_]*.py"))]
    wanted = sys.argv[1:] or known
    if unknown := sorted(set(wanted) - set(known)):
        sys.exit(f"There is no {', '.join(unknown)}. Subjects: {', '.join(known)}.")
    failed = []
    for number, subject in enumerate(wanted, 1):
        print(f"[{number}/{len(wanted)}] {subject} …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", f"{__package__}.{subject}"]
        if subprocess.run(command, cwd=HERE.parent.parent, check=False).returncode:
            failed.append(subject)
    print(summarize(known))
    if failed:
        print(f"Not measured to the end: {', '.join(failed)}.", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
