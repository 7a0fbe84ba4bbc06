"""Standard Webhooks: who a record is, and the headers that prove who sends it. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def identity(origin: str, value: bytes) -> str:
    """The id of a record, the same however often it is sent: from where it first stood, and what it is.

    The place alone would not do: a topic that is deleted and made again counts its offsets anew.
    """
    return "msg_" + hashlib.sha256(origin.encode() + b"\n" + value).hexdigest()[:32]


def headers(keys: Sequence[bytes], identity: str, at: int, body: bytes) -> dict[str, str]:
    """What goes with `body` at `at`, seconds since 1970; with several keys, a signature by each."""
    signed = b"%s.%d." % (identity.encode(), at) + body
    signatures = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
