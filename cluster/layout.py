"""Names, folders and addresses of the bare cluster: one for each machine, whichever checkout started it.

`MESO_CLUSTER_NUMBER`, from 1 to 9, names another one beside it. That is for tests of how a cluster comes and goes.
"""

import os
from pathlib import Path

NUMBER = int(os.environ.get("MESO_CLUSTER_NUMBER", "0"))
_MARK = f"-{NUMBER}" if NUMBER else ""

NAME = f"mesoscale-cluster{_MARK}"  # of its cgroup, and of what has to be told apart from others'
RUN = Path("/var/lib") / NAME  # all that it keeps while it is up; deleted when it goes down
STATE = RUN / "var-lib"  # is /var/lib on the node
LOGS = RUN / "log"  # one file for each program
PKI = RUN / "pki"
CONFIG = RUN / "config"
KUBECONFIG = RUN / "kubeconfig"
AUDIT_LOG = LOGS / "audit.log"
LOCK = Path("/run/lock") / f"{NAME}.lock"  # held while it goes up or down

NODE = "node"
LINK = f"meso-cluster{_MARK}"  # this machine's end of the wire to the node; 15 letters at most
HOST_ADDRESS = f"10.245.{NUMBER}.1"
NODE_ADDRESS = f"10.245.{NUMBER}.2"
WIRE = f"10.245.{NUMBER}.0/30"
PODS = f"10.244.{NUMBER}.0/24"
SERVICES = "10.96.0.0/16"  # known on the node only
API_SERVICE = "10.96.0.1"  # the first of the Services is always the API server's
DNS_SERVICE = "10.96.0.10"
API = f"https://{NODE_ADDRESS}:6443"
