"""The command lines of the node's programs; each is told to be as little as a single node needs."""

from dataclasses import dataclass
from pathlib import Path

from cluster.layout import AUDIT_LOG, CONFIG, NODE, NODE_ADDRESS, PKI, SERVICES, STATE

PLUGINS = "/var/lib/kubelet/volume-plugins"  # the default lies in /usr, which is not ours


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the commands lie that the store has."""

    kubernetes: Path
    etcd: Path


def containerd() -> list[str]:
    """The container runtime, which is Debian's."""
    return ["containerd", "--config", str(CONFIG / "containerd.toml")]


def etcd(folders: Folders) -> list[str]:
    """The store of the API server; what it holds does not outlive the cluster, so it waits for no disk."""
    return [
        str(folders.etcd / "etcd"),
        f"--data-dir={STATE / 'etcd'}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",  # 50,000 objects, made and changed faster than old versions are dropped
        "--log-level=warn",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--listen-client-urls=https://127.0.0.1:2379",
        "--advertise-client-urls=https://127.0.0.1:2379",
        f"--cert-file={PKI / 'etcd.crt'}",
        f"--key-file={PKI / 'etcd.key'}",
        "--client-cert-auth",
        f"--trusted-ca-file={PKI / 'ca.crt'}",
    ]


def api_server(folders: Folders, audit: bool) -> list[str]:
    """With `audit`, what service accounts of namespaces ask for goes to the audit log."""
    return [
        str(folders.kubernetes / "kube-apiserver"),
        f"--advertise-address={NODE_ADDRESS}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        # metrics and webhooks are asked at the addresses of their pods
        "--enable-aggregator-routing=true",
        "--etcd-servers=https://127.0.0.1:2379",
        f"--etcd-cafile={PKI / 'ca.crt'}",
        f"--etcd-certfile={PKI / 'etcd.crt'}",
        f"--etcd-keyfile={PKI / 'etcd.key'}",
        f"--client-ca-file={PKI / 'ca.crt'}",
        f"--tls-cert-file={PKI / 'apiserver.crt'}",
        f"--tls-private-key-file={PKI / 'apiserver.key'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={PKI / 'service-account.pub'}",
        f"--service-account-signing-key-file={PKI / 'service-account.key'}",
        f"--kubelet-client-certificate={PKI / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={PKI / 'apiserver-kubelet.key'}",
        f"--kubelet-certificate-authority={PKI / 'ca.crt'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={PKI / 'ca.crt'}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={PKI / 'front-proxy.crt'}",
        f"--proxy-client-key-file={PKI / 'front-proxy.key'}",
        *(
            (f"--audit-policy-file={CONFIG / 'audit.yaml'}", f"--audit-log-path={AUDIT_LOG}", "--audit-log-maxsize=500")
            if audit
            else ()
        ),
    ]


def controller_manager(folders: Folders) -> list[str]:
    """All of Kubernetes' own controllers."""
    return [
        str(folders.kubernetes / "kube-controller-manager"),
        *_known_as("controller-manager"),
        f"--root-ca-file={PKI / 'ca.crt'}",
        f"--service-account-private-key-file={PKI / 'service-account.key'}",
        f"--cluster-signing-cert-file={PKI / 'ca.crt'}",
        f"--cluster-signing-key-file={PKI / 'ca.key'}",
        "--use-service-account-credentials=true",
        f"--flex-volume-plugin-dir={PLUGINS}",
        # a pod that goes and comes is seen by HPA and by us within seconds
        "--horizontal-pod-autoscaler-sync-period=5s",
    ]


def scheduler(folders: Folders) -> list[str]:
    """With one node it only says whether there is room."""
    return [str(folders.kubernetes / "kube-scheduler"), *_known_as("scheduler")]


def kubelet(folders: Folders) -> list[str]:
    """What runs the pods."""
    return [
        str(folders.kubernetes / "kubelet"),
        f"--config={CONFIG / 'kubelet.yaml'}",
        f"--kubeconfig={PKI / 'kubelet.kubeconfig'}",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_ADDRESS}",
    ]


def proxy(folders: Folders) -> list[str]:
    """What makes Services reachable, by nftables."""
    return [str(folders.kubernetes / "kube-proxy"), f"--config={CONFIG / 'proxy.yaml'}"]


def _known_as(name: str) -> list[str]:
    kubeconfig = PKI / f"{name}.kubeconfig"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]
