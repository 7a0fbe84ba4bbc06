"""Names, folders and addresses of the bare cluster: one for each machine, whichever checkout started it."""

from pathlib import Path

NAME = "mesoscale-cluster"  # of its cgroup, and of what has to be told apart from others'
RUN = Path("/var/lib") / NAME  # all that it keeps while it is up; deleted when it goes down
STATE = RUN / "var-lib"  # is /var/lib on the node
LOGS = RUN / "log"  # one file for each program
PKI = RUN / "pki"
CONFIG = RUN / "config"
KUBECONFIG = RUN / "kubeconfig"
AUDIT_LOG = LOGS / "audit.log"
LOCK = Path("/run/lock") / f"{NAME}.lock"  # held while it goes up or down

NODE = "node"
LINK = "meso-cluster"  # this machine's end of the wire to the node
HOST_ADDRESS = "10.245.0.1"
NODE_ADDRESS = "10.245.0.2"
WIRE = "10.245.0.0/30"
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"  # the first of the Services is always the API server's
DNS_SERVICE = "10.96.0.10"
API = f"https://{NODE_ADDRESS}:6443"
