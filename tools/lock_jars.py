"""Writes the locks of jars: Maven resolves the roots, and every jar is kept with its checksum and size.

Run it by hand when Kafka, Strimzi or a peer is to be renewed (`python tools/lock_jars.py`); it needs `mvn`. Everybody
else only reads the locks, so `make generate` leaves them alone.
"""

import hashlib
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent.parent
STRIMZI = tomllib.loads((HERE / "cluster/versions.toml").read_text(encoding="utf-8"))["maven"]["strimzi"]
ROOTS = {
    "local/src/mesoscale_local/services/kafka-jars.lock": (
        ("org.apache.kafka", "kafka_2.13", "4.3.1"),
        ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),  # the binding of the slf4j that Kafka logs through
    ),
    "cluster/strimzi-jars.lock": (
        ("io.strimzi", "api", STRIMZI),
        ("io.strimzi", "crd-generator", STRIMZI),
    ),
    "loadtest/peers/kafka_streams/jars.lock": (
        ("org.apache.kafka", "kafka-streams", "4.3.1"),
        ("org.eclipse.jdt", "ecj", "3.42.0"),  # the compiler: a Java runtime has none
    ),
    "loadtest/peers/flink/jars.lock": (("org.apache.flink", "flink-sql-connector-kafka", "5.0.0-2.2"),),
    "loadtest/peers/spark/jars.lock": (("org.apache.spark", "spark-sql-kafka-0-10_2.13", "4.1.1"),),
}
# What the package pyspark has in it.
SHIPPED = {"loadtest/peers/spark/jars.lock": ("spark-tags", "hadoop", "scala", "lz4", "snappy", "slf4j", "jsr305")}
HEADING = "# group:artifact:version sha256 bytes; written by tools/lock_jars.py"
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
PROJECT = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>lock</groupId><artifactId>lock</artifactId>"
    "<version>1</version><dependencies>{}</dependencies></project>"
)


def resolve(roots: tuple[tuple[str, str, str], ...]) -> list[tuple[str, Path]]:
    """Coordinate and file of every jar that the roots need at run time."""
    with tempfile.TemporaryDirectory() as folder:
        pom, listing = Path(folder, "pom.xml"), Path(folder, "list.txt")
        pom.write_text(PROJECT.format("".join(DEPENDENCY.format(*root) for root in roots)))
        goal = ["dependency:list", "-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true"]
        subprocess.run(["mvn", "-q", "-B", "-f", pom, *goal, f"-DoutputFile={listing}"], check=True)
        lines = [line.split() for line in listing.read_text().splitlines() if ":jar:" in line]
    jars = []
    for line in lines:
        group, artifact, _packaging, version, _scope, file = line[0].split(":", 5)
        jars.append((f"{group}:{artifact}:{version}", Path(file)))
    return sorted(jars)


def main() -> int:
    for lock, roots in ROOTS.items():
        shipped = SHIPPED.get(lock, ())
        jars = [jar for jar in resolve(roots) if not any(name in jar[0] for name in shipped)]
        lines = [
            f"{coordinate} {hashlib.sha256(file.read_bytes()).hexdigest()} {file.stat().st_size}"
            for coordinate, file in jars
        ]
        (HERE / lock).write_text("\n".join([HEADING, *lines]) + "\n")
        print(f"{lock}: {len(jars)} jars, {sum(file.stat().st_size for _, file in jars) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
