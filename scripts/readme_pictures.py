"""The pictures of the README, from a run of the demo: its page in a browser, its last lines in a terminal.

    python3 scripts/readme_pictures.py COHORT OUT [RUN]

COHORT is the program, OUT the folder for page.png and terminal.svg (docs/pictures), RUN the folder of `cohort demo`, which is
made where none is given. Needs Chromium for the page; pictures are of the program's own output, nothing is drawn by hand.
"""

import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTH, HEIGHT = 1120, 840
LINE, CHAR, MARGIN = 18, 7.83, 16
COLUMNS = 112  # what is longer is cut, with a mark


def page(report: Path, out: Path) -> None:
    """The first screen of the page."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no Chromium")
    with tempfile.TemporaryDirectory() as profile:
        switches = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={out}",
        ]
        subprocess.run([browser, *switches, report.resolve().as_uri()], check=True, capture_output=True)


def terminal(calls: list[tuple[str, str]], out: Path) -> None:
    """Calls and what they printed, as SVG text."""
    lines: list[tuple[str, str]] = []
    for call, printed in calls:
        lines.append(("call", f"$ {call}"))
        lines.extend(("text", line) for line in printed.rstrip("\n").split("\n"))
        lines.append(("text", ""))
    lines = [(kind, line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…") for kind, line in lines[:-1]]
    columns = max(len(line) for _, line in lines)
    width, height = round(2 * MARGIN + CHAR * columns), 2 * MARGIN + LINE * len(lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        "<title>Cohort in a terminal</title>",
        "<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;fill:#d7dae0}.call{fill:#8fd3a5}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#1d2026"/>',
    ]
    for number, (kind, line) in enumerate(lines):
        y = MARGIN + LINE * number + 13
        parts.append(f'<text class="{kind}" x="{MARGIN}" y="{y}">{html.escape(line)}</text>')
    out.write_text("\n".join(parts) + "\n</svg>\n")


def main() -> None:
    program, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    demo = Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else out / "demo"
    if not (demo / "run/report.html").is_file():
        subprocess.run([program, "demo", "--out", demo], check=True)

    def printed(*arguments: str) -> str:
        done = subprocess.run([program, *arguments], cwd=demo, capture_output=True, text=True)
        return done.stdout

    page(demo / "run/report.html", out / "page.png")
    clip = sorted((demo / "corpus/test").rglob("*.jpg"))[0].relative_to(demo)
    audit = printed("audit", "run/predictions.csv", "--labels", "corpus/test_set_age_labels.csv").split("\n3. EVERY GROUP")[0]
    terminal(
        [
            (f"cohort predict run {clip}", printed("predict", "run", str(clip))),
            ("cohort audit run/predictions.csv --labels corpus/test_set_age_labels.csv | head -n 40", "\n".join(audit.split("\n")[:40])),
        ],
        out / "terminal.svg",
    )


if __name__ == "__main__":
    main()
