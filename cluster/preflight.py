"""What a machine must have for the bare cluster, and the command that provides what it lacks."""

import os
import sys
from pathlib import Path

from cluster import commands
from cluster.errors import Missing
from cluster.recipes import versions

# what is looked for -> the Debian package that has it
PROGRAMS = {
    "containerd": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "openssl": "openssl",
    "nsenter": "util-linux",
    "mmdebstrap": "mmdebstrap",
}
PLUGIN = Path("/usr/lib/cni/ptp")
OS_RELEASE = Path("/etc/os-release")
INSTEAD = "set MESO_KUBECONFIG to a cluster that is there already, or have Docker run and install kind"


def demand() -> None:
    """Return where this machine can carry the bare cluster.

    Raises:
        Missing: it cannot; all packages that it lacks are named at once.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Missing("the bare cluster needs Linux, and root", INSTEAD)
    release = versions().debian
    if f"VERSION_CODENAME={release}\n" not in OS_RELEASE.read_text(encoding="utf-8"):
        raise Missing(f"the bare cluster is made of Debian's {release}, and this is another system", INSTEAD)
    lacking = missing_packages()
    if lacking:
        raise Missing(
            f"the bare cluster needs {', '.join(lacking)}, not installed here", f"apt-get install {' '.join(lacking)}"
        )


def missing_packages() -> list[str]:
    """Debian packages that are not installed and have to be."""
    lacking = [package for program, package in PROGRAMS.items() if not commands.present(program)]
    return lacking if PLUGIN.exists() else [*lacking, "containernetworking-plugins"]
