"""Settings of the whole machine's kernel that a kubelet changes: remembered before, put back after."""

import json
from pathlib import Path

from cluster.layout import RUN

SETTINGS = Path("/proc/sys")
CHANGED = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
MEMORY = RUN / "kernel.json"


def remember() -> None:
    """Note the settings as they are, unless they are noted already."""
    if not MEMORY.exists():
        found = {name: (SETTINGS / name).read_text(encoding="utf-8").strip() for name in CHANGED}
        partial = MEMORY.with_suffix(".partial")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(MEMORY)


def restore() -> None:
    """Put back what was noted; nothing was changed where nothing was noted."""
    if MEMORY.exists():
        for name, value in json.loads(MEMORY.read_text(encoding="utf-8")).items():
            (SETTINGS / name).write_text(value, encoding="utf-8")
