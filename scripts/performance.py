#!/usr/bin/env python3
"""Put the figures of a bench into docs/performance.md.

.venv/bin/facewarden bench --json > report.json
.venv/bin/python scripts/performance.py report.json
"""

import json
import sys
from pathlib import Path

from evaluation.bench.markdown import tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
START, END = "<!-- figures: written by scripts/performance.py -->\n", "<!-- end of figures -->"


def main() -> None:
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n{tables(report)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
