"""Writes the lock file of Kafka's jars: Maven resolves the roots, and every jar is kept with its checksum and size.

Run it by hand when Kafka is to be renewed (`python tools/lock_jars.py`); it needs `mvn`. Everybody else only reads the
lock, so `make generate` leaves it alone.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOTS = (
    ("org.apache.kafka", "kafka_2.13", "4.3.1"),
    (
        "org.apache.logging.log4j",
        "log4j-slf4j-impl",
        "2.25.4",
    ),  # the binding of the slf4j that Kafka logs through
)
LOCK = Path(__file__).parent.parent / "local/src/mesoscale_local/services/kafka-jars.lock"
HEADING = "# group:artifact:version sha256 bytes; written by tools/lock_jars.py"
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
PROJECT = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>lock</groupId><artifactId>lock</artifactId>"
    "<version>1</version><dependencies>{}</dependencies></project>"
)


def resolve() -> list[tuple[str, Path]]:
    """Coordinate and file of every jar that the roots need at run time."""
    with tempfile.TemporaryDirectory() as folder:
        pom, listing = Path(folder, "pom.xml"), Path(folder, "list.txt")
        pom.write_text(PROJECT.format("".join(DEPENDENCY.format(*root) for root in ROOTS)))
        goal = ["dependency:list", "-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true"]
        subprocess.run(["mvn", "-q", "-B", "-f", pom, *goal, f"-DoutputFile={listing}"], check=True)
        lines = [line.split() for line in listing.read_text().splitlines() if ":jar:" in line]
    jars = []
    for line in lines:
        group, artifact, _packaging, version, _scope, file = line[0].split(":", 5)
        jars.append((f"{group}:{artifact}:{version}", Path(file)))
    return sorted(jars)


def main() -> int:
    jars = resolve()
    lines = [
        f"{coordinate} {hashlib.sha256(file.read_bytes()).hexdigest()} {file.stat().st_size}"
        for coordinate, file in jars
    ]
    LOCK.write_text("\n".join([HEADING, *lines]) + "\n")
    print(f"{LOCK}: {len(jars)} jars, {sum(file.stat().st_size for _, file in jars) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
